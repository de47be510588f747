"""What the machines have in common: a message in, what follows out through the port, and the user's own messages."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, NamedTuple

from palleto.core.messages import CALL, CAST, EMIT, Events, Message, Reason
from palleto.core.port import Port
from palleto.errors import DemandError, ReturnError


class Ledger(NamedTuple):
    """A stage's accounts at one moment, in events.

    The law: `0 <= remembered - max(0, demand - buffered) <= the demand of cancelled subscriptions`, for a producer
    that forwards its demand. Without cancellations remembered demand is exactly what is wanted and not there.
    """

    remembered: int = 0
    demand: int = 0
    buffered: int = 0
    dropped: int = 0


NOTHING = Ledger()


def events_of(callback: str, result: Any) -> Events:
    """What a callback returned, as the events to emit: None is none. Raises ReturnError for anything but a list."""
    if result is None:
        return ()
    if isinstance(result, list | tuple):
        return result
    raise ReturnError(f"expected {callback} to return a list of events or None, got: {result!r:.80}")


class Core:
    """A machine: it is given one message after the other, and acts through its port.

    on: what takes which message: `machine.on[kind](about, what)` is `machine.receive((kind, about, what))`.
    """

    kind: ClassVar[str]

    def __init__(self, port: Port) -> None:
        self.port = port
        self.send = port.send  # bound once, as it is handed on for each batch
        self.on: dict[str, Callable[[Any, Any], None]] = {CAST: self._cast, CALL: self._called, EMIT: self._emit}

    def receive(self, message: Message) -> None:
        """Take one message. Raises DemandError for one that is not for this machine."""
        kind, about, what = message
        if kind not in self.on:
            raise DemandError(f"expected a message that a {self.kind} takes, got: {kind}")
        self.on[kind](about, what)

    def settle(self) -> None:
        """Do what is due now; nothing, if nothing is. The machine is settled between any two messages."""

    def emit(self, events: Events) -> None:
        """Send `events` on. Raises DemandError from a consumer, which has nobody to send them to."""
        if events:
            raise DemandError(f"expected a consumer to emit no events, got: {len(events)}")

    def farewell(self, reason: Reason) -> None:
        """Tell everyone this stage is subscribed to, or that subscribed to it, that it is gone."""

    def ledger(self) -> Ledger:
        """The accounts of this moment."""
        return NOTHING

    def in_hand(self) -> list[Any]:
        """Events that came or were emitted and have not gone on."""
        return []

    def _emit(self, about: None, events: Events) -> None:
        self.emit(events)
        self.settle()

    def _cast(self, about: None, message: Any) -> None:
        self.port.call("handle_cast", message, self._cast_done)
        self.settle()

    def _cast_done(self, result: Any) -> None:
        self.emit(events_of("handle_cast", result))

    def _called(self, request: Any, message: Any) -> None:
        self.port.call("handle_call", message, partial(self._answered, request))
        self.settle()

    def _answered(self, request: Any, result: Any) -> None:
        if not isinstance(result, tuple) or len(result) != 2:
            raise ReturnError(f"expected handle_call to return (reply, events), got: {result!r:.80}")
        reply, events = result
        events = events_of("handle_call", events)
        self.port.answer(request, reply)
        self.emit(events)
