"""What ends a run of a step: a number of events, an empty queue, a file that comes a second time.

An ending is called with the state of the run, and waits until the run should end. Steps name theirs; `--events`,
`--for` and `--forever` take its place.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import anyio

from palleto.cloud.endurance import Endurance, no_queue
from palleto.errors import CloudError
from palleto.program.options import Options
from palleto.program.queue_depth import messages_in
from palleto.program.state import RunState
from palleto.runtime import Process
from palleto.trace import TraceEvent

LOOK = 0.5
"""Seconds of run time between two looks at the queue."""

Ending = Callable[[RunState], Coroutine[Any, Any, None]]


def after_events(count: int) -> Ending:
    """End when the consumers have consumed `count` (1 or more) events."""

    async def ending(state: RunState) -> None:
        consumed = 0

        def enough(consumer: Process, more: int) -> bool:
            nonlocal consumed
            consumed += more
            return consumed >= count

        await _heard(state, state.recorder.on_consumed, enough)

    return ending


async def second_time(state: RunState) -> None:
    """End when an event has been consumed that had been consumed before, or when the queue is empty and none can be."""
    seen: set[str] = set()

    def again(event: TraceEvent) -> bool:
        if event.kind != "handled" or not event.data["last"]:
            return False
        known = not seen.isdisjoint(event.ids)
        seen.update(event.ids)
        return known

    await first_of(lambda state: _heard(state, state.recorder.listeners, again), queue_empty)(state)


async def _heard(state: RunState, listeners: list[Any], reached: Callable[..., bool]) -> None:
    """Wait until a listener hears what `reached` is true of. The end is in that very moment, before anything else."""
    event = anyio.Event()

    def hear(*told: Any) -> None:
        if not event.is_set() and reached(*told):
            event.set()
            state.end()

    listeners.append(hear)
    try:
        await event.wait()
    finally:
        listeners.remove(hear)


def first_of(*endings: Ending) -> Ending:
    """End when the first of `endings` does."""

    async def ending(state: RunState) -> None:
        async with anyio.create_task_group() as tasks:

            async def end(one: Ending) -> None:
                await one(state)
                tasks.cancel_scope.cancel()

            for one in endings:
                tasks.start_soon(end, one)

    return ending


async def queue_empty(state: RunState) -> None:
    """End when every file is up, the queue holds no message, seen or unseen, and none is in hand.

    Messages that another worker has in hand are among the unseen: a worker does not end while they might come back, so
    a worker that is killed is made good by the others, one visibility timeout later. A worker that joins (`--files 0`)
    an empty queue ends at once: start the one that puts the files first, or join with `--forever`.
    A server that does not answer is asked again. Raises CloudError where asking again would not help.
    """
    await state.uploaded.wait()
    warehouse = state.warehouse
    assert warehouse is not None, "this ending is for steps with a queue"
    empty = 0
    # SQS counts approximately: two looks in a row must agree. And but for the places in this process, S3 announces a
    # file some time after it has answered the put: 0.5 s on a LocalStack of a loaded machine.
    looks = 2 if warehouse.cloud.place.name in ("simulated", "embedded") else 6
    while empty < looks:
        try:
            is_empty = warehouse.leases.idle and await messages_in(warehouse, warehouse.queue_url) == 0
        except CloudError as error:
            ending = Endurance().judge(error.operation, {}, error, 0.0)
            if ending is not None and not no_queue(error):  # of that the pipeline's own requests tell
                raise ending from error
            is_empty = False
        empty = empty + 1 if is_empty else 0
        await anyio.sleep(LOOK)


def endings_of(until: Ending, options: Options, *, cloud: bool) -> list[Ending]:
    """The endings of a run: those that the options name, else `until`. `cloud`: the step has a queue."""
    found: list[Ending] = []
    if options.events is not None:
        enough = after_events(options.events)
        # Nobody but this run can put files on the simulated place: an empty queue there stays empty for ever.
        found.append(first_of(enough, queue_empty) if options.virtual and cloud else enough)
    if options.seconds is not None:
        seconds = options.seconds
        found.append(lambda state: anyio.sleep(seconds))
    if options.forever:
        return found
    return found or [until]
