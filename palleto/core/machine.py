"""What the machines have in common: a message in, what follows out through the port, and the user's own messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from typing import Any, ClassVar, NamedTuple

from palleto.core.messages import CALL, CAST, EMIT, Events, Message, Reason
from palleto.core.port import Port
from palleto.errors import DemandError, PalletoError, ReturnError


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


MOST = 10_000
"""So many events at most are taken out of what a callback returned in the place of a list: it may have no end."""


def given_out(result: Any) -> list[Any]:
    """The events in what a callback returned that is no list: those of an iterable, else that thing itself."""
    if isinstance(result, str | bytes | dict) or not isinstance(result, Iterable):
        return [] if result is None else [result]
    events: list[Any] = []
    try:
        events += islice(result, MOST)
    except Exception:  # it breaks off: those before are there
        return events
    return events


class Core:
    """A machine: it is given one message after the other, and acts through its port.

    on: what takes which message: `machine.on[kind](about, what)` is `machine.receive((kind, about, what))`.
    """

    kind: ClassVar[str]

    def __init__(self, port: Port) -> None:
        self.forwarding = True  # of a producer that keeps its demand back: False
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
        """Send `events` on. Raises DemandError from a consumer, which has nobody to send them to: they are lost."""
        if events:
            error = DemandError(f"expected a consumer to emit no events, got: {len(events)}")
            self._lose(events, error)
            raise error

    def farewell(self, reason: Reason) -> None:
        """Tell everyone this stage is subscribed to, or that subscribed to it, that it is gone."""

    def accounts(self) -> tuple[int, int, int, int]:
        """The ledger as a plain tuple, which takes a fifth of the time to make."""
        return NOTHING

    def ledger(self) -> Ledger:
        """The accounts of this moment."""
        return Ledger._make(self.accounts())

    def in_hand(self) -> list[Any]:
        """Events that came or were emitted and have not gone on."""
        return []

    def given(self, callback: str, result: Any) -> Events:
        """What a callback returned, as `events_of` has it; if it is no list, the events in it are lost."""
        try:
            return events_of(callback, result)
        except ReturnError as error:
            self._lose(result, error)
            raise

    def _lose(self, result: Any, error: PalletoError) -> None:
        """Give up the events in `result`, but for those that are in hand: they are lost with the stage."""
        in_hand = {id(event) for event in self.in_hand()}
        if events := [event for event in given_out(result) if id(event) not in in_hand]:
            self.port.lose(events, str(error))

    def _emit(self, then: Callable[[], object] | None, events: Events) -> None:
        self.emit(events)
        self.settle()

    def _cast(self, about: None, message: Any) -> None:
        self.port.call("handle_cast", message, self._cast_done)
        self.settle()

    def _cast_done(self, result: Any) -> None:
        self.emit(self.given("handle_cast", result))

    def _called(self, request: Any, message: Any) -> None:
        self.port.call("handle_call", message, partial(self._answered, request))
        self.settle()

    def _answered(self, request: Any, result: Any) -> None:
        if not isinstance(result, tuple) or len(result) != 2:
            error = ReturnError(f"expected handle_call to return (reply, events), got: {result!r:.80}")
            if isinstance(result, tuple | list):  # if it has a reply is not to be known, but of (reply, events, state)
                self._lose(result[1] if isinstance(result, tuple) and len(result) > 2 else result, error)
            raise error
        reply, events = result
        self.emit(self.given("handle_call", events))  # first, as in GenStage: if that is refused, there is no answer
        self.port.answer(request, reply)
