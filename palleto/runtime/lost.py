"""Events that were given up, and the log of them: nothing is lost in silence."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from typing import Any

from palleto.core import FULL
from palleto.errors import ReturnError, one_line

EVERY = 5.0
"""Seconds of run time between two warnings of one stage at the least; the second tells the sum since the first."""


class Lost(list[Any]):
    """Events (1 or more) that were lost, as `on_lost` hears of them: a list.

    why: in one line: "the buffer was full", what a key or selector raised, why their stage ended with them in hand, ...
    """

    def __init__(self, events: Iterable[Any], why: str) -> None:
        super().__init__(events)
        self.why = why


class LossLog:
    """The warnings of one stage about events that its machine has given up: at once, then their sums.

    It is GenStage's warning of a full buffer, but at most one in `EVERY` seconds for each kind of reason (the words
    before the colon): a full buffer drops events over and over. What is not told when the stage ends is told then.
    The stage's `format_discarded` may have another line for a full buffer, or none.
    """

    def __init__(self, stage: Any) -> None:
        self._stage = stage
        self._counts: Counter[str] = Counter()
        self._due: dict[str, float] = {}

    def add(self, count: int, why: str) -> None:
        """So many events more (1 or more) have been given up."""
        kind = why.partition(":")[0]
        self._counts[kind] += count
        now = self._stage.system.now()
        if now >= self._due.get(kind, 0.0):
            self._due[kind] = now + EVERY
            self._tell(self._counts.pop(kind), why)

    def close(self) -> None:
        """Tell what has not been told yet."""
        while self._counts:
            kind, count = self._counts.popitem()
            self._tell(count, kind)

    def _tell(self, count: int, why: str) -> None:
        stage = self._stage
        line: Any = stage.format_discarded(count) if why == FULL else True
        if line is True:
            line = f"{stage.label} has discarded {count:,} {'event' if count == 1 else 'events'}: {why}"
        if isinstance(line, str):
            logging.getLogger(f"palleto.{stage.label}").warning("%s", one_line(line))
        elif line not in (False, None):
            raise ReturnError(f"expected format_discarded to return a line, True, False or None, got: {line!r:.80}")
