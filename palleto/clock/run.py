"""How a run's time goes: real, N times faster, or virtual. Steps only ever say `await anyio.sleep(5)`.

Rules of virtual time, on both backends:

1. Time moves only when no task can run; then it jumps to the earliest timer, exactly.
2. What is ready (I/O, a call from another thread, a signal) is served before time moves.
3. Time stands while `anyio.to_thread.run_sync` (on asyncio also `loop.run_in_executor`) has a thread at work.
   Of other threads the clock knows nothing: time may jump before they call in.
4. With no timer, no such thread and `GRACE` real seconds of silence, the run fails with `StandstillError`.
5. Who waits for `quiet` goes on before time moves, when no task can run.

    >>> async def nap() -> float:
    ...     await anyio.sleep(3600)
    ...     return anyio.current_time()
    >>> run(nap, time="virtual")
    3600.0
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Literal, TypeVar

import anyio

from palleto.clock.standstill import guard
from palleto.errors import SettingError

T = TypeVar("T")


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
    # The backends are imported here, by whom needs one: either takes longer to import than all of palleto.
    if backend == "asyncio":
        from palleto.clock.asyncio_time import ScaledLoop, VirtualLoop, running_loop

        if factor is None:
            return anyio.run(guard, main, running_loop, backend_options={"loop_factory": VirtualLoop})
        scale = factor
        return anyio.run(main, backend_options={"loop_factory": lambda: ScaledLoop(scale)})
    if backend != "trio":
        raise SettingError(f"expected backend to be asyncio or trio, got {backend!r}")
    from palleto.clock.trio_time import VirtualTime, scaled_clock, seeded

    if factor is None:
        virtual = VirtualTime()
        with seeded(seed or 0):
            return anyio.run(guard, main, lambda: virtual, backend="trio", backend_options={"clock": virtual.clock})
    with nullcontext() if seed is None else seeded(seed):
        return anyio.run(main, backend="trio", backend_options={"clock": scaled_clock(factor)})


def _factor(time: object) -> float | None:
    """How many times faster than real time goes; None for virtual time."""
    if time == "virtual":
        return None
    if time == "real":
        return 1.0
    if isinstance(time, (int, float)) and not isinstance(time, bool) and 0 < time < math.inf:
        return float(time)
    raise SettingError(f"expected time to be real, virtual or a number above 0, got {time!r}")
