"""What a stage does again and again: a turn of the express, as a fact on the tape calls it.

The same turn (one stage, its peers, so many events asked for, those accounts) is one object, made once: to write down
that it happened again takes its time, its events and the time of its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Accounts = tuple[int, ...]
"""A ledger: remembered, demand, buffered, dropped; () is a consumer's."""

ASKED, GIVEN, WANTED, HELD, CAME, RESUMED, HANDLED, PASSED = range(8)
"""How a turn begins, and how it ends: which trace events that are is told by the table in `tape.py`."""


@dataclass(slots=True, eq=False)
class Turn:
    """A turn, or a part of one, of a stage. Compared by identity.

    begun, ended:  how it begins, how it ends; None: that is told by another fact, or not yet.
    above, below:  whose events it took, or who asked for some; whom it sent events to.
    count:         how many were asked for.
    before, after: the accounts when it begins, and when it ends.
    """

    begun: int | None
    ended: int | None
    process: Any
    above: Any = None
    below: Any = None
    count: int = 0
    before: Accounts = ()
    after: Accounts = ()

    def beginning(self) -> Turn:
        """The first part of it alone."""
        return Turn(self.begun, None, self.process, self.above, self.below, self.count, self.before, self.after)

    def end(self) -> Turn:
        """The last part of it alone."""
        return Turn(None, self.ended, self.process, self.above, self.below, self.count, self.before, self.after)
