"""What users say: to a stage with `cast`, or `call` for an answer; to whoever reads the run, with `say`."""

from __future__ import annotations

from typing import Any

import anyio

from palleto.core import CALL, CAST, EMIT
from palleto.errors import NotFoundError
from palleto.runtime.actor import actor
from palleto.runtime.kinds import Emits
from palleto.runtime.request import Request
from palleto.runtime.stage import Stage
from palleto.runtime.system import System, title_of, whereis


def _stage(to: str | Stage) -> Stage:
    """The stage of that name, or itself. Raises NotFoundError for a process that has no mailbox."""
    stage = whereis(to) if isinstance(to, str) else to
    if not isinstance(stage, Stage):
        raise NotFoundError(f"expected a stage to send to, got: {stage!r}")
    return stage


def cast(to: str | Stage, message: Any) -> None:
    """Put a message of the user's own into the mailbox of a stage, by name or itself; its `handle_cast` gets it.

    Returns at once; nobody waits. Raises NotFoundError if no running stage has that name; the run's `on_refused` hears
    of the message then. Raises EndlessError in a stage that casts to itself over and over, without virtual time moving.
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
        if actor() is stage:
            system.pump.turned_again(stage)
        stage.post((CAST, None, message))
    else:
        system.refuse(message)


def async_info(to: str | Stage, message: Any) -> None:
    """The same as `cast`, but heard after the events that are in the stage's buffer now: GenStage's `async_info`.

    That is when they have gone on. A consumer has no buffer, and hears of it as of any `cast`.
    """
    stage = _stage(to)
    if isinstance(stage, Emits) and stage.running:
        stage.post((EMIT, lambda: cast(stage, message), ()))
    else:
        cast(stage, message)


def say(line: str) -> None:
    """Print a line of the lesson. It is part of the trace, with the stage and the line of code that said it."""
    system = System.current()
    if system.observer is not None:
        system.observer.note("said", actor(), text=line)
    system.say(line)


async def call(to: str | Stage, message: Any, timeout: float = 5.0) -> Any:
    """Ask a stage, by name or itself; its `handle_call` answers `(reply, events)` and the reply is returned.

    The reply may be a `Reply`: then the stage answers later.

    timeout: seconds of run time, 5 as in GenServer. Raises NotFoundError if the stage is not there or stops before it
    answers (if it crashes, that is the error's `__cause__`), TimeoutError if it takes longer.
    """
    System.current()  # raises outside of a run
    stage = _stage(to)
    request = Request()
    stage.post((CALL, request, message))
    with anyio.move_on_after(timeout):
        return await request
    at = stage.core.port.awaiting
    why = "it has not" if at is None else f"it waits in its {at}"
    raise TimeoutError(
        f"expected {title_of(stage)} to answer {message!r:.80} within {timeout:g} s, but {why}; give call(timeout=...) "
        "more, or let handle_call return a Reply and answer later"
    )
