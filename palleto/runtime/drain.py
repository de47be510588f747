"""How a run drains: its sources stop, and what they gave goes down, stage by stage, until all of it is done.

1. **Sources stop at once.** Producers hear of no more demand; one that waits inside `handle_demand` is cancelled there.
   Tasks of a TaskSupervisor are killed, but for those that a consumer or producer-consumer has started: its timers
   still run while events come to it. What starts meanwhile (a restart) is a source that has stopped, too.
2. **From the top down.** When all stages above one are done, and nothing is on its way, its `handle_drain` is called,
   once; the events it returns go down, as any others do. When they are through, so is the stage: its tasks are killed.
3. **It ends** when the last stage is done: no message waits, no callback runs, nothing that was killed still runs, and
   no events wait for a stage whose own tasks may still ask for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anyio

from palleto.errors import DrainError
from palleto.runtime.process import Process

DRAIN = "drain"
"""(DRAIN, None, None): a message of the runtime's own; a stage that has a `handle_drain` calls it."""


async def drain(system: Any, timeout: float | None) -> None:
    """Drain a run (a `System`), whose sources have stopped. Raises DrainError after `timeout` seconds of run time."""
    with anyio.move_on_after(timeout) as scope:
        await _flow_down(system)
    if scope.cancelled_caught:
        raise DrainError(timeout, dict(unfinished(system)))


async def _flow_down(system: Any) -> None:
    told: list[Process] = []
    while True:
        await _through(system)
        system.drained.update(told)
        running = list(system.processes.values())
        for process in running:  # the tasks of those that are done
            process.drain()
        left = [process for process in running if process not in system.drained]
        if not left:
            return await _through(system)
        told = [process for process in left if system.drained.issuperset(above(process))]
        told = told or left  # they are subscribed to each other in a circle
        for process in told:
            mailbox: Any = getattr(process, "_mailbox", None)
            if mailbox is not None and DRAIN in mailbox.on:
                mailbox.stage.post((DRAIN, None, None))


async def _through(system: Any) -> None:
    """Wait until nothing is under way."""
    while True:
        ending = next((process for process in system.processes.values() if process.is_ending()), None)
        if ending is not None:
            await ending.wait()
        elif not system.is_idle():
            await system.idle()
        elif any(_awaited(system)):
            await system.next_idle()
        else:
            return


def above(process: Process) -> list[Process]:
    """The running stages that a stage is subscribed to."""
    core: Any = getattr(process, "core", None)
    producers = [subscription.producer for subscription in getattr(core, "windows", ())]
    return [producer for producer in producers if producer.running]


def _awaited(system: Any) -> Iterator[tuple[Process, Process, int]]:
    """The stages that hold events, those below whose own tasks may still ask for them, and how many are held."""
    owners = set(system.owners.values())
    for process in system.processes.values() if owners else ():
        core: Any = getattr(process, "core", None)
        dispatcher = getattr(core, "dispatcher", None)
        if dispatcher is None or not (held := len(core.in_hand())):
            continue
        for subscription in dispatcher.outstanding:
            if subscription.consumer in owners:
                yield process, subscription.consumer, held


def unfinished(system: Any) -> Iterator[tuple[str, str]]:
    """The processes that are not done, by name, and what each is at."""
    for process in system.processes.values():
        mailbox: Any = getattr(process, "_mailbox", None)
        if process.is_ending():
            yield process.label, "was killed, and still runs"
        elif process.is_busy() and mailbox is None:
            yield process.label, "still runs"
        elif process.is_busy():
            core = mailbox.stage.core
            if callback := core.port.awaiting:
                yield process.label, f"waits in its {callback}"
            elif waiting := len(mailbox.messages):
                yield process.label, f"has {waiting} messages in its mailbox"
            else:
                yield process.label, f"has {len(core.buffered)} events that its rate holds back"
    for process, consumer, held in _awaited(system):
        yield process.label, f"has {held} events that {consumer.label} has not asked for"
