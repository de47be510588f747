"""What the three machines of core.py have in common: messages of the user's own, and what callbacks may return."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from palleto.core.messages import Answer, Call, Cast, Effect, Message, Reason, Request
from palleto.core.outlet import Ledger
from palleto.errors import DemandError, ReturnError


def events_of(call: Call, result: Any) -> Sequence[Any]:
    """What a callback returned, as the events to emit: None is none. Raises ReturnError for anything but a list."""
    if result is None:
        return ()
    if isinstance(result, list | tuple):
        return result
    raise ReturnError(f"expected {call.callback} to return a list of events or None, got: {result!r:.80}")


class Core:
    """What the three have in common: messages of the user's own, and the ends of subscriptions."""

    def __init__(self) -> None:
        self._on: dict[type, Callable[[Any], list[Effect]]] = {Cast: self._cast, Request: self._request}
        self._after: dict[str, Callable[[Call, Any], list[Effect]]] = {
            "handle_cast": lambda call, result: self.emit(events_of(call, result)),
            "handle_call": self._answer,
            "handle_cancel": self._cancelled,
        }

    def receive(self, message: Message) -> list[Effect]:
        """Take one message; the effects are to be carried out in order."""
        try:
            handler = self._on[type(message)]
        except KeyError:
            raise DemandError(f"expected a message that a {type(self).__name__} takes, got: {message}") from None
        return handler(message)

    def returned(self, call: Call, result: Any) -> list[Effect]:
        """Take what the callback of `call` returned; these effects come before what was still to be done."""
        return self._after[call.callback](call, result)

    def emit(self, events: Sequence[Any]) -> list[Effect]:
        """Send `events` on. Raises DemandError from a consumer, which has nobody to send them to."""
        if events:
            raise DemandError(f"expected a consumer to emit no events, got: {len(events)}")
        return []

    def farewell(self, reason: Reason) -> list[Effect]:
        """Tell everyone this stage is subscribed to, or that subscribed to it, that it is gone."""
        return []

    def ledger(self) -> Ledger:
        """The accounts of this moment."""
        return Ledger()

    def in_hand(self) -> list[Any]:
        """Events that came or were emitted and have not gone on."""
        return []

    def _cast(self, message: Cast) -> list[Effect]:
        return [Call("handle_cast", (message.message,))]

    def _request(self, request: Request) -> list[Effect]:
        return [Call("handle_call", (request.message,), request)]

    def _answer(self, call: Call, result: Any) -> list[Effect]:
        if not isinstance(result, tuple) or len(result) != 2:
            raise ReturnError(f"expected handle_call to return (reply, events), got: {result!r:.80}")
        reply, events = result
        return [Answer(call.about, reply), *self.emit(events_of(call, events))]

    def _cancelled(self, call: Call, result: Any) -> list[Effect]:
        raise NotImplementedError
