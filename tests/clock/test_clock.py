"""The run's clock: real, faster and virtual time, on both backends."""

from __future__ import annotations

import asyncio
import math
import selectors
import socket
import time as real_time
from functools import partial
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest
from clocks import MODES, thread, virtual
from hypothesis import given, settings
from hypothesis import strategies as st

from palleto import clock


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1e12, allow_subnormal=False), max_size=12), st.sampled_from(["asyncio", "trio"]))
def test_any_delays_wake_in_order_at_exactly_their_time(delays: list[float], backend: str) -> None:
    woken = []

    async def nap(seconds: float) -> None:
        await anyio.sleep(seconds)
        woken.append((anyio.current_time(), seconds))

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for seconds in delays:
                tasks.start_soon(nap, seconds)

    virtual(main, backend)
    assert woken == [(seconds, seconds) for seconds in sorted(delays)]


def test_deadlines_follow_the_clock(backend: str) -> None:
    async def main() -> float:
        with anyio.move_on_after(7) as scope:
            await anyio.sleep_forever()
        assert scope.cancelled_caught
        with pytest.raises(TimeoutError), anyio.fail_after(3):
            await anyio.sleep(math.inf)
        return anyio.current_time()

    assert virtual(main, backend) == 10


class HandClock:
    """Stands for the operating system's clock: whoever waits moves it on, and no real time goes by."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        select = selectors.DefaultSelector.select

        def wait(selector: Any, timeout: float | None) -> Any:
            ready = select(selector, 0)
            if not ready and timeout:
                self.now += timeout
            return ready

        monkeypatch.setattr(selectors.DefaultSelector, "select", wait)
        monkeypatch.setattr("palleto.clock.asyncio_time.real_time", self)

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    return HandClock(monkeypatch)


@pytest.mark.parametrize(("time", "real"), [("real", 50), (1000, 0.05), (0.5, 100)])
def test_a_factor_makes_long_sleeps_short(hand: HandClock, time: Any, real: float) -> None:
    async def main() -> tuple[float, float]:
        start = anyio.current_time()
        await anyio.sleep(50)
        return start, anyio.current_time()

    start, end = clock.run(main, time=time)
    assert (start, end) == (0, pytest.approx(50))
    assert hand.now == pytest.approx(1000 + real)


def test_trios_time_goes_with_the_factor_too() -> None:
    async def main() -> float:
        start = anyio.current_time()
        await anyio.sleep(50)
        return anyio.current_time() - start

    before = real_time.perf_counter()  # MockClock's own
    assert 50 <= clock.run(main, backend="trio", time=1000) <= (real_time.perf_counter() - before) * 1000


def test_a_worker_thread_holds_time_still(backend: str) -> None:
    async def main() -> float:
        limiter = anyio.CapacityLimiter(1)
        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                for _ in range(2):
                    tasks.start_soon(partial(anyio.to_thread.run_sync, real_time.sleep, 0.03, limiter=limiter))
        assert anyio.current_time() == 0.0
        await anyio.sleep(5)  # and lets it go afterwards
        return anyio.current_time()

    assert virtual(main, backend) == 5


def test_a_thread_of_asyncio_holds_time_still() -> None:
    async def main() -> float:
        async with asyncio.timeout(5):
            await asyncio.to_thread(real_time.sleep, 0.03)
        return anyio.current_time()

    assert virtual(main, "asyncio") == 0.0


def test_a_worker_thread_may_use_the_clock(backend: str) -> None:
    async def nap() -> float:
        await anyio.lowlevel.checkpoint()
        return anyio.current_time()

    async def main() -> float:
        await anyio.sleep(2)
        return await anyio.to_thread.run_sync(anyio.from_thread.run, nap)

    assert virtual(main, backend) == 2


@pytest.mark.parametrize("time", MODES)
def test_another_thread_wakes_the_run(backend: str, time: Any) -> None:
    async def main() -> None:
        event = anyio.Event()
        if backend == "asyncio":
            call = asyncio.get_running_loop().call_soon_threadsafe
        else:
            import trio

            call = trio.lowlevel.current_trio_token().run_sync_soon  # type: ignore[assignment]

        def wake() -> None:
            real_time.sleep(0.02)
            call(event.set)

        with thread(wake):
            await event.wait()

    clock.run(main, backend=backend, time=time)


def test_ready_input_is_served_before_time_moves(backend: str) -> None:
    async def main() -> float:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            theirs.send(b"x")
            with anyio.fail_after(1):
                await anyio.wait_readable(ours)
            with thread(lambda: (real_time.sleep(0.02), theirs.send(b"y"))):  # no timer: waited for
                ours.recv(1)
                await anyio.wait_readable(ours)
        return anyio.current_time()

    assert virtual(main, backend) == 0.0
