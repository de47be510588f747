"""asyncio's event loop with a clock of its own: N times faster, or virtual. `run.py` has the rules."""

from __future__ import annotations

import asyncio
import itertools
import math
import selectors
import threading
import time as real_time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias, cast

import anyio

from palleto.clock import standstill
from palleto.clock.quiet import Quiet
from palleto.errors import StandstillError

_Ready: TypeAlias = list[tuple[selectors.SelectorKey, int]]
_Poll: TypeAlias = Callable[[float | None], _Ready]
_lock = threading.Lock()


def running_loop() -> VirtualLoop:
    """The virtual loop that runs in this thread."""
    return cast(VirtualLoop, asyncio.get_running_loop())


class _Selector(selectors.DefaultSelector):
    """A selector that leaves it to the event loop how long to wait."""

    wait: Callable[[Callable[[float | None], _Ready], float | None], _Ready]

    def select(self, timeout: float | None = None) -> _Ready:
        return self.wait(super().select, timeout)


class ScaledLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock starts at 0 and goes `factor` times faster than real time."""

    _clock_resolution: float  # asyncio runs timers that are due within this many seconds

    def __init__(self, factor: float) -> None:
        self._factor, self._start, self._base = factor, real_time.monotonic(), 0.0
        selector = _Selector()
        selector.wait = self._wait
        super().__init__(selector)
        self._clock_resolution *= factor
        self.slow_callback_duration *= factor

    def time(self) -> float:
        return self._base + (real_time.monotonic() - self._start) * self._factor

    def set_factor(self, factor: float) -> None:
        """Go `factor` times faster than real time from now on; 0: time stands. Only in the loop's own thread."""
        self._base, self._start, self._factor = self.time(), real_time.monotonic(), factor

    def _wait(self, poll: _Poll, timeout: float | None) -> _Ready:
        if timeout and not self._factor:
            return poll(None)  # no timer will be due; a call from another thread, or I/O, ends the wait
        return poll(timeout and timeout / self._factor)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock stands while anything can run, and then jumps to the next timer."""

    _scheduled: list[asyncio.TimerHandle]  # asyncio's own heap of timers, earliest first
    _clock_resolution: float

    def __init__(self) -> None:
        self.scope: anyio.CancelScope | None = None
        self.quiet = Quiet()
        self._now = 0.0
        self._calls = 0  # of run_in_executor, under way
        self._workers: set[Any] = set()
        self._idle: deque[Any] = deque()
        selector = _Selector()
        selector.wait = self._wait
        super().__init__(selector)
        self.serials = itertools.count()
        self.set_task_factory(_Task)
        self._jump(0.0)

    def time(self) -> float:
        return self._now

    def _jump(self, when: float) -> None:
        # asyncio runs the timers below time() + resolution: with one unit in the last place, those up to
        # `when` and no other. Its usual 1e-9 is lost in rounding after 97 days, and no timer would run again.
        self._now, self._clock_resolution = when, math.ulp(when)

    def _wait(self, poll: _Poll, timeout: float | None) -> _Ready:
        ready = poll(0)
        if ready or timeout == 0:  # 0: there are callbacks to run, or timers are due
            return ready
        if self._calls or len(self._workers) > len(self._idle):
            return poll(None)
        if self.quiet.wake(self._now):
            return []
        when = self._scheduled[0].when() if self._scheduled else math.inf
        if when < math.inf:
            self._jump(when)
            return []
        ready = poll(standstill.GRACE)
        if not ready:
            if self.scope is None or self.scope.cancel_called:
                raise StandstillError  # a task refuses to be cancelled; asyncio breaks off what is left
            self.scope.cancel()
        return ready

    def enter(self) -> None:
        """Make anyio, in this run, show its threads and cancel tasks in an order that repeats."""
        from anyio._backends import _asyncio

        # anyio has no public count of the threads at work. It keeps all workers in one variable of the run, the
        # idle ones in another, and changes both in the loop's thread only: give it ours, and compare sizes.
        _asyncio._threadpool_workers.set(self._workers)
        _asyncio._threadpool_idle_workers.set(self._idle)
        with _lock:
            if not hasattr(_asyncio.CancelScope, "serial"):
                _asyncio.CancelScope = _ordered(_asyncio.CancelScope)  # type: ignore[misc]

    def run_in_executor(self, *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        future = super().run_in_executor(*args)
        self._calls += 1
        future.add_done_callback(self._returned)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Join the executor's threads with time held still: Python 3.12 and newer have a deadline for it."""
        self._calls += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self._calls -= 1

    def _returned(self, _: object) -> None:
        self._calls -= 1


class _Task(asyncio.Task[Any]):
    """A task that sets order by its number: by its address, as usual, each run would cancel differently."""

    def __init__(self, loop: Any, coro: Any, **options: Any) -> None:
        self.serial: int = next(loop.serials)
        super().__init__(coro, loop=loop, **options)

    def __hash__(self) -> int:
        return self.serial


def _ordered(scope: Any) -> Any:
    """The same for anyio's cancel scopes, which it keeps in sets, too; on other loops nothing changes."""

    class CancelScope(scope):  # type: ignore[misc]
        serial = 0

        def __init__(self, *args: Any, **options: Any) -> None:
            serials = getattr(asyncio._get_running_loop(), "serials", None)
            self.serial = next(serials) if serials else id(self)
            super().__init__(*args, **options)

        def __hash__(self) -> int:
            return self.serial

    return CancelScope
