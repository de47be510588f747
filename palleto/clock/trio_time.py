"""trio with a clock of its own, and an order of tasks that a seed repeats. `run.py` has the rules."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import anyio
import trio.testing

from palleto.clock import standstill
from palleto.clock.quiet import Quiet


def scaled_clock(factor: float) -> trio.abc.Clock:
    """A clock that starts at 0 and goes `factor` times faster than real time."""
    return trio.testing.MockClock(factor)


class VirtualTime:
    """The same rules on trio, whose run loop asks its clock how long to wait when no task can run.

    trio's `MockClock(autojump_threshold=0)` jumps by a difference, so rounding shifts timers, and it jumps
    while threads work. It cannot be subclassed, and trio makes no other clock jump (trio issue 1587); so three
    of its methods are replaced on the instance.
    """

    def __init__(self) -> None:
        self.scope: anyio.CancelScope | None = None
        self.quiet = Quiet()
        self._threads = trio.testing.active_thread_count
        self._now = self._next = 0.0
        self.clock = cast(Any, trio.testing.MockClock(autojump_threshold=0))
        self.clock.current_time = lambda: self._now
        self.clock.deadline_to_sleep_time = self._sleep_time
        self.clock._autojump = self._jump

    def enter(self) -> None:
        """Nothing is left to do once trio runs."""

    def _sleep_time(self, deadline: float) -> float:
        """Return how many real seconds to wait for I/O; the threshold, if shorter, leads to `_jump`."""
        self._next = deadline
        moves = deadline < math.inf or self.quiet.due(self._now)
        threshold = math.inf if self._threads() else 0.0 if moves else standstill.GRACE
        if threshold != self.clock.autojump_threshold:
            self.clock.autojump_threshold = threshold
        return 0.0 if deadline <= self._now else math.inf

    def _jump(self) -> None:
        if self.quiet.wake(self._now):
            return
        if self._next < math.inf:
            self._now = self._next
        elif self.scope is not None:
            self.scope.cancel()


_lock = threading.Lock()
_seeded_runs = 0
_trio_before: tuple[bool, object] = (False, None)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Make trio shuffle runnable tasks from `seed` on, and undo it afterwards.

    trio has no public way to say this: `_ALLOW_DETERMINISTIC_SCHEDULING` and `_r`, a `random.Random`, are what
    it sets for hypothesis. Runs that overlap share them; the last one to end restores them.
    """
    global _seeded_runs, _trio_before
    from trio._core import _run

    internals: Any = _run
    with _lock:
        if _seeded_runs == 0:
            _trio_before = (internals._ALLOW_DETERMINISTIC_SCHEDULING, internals._r.getstate())
        _seeded_runs += 1
        internals._ALLOW_DETERMINISTIC_SCHEDULING = True
        internals._r.seed(seed)
    try:
        yield
    finally:
        with _lock:
            _seeded_runs -= 1
            if _seeded_runs == 0:
                internals._ALLOW_DETERMINISTIC_SCHEDULING, state = _trio_before
                internals._r.setstate(state)
