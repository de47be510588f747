"""What users say: to a stage with `cast`, or `call` for an answer; to whoever reads the run, with `say`."""

from __future__ import annotations

from typing import Any

import anyio

from palleto.core import CALL, CAST
from palleto.errors import NotFoundError
from palleto.runtime.stage import Stage
from palleto.runtime.system import System, actor, whereis


def _stage(to: str | Stage) -> Stage:
    """The stage of that name, or itself. Raises NotFoundError for a process that has no mailbox."""
    stage = whereis(to) if isinstance(to, str) else to
    if not isinstance(stage, Stage):
        raise NotFoundError(f"expected a stage to send to, got: {stage!r}")
    return stage


def cast(to: str | Stage, message: Any) -> None:
    """Put a message of the user's own into the mailbox of a stage, by name or itself; its `handle_cast` gets it.

    Returns at once; nobody waits. Raises NotFoundError if no running stage has that name; the run's
    `on_refused` hears of the message then.
    """
    system = System.current()
    try:
        stage = _stage(to)
    except NotFoundError:
        system.refuse(message)
        raise
    if system.observer is not None:
        system.observer.cast(actor(), stage, message)
    if stage.running:
        stage.post((CAST, None, message))
    else:
        system.refuse(message)


def say(line: str) -> None:
    """Print a line of the lesson. It is part of the trace, with the stage and the line of code that said it."""
    system = System.current()
    if system.observer is not None:
        system.observer.note("said", actor(), text=line)
    system.say(line)


async def call(to: str | Stage, message: Any, timeout: float = 5.0) -> Any:
    """Ask a stage, by name or itself; its `handle_call` answers `(reply, events)` and the reply is returned.

    timeout: seconds of run time, 5 as in GenServer. Raises NotFoundError if the stage is not there or stops before it
    answers, TimeoutError if it takes longer.
    """
    stage = _stage(to)
    request = Request()
    stage.post((CALL, request, message))
    with anyio.fail_after(timeout):
        return await request


class Request:
    """A question that somebody waits to have answered."""

    def __init__(self) -> None:
        self._event = anyio.Event()
        self._value: Any = None
        self._error: Exception | None = None

    def answer(self, value: Any) -> None:
        """Give the answer."""
        self._value = value
        self._event.set()

    def fail(self, error: Exception) -> None:
        """Say that no answer will come, unless one has."""
        if not self._event.is_set():
            self._error = error
            self._event.set()

    def __await__(self) -> Any:
        yield from self._event.wait().__await__()
        if self._error is not None:
            raise self._error
        return self._value
