"""A run that stands: demand is owed, nothing runs, and nothing is expected to. One line says who waits for whom.

`palleto.replay.explain` says the same of a trace, in the same words, and looks further for the cause.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Any

import anyio

from palleto.clock import is_virtual, virtual_time
from palleto.errors import one_line

WAIT = 5.0
"""Seconds of run time between two looks, where time is not virtual."""


def waits(count: int, producer: str) -> str:
    """What a consumer does that is owed events."""
    return f"waits for {events(count)} of {producer}"


def remembers(count: int, buffered: int) -> str:
    """What a producer does that owes events."""
    return f"remembers demand for {events(count)}" + (f", with {buffered} in its buffer" if buffered else "")


def events(count: int) -> str:
    """A number of events, in words."""
    return f"{count} event{'' if count == 1 else 's'}"


def standstill(system: Any) -> str | None:
    """Who waits for whom in a run (a `System`) that stands; None if it does not.

    The chain goes up as demand does: from a consumer that is owed events, over who it waits for, to the source.
    """
    if system.expected or system.timers or system.quieted or system.pump.holds or not system.is_idle():
        return None
    owed = {process: found for process in system.processes.values() if (found := _owed(process)) is not None}
    awaited = {producer for producer, _ in owed.values()}
    process: Any = next((process for process in owed if process not in awaited), None)
    if process is None:  # nobody is owed anything
        return None
    chain: list[str] = []
    while process in owed:
        producer, count = owed.pop(process)
        chain.append(f"{process.label} {waits(count, producer.label)}")
        process = producer
    remembered, _, buffered, _ = process.core.accounts()
    return "; ".join([*chain, f"{process.label} {remembers(remembered, buffered)}, and nothing that runs gives them"])


def _owed(process: Any) -> tuple[Any, int] | None:
    """Of whom a stage waits for the most events, and for how many; None if for none."""
    windows = getattr(getattr(process, "core", None), "windows", {})
    counts = {each.producer: window.outstanding for each, window in windows.items() if each.producer.running}
    producer = max(counts, key=counts.__getitem__, default=None)
    return None if producer is None or not counts[producer] else (producer, counts[producer])


def watch(system: Any, hear: Callable[[str], None]) -> Callable[[], object]:
    """Look whether a run stands, until it does, and tell `hear` then; returns what ends that.

    On virtual time it looks whenever no task can run, else now and then: while things move, it costs nothing.
    """

    def look() -> bool:
        line = standstill(system)
        if line is not None:
            system.tell(hear, one_line(f"standstill at {system.now():.3f} s: {line}"))
        return line is not None

    async def look_now_and_then() -> None:
        with watching:
            while True:
                await anyio.sleep(WAIT)
                if look():
                    return

    if is_virtual():
        looks = virtual_time().quiet.looks
        in_the_run = partial(copy_context().run, look)
        looks[in_the_run] = None
        return lambda: looks.pop(in_the_run, None)
    watching = anyio.CancelScope()
    system.tasks.start_soon(look_now_and_then, name="palleto standstill")
    return watching.cancel
