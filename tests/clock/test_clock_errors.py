"""What ends a run: errors, standing still, Ctrl-C, a run within a run, bad settings."""

from __future__ import annotations

import math
import os
import signal
import time as real_time
from collections.abc import Iterator
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest
from clocks import MODES, fail, thread, virtual

from palleto import clock
from palleto.errors import PalletoError, SettingError


@pytest.mark.parametrize("time", MODES)
def test_errors_leave_unchanged(backend: str, time: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        clock.run(fail, backend=backend, time=time)

    async def nested() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fail)
            tasks.start_soon(anyio.sleep_forever)

    with pytest.raises(ExceptionGroup) as caught:
        clock.run(nested, backend=backend, time=time)
    assert [type(error) for error in caught.value.exceptions] == [ZeroDivisionError]


def test_standing_still_is_an_error_and_tasks_clean_up(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("palleto.clock.standstill.GRACE", 0.02)
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
    monkeypatch.setattr("palleto.clock.standstill.GRACE", 0.02)

    async def main() -> None:
        with anyio.CancelScope(shield=True):
            await anyio.sleep_forever()

    with pytest.raises(clock.StandstillError):
        virtual(main, "asyncio")


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Who runs the tests in the background of a script has SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
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
                clock.run(fail, backend=backend, time=time)

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
        clock.run(fail, **setting)
    assert str(caught.value) == says
