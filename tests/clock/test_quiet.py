"""The moment before virtual time moves."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from clocks import virtual

from palleto import clock
from palleto.errors import SettingError, StandstillError


def test_it_comes_when_no_task_can_run_and_before_time_moves(backend: str) -> None:
    log: list[object] = []

    async def busy() -> None:
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        log.append("busy")
        await anyio.sleep(3)
        log.append(anyio.current_time())

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(busy)
            await clock.quiet()
            log.append(("quiet", anyio.current_time()))
            await clock.quiet()
            log.append(("quiet", anyio.current_time()))
            await clock.quiet(later=True)
            log.append(("later", anyio.current_time()))

    virtual(main, backend)
    assert log == ["busy", ("quiet", 0), ("quiet", 0), 3, ("later", 3)]


def test_who_waits_is_served_alone_and_in_order(backend: str) -> None:
    log: list[str] = []

    async def wait(name: str) -> None:
        await clock.quiet()
        log.append(name)
        await anyio.lowlevel.checkpoint()
        log.append(name)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for name in "abc":
                tasks.start_soon(wait, name)
                await anyio.lowlevel.checkpoint()

    virtual(main, backend)
    assert [log[at] == log[at + 1] for at in (0, 2, 4)] == [True] * 3
    assert len(set(log)) == 3


def test_a_thread_at_work_is_waited_for(backend: str) -> None:
    log: list[str] = []

    async def work() -> None:
        await anyio.to_thread.run_sync(lambda: log.append("thread"))
        log.append("back")

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work)
            await clock.quiet()
            log.append("quiet")

    virtual(main, backend)
    assert log == ["thread", "back", "quiet"]


@pytest.mark.timeout(20)
def test_who_no_longer_waits_is_in_nobodys_way_and_no_timer_is_needed(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("palleto.clock.standstill.GRACE", 60)

    async def main() -> None:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await clock.quiet()
        with anyio.CancelScope() as scope:
            scope.cancel()
            await clock.quiet(later=True)
        await clock.quiet()
        assert anyio.current_time() == 0

    virtual(main, backend)


def test_time_that_never_moves_is_a_standstill(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("palleto.clock.standstill.GRACE", 0.02)

    async def main() -> None:
        await clock.quiet(later=True)

    with pytest.raises(StandstillError):
        virtual(main, backend)


def test_time_must_be_virtual(backend: str) -> None:
    with pytest.raises(SettingError, match="expected a run on virtual time, got another"):
        clock.run(clock.quiet, backend=backend)
