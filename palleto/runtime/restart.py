"""What a supervisor does when a child ends: which children are restarted, and when it gives up. Plain functions.

>>> restarts("permanent", "normal"), restarts("transient", "normal"), restarts("temporary", ValueError())
(True, False, False)
>>> affected("one_for_one", 1, 4), affected("rest_for_one", 1, 4), affected("one_for_all", 1, 4)
([1], [1, 2, 3], [0, 1, 2, 3])
>>> budget = Budget(max_restarts=3, max_seconds=5)
>>> [budget.spend(now) for now in (0, 1, 2, 3, 9)]
[True, True, True, False, True]
"""

from __future__ import annotations

from collections import deque
from typing import Literal

from palleto.core import NORMAL, Reason, whole
from palleto.errors import SettingError

Restart = Literal["permanent", "transient", "temporary"]
Strategy = Literal["one_for_one", "rest_for_one", "one_for_all"]


def restarts(restart: Restart, reason: Reason) -> bool:
    """Whether a child that ended for `reason` is started again: always, only after a crash, or never."""
    return restart == "permanent" or (restart == "transient" and reason not in NORMAL)


def affected(strategy: Strategy, index: int, count: int) -> list[int]:
    """Which of `count` children are stopped (last first) and started (first first) again for the one at `index`."""
    if strategy == "one_for_one":
        return [index]
    return list(range(index if strategy == "rest_for_one" else 0, count))


class Budget:
    """How often a supervisor may restart: `max_restarts` (0 or more; 3) times in any `max_seconds` (above 0; 5)."""

    def __init__(self, max_restarts: int = 3, max_seconds: float = 5.0) -> None:
        self.max_restarts = whole("max_restarts", max_restarts, 0)
        if max_seconds <= 0:
            raise SettingError(f"expected max_seconds to be above 0, got: {max_seconds!r}")
        self.max_seconds = max_seconds
        self._spent: deque[float] = deque()

    def spend(self, now: float) -> bool:
        """Take one restart at `now` (seconds of run time) out of the budget; False if there is none left."""
        while self._spent and now - self._spent[0] >= self.max_seconds:
            self._spent.popleft()
        if len(self._spent) >= self.max_restarts:
            return False
        self._spent.append(now)
        return True
