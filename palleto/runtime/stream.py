"""From stages to plain Python: `async for` over their events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable
from typing import Any

import anyio

from palleto.core import CancelMode, Reason, Subscription, Terms
from palleto.errors import NotFoundError, PalletoError
from palleto.runtime.kinds import Consumer
from palleto.runtime.process import Process, describe, is_crash
from palleto.runtime.stage import Stage
from palleto.runtime.system import System


class _Listener(Consumer[Any]):
    """Hands each event to `stream`, and takes the next batch only when the last one was fetched.

    failure: what `stream` raises at the end, or None. What the end of a subscription means is decided here, and not by
             its terms: by those a crash of a producer would be one of the reader, too.
    """

    patience = 0.0  # whoever stopped reading fetches no more

    def __init__(self, to: tuple[str | Stage, ...], cancel: CancelMode, terms: dict[str, Any]) -> None:
        self.to, self.mode, self.terms = to, cancel, terms
        self.left = len(to)
        self.failure: PalletoError | None = None

    def init(self) -> None:
        for to in self.to:
            self.subscribe(to, cancel="temporary", **self.terms)
        self.sender, self.events = anyio.create_memory_object_stream[Any](0)

    async def handle_events(self, events: list[Any]) -> None:
        for event in events:
            await self.sender.send(event)

    def handle_cancel(self, reason: tuple[str, Reason], subscription: Subscription) -> None:
        self.left -= 1
        kind, why = reason
        refused = kind == "cancel" and isinstance(why, Exception)
        if refused or (is_crash(why) and self.mode != "temporary"):
            what = "refused the subscription" if refused else "crashed"
            self.fail(f"{subscription.producer.label} {what}: {describe(why)}", why)
            self.stop()
        elif not self.left or self.mode == "permanent":
            self.stop()

    def fail(self, line: str, reason: Reason) -> None:
        """Let `stream` raise this, if it has nothing else to raise."""
        if self.failure is None:
            self.failure = PalletoError(line)
            self.failure.__cause__ = reason if isinstance(reason, BaseException) else None

    def terminate(self, reason: Reason) -> None:
        self.sender.close()

    def child_exited(self, child: Process, reason: Reason) -> None:
        """It is its own parent."""
        if is_crash(reason):
            names = ", ".join(to if isinstance(to, str) else to.label for to in self.to)
            self.fail(f"expected the stream of {names} to go on, but it has ended: {describe(reason)}", reason)


async def stream(
    to: str | Stage,
    *others: str | Stage,
    max_demand: int = 1000,
    min_demand: int | None = None,
    cancel: CancelMode = "permanent",
    partition: Hashable = None,
    selector: Callable[[Any], object] | None = None,
) -> AsyncIterator[Any]:
    """The events of a stage, or of several, with the demand of the one who reads. The settings are `Terms`'.

        async for event in stream("Numbers", max_demand=10): ...

    Leave it early with `async with aclosing(stream(...)) as events`, and its subscriptions end there and then.
    As GenStage's, it ends when its stage has ended: of several, the first with `cancel="permanent"`, else all. If one
    crashed, it raises PalletoError, with `cancel="temporary"` not. It raises PalletoError if a stage refuses the
    subscription, and NotFoundError if one does not run. It works inside a run only.
    """
    for each in (to, *others):
        if isinstance(each, Stage) and not each.running:
            raise NotFoundError(f"expected a stage that runs, got: {each}")
    Terms(cancel=cancel)  # refuses another word
    terms = {"max_demand": max_demand, "min_demand": min_demand, "partition": partition, "selector": selector}
    listener = _Listener((to, *others), cancel, terms)
    listener.start(System.current(), listener)
    try:
        async for event in listener.events:
            yield event
        await listener.wait()
        if listener.failure is not None:
            raise listener.failure
    finally:
        with anyio.CancelScope(shield=True):
            await listener.end()
        listener.events.close()
