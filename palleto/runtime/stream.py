"""From stages to plain Python: `async for` over a stage's events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable
from typing import Any

import anyio

from palleto.core import CancelMode, Reason
from palleto.errors import PalletoError
from palleto.runtime.kinds import Consumer
from palleto.runtime.process import Process, describe, is_crash
from palleto.runtime.stage import Stage
from palleto.runtime.system import System


class _Listener(Consumer[Any]):
    """Hands each event to `stream`, and takes the next batch only when the last one was fetched."""

    patience = 0.0  # whoever stopped reading fetches no more

    def __init__(self, to: str | Stage, terms: dict[str, Any]) -> None:
        self.to, self.terms = to, terms
        self.reason: Reason = "normal"

    def init(self) -> None:
        self.subscribe(self.to, **self.terms)
        self.sender, self.events = anyio.create_memory_object_stream[Any](0)

    async def handle_events(self, events: list[Any]) -> None:
        for event in events:
            await self.sender.send(event)

    def terminate(self, reason: Reason) -> None:
        self.sender.close()

    def child_exited(self, child: Process, reason: Reason) -> None:
        """It is its own parent."""
        self.reason = reason


async def stream(
    to: str | Stage,
    *,
    max_demand: int = 1000,
    min_demand: int | None = None,
    cancel: CancelMode = "permanent",
    partition: Hashable = None,
    selector: Callable[[Any], object] | None = None,
) -> AsyncIterator[Any]:
    """A stage's events, with the demand of the one who reads. The settings are `Terms`'.

        async for event in stream("Numbers", max_demand=10): ...

    Leave it early with `async with aclosing(stream(...)) as events`, and its subscription ends there and then.
    Ends when the stage stops; raises PalletoError if it crashed, NotFoundError if it does not run. Inside a run only.
    """
    terms = {
        "max_demand": max_demand,
        "min_demand": min_demand,
        "cancel": cancel,
        "partition": partition,
        "selector": selector,
    }
    listener = _Listener(to, terms)
    listener.start(System.current(), listener)
    try:
        async for event in listener.events:
            yield event
        await listener.wait()
        if is_crash(listener.reason):
            raise PalletoError(f"{to if isinstance(to, str) else to.label} crashed: {describe(listener.reason)}")
    finally:
        with anyio.CancelScope(shield=True):
            await listener.end()
        listener.events.close()
