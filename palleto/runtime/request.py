"""A question that somebody waits to have answered, at once or later."""

from __future__ import annotations

from typing import Any

import anyio


class Request:
    """What `call` waits for. Answered once: what comes after the first answer or error is ignored.

    unanswered: where it is found as long as it is not answered: the stage that ends fails it.
    """

    def __init__(self, unanswered: dict[Request, None] | None = None) -> None:
        self._event = anyio.Event()
        self._value: Any = None
        self._error: Exception | None = None
        self._unanswered: dict[Request, None] = {}
        if unanswered is not None:
            self.keep_in(unanswered)

    def keep_in(self, unanswered: dict[Request, None]) -> None:
        """It will be answered later: it is in `unanswered` until then."""
        if not self._event.is_set():
            self._unanswered = unanswered
            unanswered[self] = None

    def answer(self, value: Any) -> None:
        """Give the answer."""
        if not self._event.is_set():
            self._value = value
            self._done()

    def fail(self, error: Exception) -> None:
        """Say that no answer will come."""
        if not self._event.is_set():
            self._error = error
            self._done()

    def _done(self) -> None:
        self._unanswered.pop(self, None)
        self._event.set()

    def __await__(self) -> Any:
        try:
            yield from self._event.wait().__await__()
        finally:
            self._unanswered.pop(self, None)
        if self._error is not None:
            raise self._error
        return self._value


class Reply:
    """What `handle_call` returns in the place of a reply that it cannot give yet: GenStage's `{:noreply, ...}`.

        def handle_call(self, event):
            self.waiting.append((reply := Reply(), event))
            return reply, []

    Later, in any callback: `reply.answer("ok")`, which is `GenStage.reply`. Whoever called gets NotFoundError if the
    stage ends first, TimeoutError if it takes too long.
    """

    def __init__(self) -> None:
        self._request: Request | None = None
        self._values: list[Any] = []

    def answer(self, value: Any) -> None:
        """Give the answer; the first counts."""
        self._values.append(value)
        if self._request is not None:
            self._request.answer(value)

    def to(self, request: Request) -> None:
        """Take the request that it answers."""
        self._request = request
        if self._values:
            request.answer(self._values[0])
