"""Who acts: the process for which the code that runs now was called."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from palleto.runtime.mailbox import Mailbox
from palleto.runtime.process import Process


class Turns(Protocol):
    """Who gives several stages their turns in one task, one after the other."""

    acting: Mailbox | None
    """Of the stage whose turn it is."""


_actor: ContextVar[Process | Turns | None] = ContextVar("palleto.actor", default=None)


def actor() -> Process | None:
    """The process that the caller acts for: a stage in its callback, a task; None elsewhere."""
    acting = _actor.get()
    if acting is None or isinstance(acting, Process):
        return acting
    return None if acting.acting is None else acting.acting.stage


def act_as(who: Process | Turns) -> None:
    """Let the current task act for a process, from now on, or for whoever is given a turn."""
    _actor.set(who)


@contextmanager
def acting_as(process: Process) -> Iterator[None]:
    """Let the caller act for a process inside of the block."""
    before = _actor.set(process)
    try:
        yield
    finally:
        _actor.reset(before)
