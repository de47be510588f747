"""What a running stage's machine acts through: others' mailboxes, and the user's callbacks."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from palleto.core import FULL, Callback, Events, Message, Reason, Then
from palleto.errors import ReturnError
from palleto.runtime.observer import Observer
from palleto.runtime.request import Reply, Request


class Stopped(Exception):
    """Leaves the stage's mailbox, when a message or the machine says stop."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class StagePort:
    """The port of a running stage. A plain callback comes back at once.

    callbacks: the user's, by name; each takes one argument.
    send:      puts a message into a stage's mailbox.
    lose:      tells the run of events that are given up.
    waiting:   what an async callback returned, still to be awaited, and what follows then: the stage's task sees to it.
    awaiting:  the async callback that has been called and has not come back, or None.
    cut:       whether a drain has cancelled it.
    requests:  those that are answered later; at the stage's end they fail.
    failures:  a list while the stage says farewell: what an observer raises then goes there.
    """

    def __init__(
        self,
        callbacks: dict[str, Callable[[Any], Any]],
        send: Callable[[Any, Message], None],
        lose: Callable[[Events, str], None],
        *,
        awaits: bool,
    ) -> None:
        self._callbacks = callbacks
        self.send = send
        self.lose = lose
        self._awaits = awaits
        self.waiting: tuple[Awaitable[Any], Then] | None = None
        self.awaiting: Callback | None = None
        self.cut = False
        self.failures: list[Exception] | None = None
        self.requests: dict[Request, None] = {}

    def call(self, callback: Callback, argument: Any, then: Then) -> None:
        """Call the user's callback; `then` gets what it returned, at once or when the stage's task has awaited it."""
        result = self._callbacks[callback](argument)
        if result is None or result.__class__ is list or not inspect.isawaitable(result):
            then(result)
        elif self._awaits:
            self.wait(callback, result, then)
        else:
            refuse_to_await(callback, result)

    def wait(self, callback: Callback, result: Awaitable[Any], then: Then) -> None:
        """Leave what a callback returned to the stage's task, which awaits it."""
        self.waiting, self.awaiting = (result, then), callback

    def answer(self, request: Any, value: Any) -> None:
        """Hand `value` to whoever waits for this request."""
        if isinstance(value, Reply):
            request.keep_in(self.requests)
            value.to(request)
        else:
            request.answer(value)

    def stop(self, reason: Reason) -> None:
        """Stop the stage: leave its mailbox with Stopped."""
        raise Stopped(reason)


class ObservedPort(StagePort):
    """The same, and it tells an observer what it passes on.

    crash: ends the stage after the message that it has taken, as an observer has raised this over it: what the message
           leads to is done to its end, or events would be neither sent nor kept.
    """

    def __init__(
        self,
        callbacks: dict[str, Callable[[Any], Any]],
        send: Callable[[Any, Message], None],
        lose: Callable[[Events, str], None],
        *,
        awaits: bool,
        stage: Any,
        observer: Observer,
        crash: Callable[[Exception], None],
    ) -> None:
        super().__init__(callbacks, self._send, self._drop, awaits=awaits)
        self._pass, self._lose, self._stage, self._observer, self._crash = send, lose, stage, observer, crash

    def _send(self, to: Any, message: Message) -> None:
        try:
            self._observer.sent(self._stage, to, message)
        except Exception as error:
            if self.failures is None:
                self._crash(error)
            else:
                self.failures.append(error)
        self._pass(to, message)

    def _drop(self, events: Events, why: str) -> None:
        if why == FULL:
            try:
                self._observer.dropped(self._stage, events)
            except Exception as error:
                self._crash(error)
        self._lose(events, why)

    def call(self, callback: Callback, argument: Any, then: Then) -> None:
        observer, stage = self._observer, self._stage
        observer.called(stage, callback, argument)

        def returned(result: Any) -> None:
            then(result)
            observer.returned(stage, callback, argument)

        StagePort.call(self, callback, argument, returned)

    def wait(self, callback: Callback, result: Awaitable[Any], then: Then) -> None:
        self._observer.awaits(self._stage, result)
        super().wait(callback, result, then)


def refuse_to_await(callback: str, result: Any) -> None:
    """A stage without an `async` callback has no task to wait in. Raises ReturnError."""
    if inspect.iscoroutine(result):
        result.close()
    raise ReturnError(f"expected {callback} to be declared `async def`, as it awaits")
