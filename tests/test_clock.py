"""The run's clock: real, faster and virtual time, on both backends."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import socket
import threading
import time as real_time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palleto import clock
from palleto.errors import PalletoError, SettingError

T = TypeVar("T")
MODES: list[Any] = ["real", "virtual", 1000]


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def virtual(main: Callable[[], Awaitable[T]], backend: str, seed: int | None = None) -> T:
    return clock.run(main, backend=backend, time="virtual", seed=seed)


@contextmanager
def thread(function: Callable[[], object]) -> Iterator[None]:
    """A thread that neither anyio nor the clock knows of."""
    worker = threading.Thread(target=function)
    worker.start()
    try:
        yield
    finally:
        worker.join()


def test_time_jumps_from_timer_to_timer(backend: str) -> None:
    seen = []

    async def nap(seconds: float) -> None:
        await anyio.sleep(seconds)
        seen.append((seconds, anyio.current_time()))

    async def main() -> float:
        assert anyio.current_time() == 0.0
        async with anyio.create_task_group() as tasks:
            for seconds in (3600, 0.1, 86400 * 365, 5, 0.1 + 1e-12):
                tasks.start_soon(nap, seconds)
        return anyio.current_time()

    assert virtual(main, backend) == 86400 * 365
    assert seen == [(s, s) for s in (0.1, 0.1 + 1e-12, 5, 3600, 86400 * 365)]


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


def test_many_wake_ups_are_cheap(backend: str) -> None:
    async def main() -> float:
        for _ in range(2000):
            await anyio.sleep(86400)
        return anyio.current_time()

    assert virtual(main, backend) == 2000 * 86400


def test_a_factor_makes_long_sleeps_short(backend: str) -> None:
    async def main() -> tuple[float, float]:
        start = anyio.current_time()
        await anyio.sleep(50)
        return start, anyio.current_time()

    start, end = clock.run(main, backend=backend, time=1000)
    assert start >= 0
    assert end - start >= 50


def test_real_time_is_real(backend: str) -> None:
    async def main() -> float:
        start = anyio.current_time()
        await anyio.sleep(0.02)
        return anyio.current_time() - start

    before = real_time.monotonic()
    slept = clock.run(main, backend=backend)
    assert 0.0199 <= slept <= real_time.monotonic() - before


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
    import asyncio

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
            import asyncio

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


def interleaving(backend: str, seed: int | None) -> str:
    seen: list[str] = []

    async def worker(name: int) -> None:
        for turn in range(5):
            seen.append(f"{name}.{turn}@{anyio.current_time()}")
            await (anyio.sleep(1) if turn % 2 else anyio.lowlevel.checkpoint())

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for name in range(20):
                tasks.start_soon(worker, name)

    virtual(main, backend, seed)
    return "\n".join(seen)


def test_the_same_seed_gives_the_same_order(backend: str) -> None:
    assert len({interleaving(backend, 7) for _ in range(5)}) == 1
    assert interleaving(backend, None) == interleaving(backend, 0)


def test_cancelling_repeats_its_order(backend: str) -> None:
    def order() -> list[int]:
        ended: list[int] = []

        async def worker(name: int) -> None:
            with anyio.CancelScope() if name % 2 else contextlib.nullcontext():
                try:
                    await anyio.sleep_forever()
                finally:
                    ended.append(name)

        async def main() -> None:
            async with anyio.create_task_group() as tasks:
                for name in range(20):
                    tasks.start_soon(worker, name)
                await anyio.sleep(1)
                tasks.cancel_scope.cancel()

        virtual(main, backend)
        assert sorted(ended) == list(range(20))
        return ended

    kept = []  # objects in between, so that addresses differ from run to run
    orders = []
    for number in range(10):
        orders.append(order())
        kept.append([object() for _ in range(number * 7)])
    assert orders == orders[:1] * 10


def test_seeds_explore_other_orders_on_trio() -> None:
    assert len({interleaving("trio", seed) for seed in range(10)}) == 10
    assert interleaving("asyncio", 1) == interleaving("asyncio", 2)


def test_trio_is_left_as_it_was() -> None:
    from trio._core import _run

    before = _run._ALLOW_DETERMINISTIC_SCHEDULING, _run._r.getstate()
    interleaving("trio", 3)
    with pytest.raises(ZeroDivisionError):
        virtual(_fail, "trio")
    assert (_run._ALLOW_DETERMINISTIC_SCHEDULING, _run._r.getstate()) == before


async def _fail() -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("time", MODES)
def test_errors_leave_unchanged(backend: str, time: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        clock.run(_fail, backend=backend, time=time)

    async def nested() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_fail)
            tasks.start_soon(anyio.sleep_forever)

    with pytest.raises(ExceptionGroup) as caught:
        clock.run(nested, backend=backend, time=time)
    assert [type(error) for error in caught.value.exceptions] == [ZeroDivisionError]


def test_standing_still_is_an_error_and_tasks_clean_up(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "GRACE", 0.02)
    cleaned = []

    async def waiter() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(3)
            cleaned.append(anyio.current_time())

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(waiter)
            await anyio.sleep(4)

    with pytest.raises(clock.StandstillError, match="virtual time stands still") as caught:
        virtual(main, backend)
    assert cleaned == [7]
    assert isinstance(caught.value, PalletoError)
    assert "\n" not in str(caught.value)


def test_waiting_behind_a_shield_is_broken_off_on_asyncio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "GRACE", 0.02)

    async def main() -> None:
        with anyio.CancelScope(shield=True):
            await anyio.sleep_forever()

    with pytest.raises(clock.StandstillError):
        virtual(main, "asyncio")


@pytest.mark.parametrize("time", MODES)
def test_ctrl_c_is_keyboard_interrupt(backend: str, time: Any) -> None:
    cleaned = []

    async def main() -> None:
        try:
            with thread(lambda: (real_time.sleep(0.02), os.kill(os.getpid(), signal.SIGINT))):
                await anyio.sleep_forever()
        finally:
            cleaned.append(True)

    with pytest.raises(KeyboardInterrupt):
        clock.run(main, backend=backend, time=time)
    assert cleaned == [True]


def test_runs_in_two_threads_at_once(backend: str) -> None:
    async def main() -> float:
        for _ in range(100):
            await anyio.sleep(1)
        await anyio.to_thread.run_sync(real_time.sleep, 0.02)
        return anyio.current_time()

    results: list[float] = []
    with thread(lambda: results.append(virtual(main, backend))):
        results.append(virtual(main, backend))
    assert results == [100, 100]


def test_a_run_within_a_run_is_refused(backend: str) -> None:
    async def main() -> None:
        for time in MODES:
            with pytest.raises(RuntimeError, match="Already running"):
                clock.run(_fail, backend=backend, time=time)

    virtual(main, backend)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"backend": "curio"}, "expected backend to be asyncio or trio, got 'curio'"),
        ({"time": "fast"}, "expected time to be real, virtual or a number above 0, got 'fast'"),
        ({"time": 0}, "expected time to be real, virtual or a number above 0, got 0"),
        ({"time": -1.5}, "expected time to be real, virtual or a number above 0, got -1.5"),
        ({"time": math.nan}, "expected time to be real, virtual or a number above 0, got nan"),
        ({"time": math.inf}, "expected time to be real, virtual or a number above 0, got inf"),
        ({"time": True}, "expected time to be real, virtual or a number above 0, got True"),
        ({"seed": "x"}, "expected seed to be a whole number or None, got 'x'"),
    ],
)
def test_bad_settings_are_one_line(setting: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingError) as caught:
        clock.run(_fail, **setting)
    assert str(caught.value) == says


def test_a_moment_of_real_time_has_its_place_on_a_clock_whose_factor_changed() -> None:
    """A recorder notes the real time, and tells the run's later."""

    async def main() -> list[tuple[float, float, float]]:
        loop: Any = asyncio.get_running_loop()
        moments = []
        for factor in (100.0, 0.0, 10.0, 1.0):
            moments.append((loop.time(), real_time.monotonic(), loop.time()))
            loop.set_factor(factor)
            while real_time.monotonic() < moments[-1][1] + 0.005:
                pass
        return [(before, loop.at(moment), after) for before, moment, after in moments]

    found = clock.run(main)
    for before, at, after in found:
        assert before - 1e-9 <= at <= after + 1e-9
    assert found[1][1] - found[0][1] >= 0.5  # 100 times 5 ms
    assert len(set(found[2])) == 1  # time stood
