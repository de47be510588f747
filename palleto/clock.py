"""How a run's time goes: real, N times faster, or virtual. Steps only ever say `await anyio.sleep(5)`.

Rules of virtual time, on both backends:

1. Time moves only when no task can run; then it jumps to the earliest timer, exactly.
2. What is ready (I/O, a call from another thread, a signal) is served before time moves.
3. Time stands while `anyio.to_thread.run_sync` (on asyncio also `loop.run_in_executor`) has a thread at work.
   Of other threads the clock knows nothing: time may jump before they call in.
4. With no timer, no such thread and `GRACE` real seconds of silence, the run fails with `StandstillError`.

    >>> async def nap() -> float:
    ...     await anyio.sleep(3600)
    ...     return anyio.current_time()
    >>> run(nap, time="virtual")
    3600.0
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import math
import selectors
import threading
import time as real_time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Literal, TypeAlias, TypeVar, cast

import anyio

from palleto.errors import PalletoError, SettingError

__all__ = ["GRACE", "StandstillError", "run"]

T = TypeVar("T")
_Ready: TypeAlias = list[tuple[selectors.SelectorKey, int]]
_Poll: TypeAlias = Callable[[float | None], _Ready]

GRACE = 0.5
"""Real seconds that virtual time, standing still, waits for the outside world before it gives up."""


class StandstillError(PalletoError):
    """On virtual time nothing can ever happen again: no timer, no worker thread, no I/O."""

    def __init__(self) -> None:
        super().__init__(
            "virtual time stands still: every task waits for something that never comes;"
            " look for a demand or an event that was lost, or run in real time"
        )


def run(
    main: Callable[[], Awaitable[T]],
    *,
    backend: str = "asyncio",
    time: Literal["real", "virtual"] | float = "real",
    seed: int | None = None,
) -> T:
    """Run `main()` on a fresh event loop and return its result; what it raises is raised here, unchanged.

    Args:
        main: an async function without arguments.
        backend: `"asyncio"` or `"trio"`.
        time: `"real"`, `"virtual"`, or how many times faster than real, a finite number above 0. In each,
            `anyio.current_time()` counts the run's seconds from 0 (virtual time: from exactly 0.0). Faster time
            still waits in the operating system, whose timers are good to about 1 ms of real time.
        seed: chooses trio's order of runnable tasks, the same in every run with this seed. None is 0 on virtual
            time, and otherwise leaves it to trio's chance. asyncio runs first in, first out, whatever the seed.

    Raises:
        SettingError: an argument is none of the above.
        StandstillError: virtual time stands still for ever. All tasks are cancelled first and clean up; one that
            waits for ever behind a shield is broken off on asyncio, and waited for on trio.
        RuntimeError: an event loop already runs in this thread (raised by anyio).

    Runs may follow one another, and run at once in different threads; but trio has a single source of order,
    so seeded trio runs that overlap are not reproducible. In the main thread, Ctrl-C leaves as
    `KeyboardInterrupt`.
    """
    factor = _factor(time)
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise SettingError(f"expected seed to be a whole number or None, got {seed!r}")
    if backend == "asyncio":
        if factor is None:
            return anyio.run(_guard, main, backend_options={"loop_factory": _VirtualLoop})
        return anyio.run(main, backend_options={"loop_factory": functools.partial(_ScaledLoop, factor)})
    if backend != "trio":
        raise SettingError(f"expected backend to be asyncio or trio, got {backend!r}")

    import trio.testing  # here, because it takes longer to import than all of palleto

    if factor is None:
        virtual = _TrioTime()
        with _seeded(seed or 0):
            return anyio.run(_guard, main, virtual, backend="trio", backend_options={"clock": virtual.clock})
    with contextlib.nullcontext() if seed is None else _seeded(seed):
        return anyio.run(main, backend="trio", backend_options={"clock": trio.testing.MockClock(factor)})


def _factor(time: object) -> float | None:
    """How many times faster than real time goes; None for virtual time."""
    if time == "virtual":
        return None
    if time == "real":
        return 1.0
    if isinstance(time, (int, float)) and not isinstance(time, bool) and 0 < time < math.inf:
        return float(time)
    raise SettingError(f"expected time to be real, virtual or a number above 0, got {time!r}")


async def _guard(main: Callable[[], Awaitable[T]], time: _TrioTime | None = None) -> T:
    """Run `main` so that virtual time can end it by cancelling, as a deadline does."""
    ending = time or cast(_VirtualLoop, asyncio.get_running_loop())
    if isinstance(ending, _VirtualLoop):
        ending.enter_anyio()
    with anyio.CancelScope() as ending.scope:
        return await main()
    raise StandstillError


class _Selector(selectors.DefaultSelector):
    """A selector that leaves it to the event loop how long to wait."""

    wait: Callable[[Callable[[float | None], _Ready], float | None], _Ready]

    def select(self, timeout: float | None = None) -> _Ready:
        return self.wait(super().select, timeout)


class _ScaledLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock starts at 0 and goes `factor` times faster than real time."""

    _clock_resolution: float  # asyncio runs timers that are due within this many seconds

    def __init__(self, factor: float) -> None:
        self._factor, self._start = factor, real_time.monotonic()
        selector = _Selector()
        selector.wait = self._wait
        super().__init__(selector)
        self._clock_resolution *= factor
        self.slow_callback_duration *= factor

    def time(self) -> float:
        return (real_time.monotonic() - self._start) * self._factor

    def _wait(self, poll: _Poll, timeout: float | None) -> _Ready:
        return poll(timeout and timeout / self._factor)


class _VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock stands while anything can run, and then jumps to the next timer."""

    _scheduled: list[asyncio.TimerHandle]  # asyncio's own heap of timers, earliest first
    _clock_resolution: float

    def __init__(self) -> None:
        self.scope: anyio.CancelScope | None = None
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
        when = self._scheduled[0].when() if self._scheduled else math.inf
        if when < math.inf:
            self._jump(when)
            return []
        ready = poll(GRACE)
        if not ready:
            if self.scope is None or self.scope.cancel_called:
                raise StandstillError  # a task refuses to be cancelled; asyncio breaks off what is left
            self.scope.cancel()
        return ready

    def enter_anyio(self) -> None:
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


class _TrioTime:
    """The same rules on trio, whose run loop asks its clock how long to wait when no task can run.

    trio's `MockClock(autojump_threshold=0)` jumps by a difference, so rounding shifts timers, and it jumps
    while threads work. It cannot be subclassed, and trio makes no other clock jump (trio issue 1587); so three
    of its methods are replaced on the instance.
    """

    def __init__(self) -> None:
        import trio.testing

        self.scope: anyio.CancelScope | None = None
        self._threads = trio.testing.active_thread_count
        self._now = self._next = 0.0
        self.clock = cast(Any, trio.testing.MockClock(autojump_threshold=0))
        self.clock.current_time = lambda: self._now
        self.clock.deadline_to_sleep_time = self._sleep_time
        self.clock._autojump = self._jump

    def _sleep_time(self, deadline: float) -> float:
        """Return how many real seconds to wait for I/O; the threshold, if shorter, leads to `_jump`."""
        self._next = deadline
        threshold = math.inf if self._threads() else 0.0 if deadline < math.inf else GRACE
        if threshold != self.clock.autojump_threshold:
            self.clock.autojump_threshold = threshold
        return 0.0 if deadline <= self._now else math.inf

    def _jump(self) -> None:
        if self._next < math.inf:
            self._now = self._next
        elif self.scope is not None:
            self.scope.cancel()


_lock = threading.Lock()
_seeded_runs = 0
_trio_before: tuple[bool, object] = (False, None)


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
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
