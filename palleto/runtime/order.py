"""The order of turns that somebody decides, on virtual time: an experiment, a learner, a search for a bad schedule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import anyio

from palleto.clock import quiet
from palleto.errors import SettingError
from palleto.runtime.mailbox import Mailbox

Order: TypeAlias = Callable[[Sequence[Any]], Any]
"""Whose turn it is: gets the stages that have a message waiting, returns one of them, or None."""


class OrderedTurns:
    """Gives turns as an `Order` says: whenever no task can run, it is asked who takes its next message.

    fail: ends the run with an error.
    """

    def __init__(self, order: Order, fail: Callable[[Exception], None]) -> None:
        self._order, self._fail = order, fail
        self._waiting: dict[Mailbox, anyio.Event] = {}  # who has waited longest first
        self._deciding = anyio.CancelScope()
        self._over = False

    async def decide(self) -> None:
        """Give turns until `let_go`. What the order raises fails the run."""
        later = False
        with self._deciding:
            while True:
                await quiet(later=later)
                try:
                    later = self._give_turn()
                except Exception as error:
                    self._fail(error)
                    return

    def _give_turn(self) -> bool:
        """Returns whether time is to go on first."""
        waiting = [mailbox.stage for mailbox in self._waiting]
        chosen = self._order(waiting)
        if chosen is None:
            return True
        if not any(chosen is stage for stage in waiting):
            raise SettingError(f"expected the order to choose one of {waiting} or None, got: {chosen!r}")
        self._waiting.pop(chosen._mailbox).set()
        return False

    async def turn(self, mailbox: Mailbox) -> None:
        """Wait until a stage is given its turn."""
        if self._over:
            return
        given = self._waiting[mailbox] = anyio.Event()
        try:
            await given.wait()
        finally:
            self._waiting.pop(mailbox, None)

    def let_go(self) -> None:
        """Ask nobody any more: each stage takes its messages when it can."""
        self._over = True
        self._deciding.cancel()
        for given in self._waiting.values():
            given.set()
