"""What a running stage's machine acts through: others' mailboxes, and the user's callbacks."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from palleto.core import Callback, Events, Message, Reason, Then
from palleto.errors import ReturnError
from palleto.runtime.mailbox import post
from palleto.runtime.observer import Observer


class Stopped(Exception):
    """Leaves the stage's mailbox, when a message or the machine says stop."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class StagePort:
    """The port of a running stage. A plain callback comes back at once.

    callbacks: the user's, by name; each takes one argument.
    lose:      hears of events that are given up.
    waiting:   what an async callback returned, still to be awaited, and what follows then: the stage's task sees to it.
    """

    def __init__(
        self, callbacks: dict[str, Callable[[Any], Any]], lose: Callable[[list[Any]], None], *, awaits: bool
    ) -> None:
        self._callbacks = callbacks
        self._lose = lose
        self._awaits = awaits
        self.send: Callable[[Any, Message], None] = post
        self.waiting: tuple[Awaitable[Any], Then] | None = None

    def call(self, callback: Callback, argument: Any, then: Then) -> None:
        """Call the user's callback; `then` gets what it returned, at once or when the stage's task has awaited it."""
        result = self._callbacks[callback](argument)
        if result is None or result.__class__ is list or not inspect.isawaitable(result):
            then(result)
        elif self._awaits:
            self.wait(result, then)
        else:
            refuse_to_await(callback, result)

    def wait(self, result: Awaitable[Any], then: Then) -> None:
        """Leave what a callback returned to the stage's task, which awaits it."""
        self.waiting = result, then

    def lose(self, events: Events, why: str) -> None:
        """Tell the run of events that are given up."""
        self._lose(list(events))

    def answer(self, request: Any, value: Any) -> None:
        """Hand `value` to whoever waits for this request."""
        request.answer(value)

    def stop(self, reason: Reason) -> None:
        """Stop the stage: leave its mailbox with Stopped."""
        raise Stopped(reason)


class ObservedPort(StagePort):
    """The same, and it tells an observer what it passes on."""

    def __init__(
        self,
        callbacks: dict[str, Callable[[Any], Any]],
        lose: Callable[[list[Any]], None],
        *,
        awaits: bool,
        stage: Any,
        observer: Observer,
    ) -> None:
        super().__init__(callbacks, lose, awaits=awaits)
        self._stage, self._observer = stage, observer
        self.send = self._send

    def _send(self, to: Any, message: Message) -> None:
        self._observer.sent(self._stage, to, message)
        post(to, message)

    def call(self, callback: Callback, argument: Any, then: Then) -> None:
        observer, stage = self._observer, self._stage
        observer.called(stage, callback, argument)

        def returned(result: Any) -> None:
            then(result)
            observer.returned(stage, callback, argument)

        StagePort.call(self, callback, argument, returned)

    def wait(self, result: Awaitable[Any], then: Then) -> None:
        self._observer.awaits(self._stage, result)
        super().wait(result, then)

    def lose(self, events: Events, why: str) -> None:
        self._observer.dropped(self._stage, events)
        super().lose(events, why)


def refuse_to_await(callback: str, result: Any) -> None:
    """A stage without an `async` callback has no task to wait in. Raises ReturnError."""
    if inspect.iscoroutine(result):
        result.close()
    raise ReturnError(f"expected {callback} to be declared `async def`, as it awaits")
