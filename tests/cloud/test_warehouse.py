"""The warehouse's spool, where blocking work is done in threads, and its end."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from palleto import BadFile, SettingError, Supervisor
from palleto.cloud import Cloud, deploy
from palleto.cloud.warehouse import LONGEST, Warehouse, open_warehouse
from palleto.files import SPARE, count_lines
from palleto.runtime import running


@pytest.mark.parametrize("place", ["embedded"])
async def test_a_caller_that_is_cancelled_leaves_no_file_in_the_spool(warehouse: Warehouse, tmp_path: Path) -> None:
    path, kept = warehouse.new_file(), warehouse.new_file()
    begun, go_on = threading.Event(), threading.Event()

    def work(target: Path) -> None:
        begun.set()
        go_on.wait(10)
        target.write_text("x")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(warehouse.blocking, work, path)
        await anyio.to_thread.run_sync(begun.wait, 10)
        tasks.cancel_scope.cancel()
        go_on.set()
    assert not path.exists()
    await warehouse.blocking(kept.write_text, "x")
    await warehouse.blocking(work, kept)
    assert kept.exists()
    warehouse.spool.remove([("an event", kept), tmp_path])  # nothing outside of the spool
    assert not kept.exists()


@pytest.mark.parametrize("place", ["simulated", "embedded"])
async def test_a_result_takes_the_place_of_the_file_it_was_counted_in(warehouse: Warehouse, tmp_path: Path) -> None:
    good, refused = warehouse.new_file(), warehouse.new_file()
    for file in (good, refused):
        file.write_text("a\n\nb\n")
    async with running(Supervisor([])):
        path = await warehouse.write("some/data.gz", count_lines, good)
        with pytest.raises(BadFile, match="a key that ends in"):
            await warehouse.write("some/data.zip", count_lines, refused)
    assert path.read_text() == "2\n"
    assert path == tmp_path / "output" / "some" / "data.txt"
    assert not refused.exists()
    with pytest.raises(FileNotFoundError, match="not done yet"):
        await warehouse.write("some/data.gz", count_lines, good)


@pytest.mark.parametrize("place", ["simulated"])
async def test_a_large_file_is_removed_and_a_small_one_is_written_over_by_a_later_one(warehouse: Warehouse) -> None:
    large, small = warehouse.new_file(), warehouse.new_file()
    large.write_bytes(b"x" * (SPARE + 1))
    small.write_bytes(b"x" * SPARE)
    async with running(Supervisor([])):
        await warehouse.write_each([("a.gz", large), ("b.gz", small)], count_lines)
    assert (large.exists(), small.exists()) == (False, True)


@pytest.mark.parametrize("place", ["simulated"])
async def test_results_that_take_long_are_written_in_several_calls(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is cancelled waits for one call."""
    passed = iter(0.6 * LONGEST * number for number in range(1000))
    monkeypatch.setattr("palleto.cloud.warehouse.time", SimpleNamespace(monotonic=lambda: next(passed)))
    files = [(f"{number}.gz", warehouse.new_file()) for number in range(6)]
    for _, file in files:
        file.write_text("x\n")
    calls = []
    blocking = warehouse.blocking

    async def counted(function: Any, *args: Any) -> Any:
        calls.append(len(args[0]))
        return await blocking(function, *args)

    monkeypatch.setattr(warehouse, "blocking", counted)
    async with running(Supervisor([])):
        await warehouse.write_each(files, count_lines)
    assert calls == [6, 4, 2]


@pytest.mark.parametrize("place", ["simulated"])
async def test_a_full_disk_ends_the_run_at_once(warehouse: Warehouse) -> None:
    def full() -> None:
        raise SettingError("the disk is full")

    async def run() -> None:
        async with running(Supervisor([])):
            with suppress(SettingError):
                await warehouse.blocking(full)
            await anyio.sleep(1)
            pytest.fail("the run went on")

    with pytest.raises(SettingError, match="the disk is full"):
        await run()


@pytest.mark.parametrize("place", ["simulated"])
async def test_what_a_run_has_in_hand_at_its_end_is_given_back(cloud: Cloud, tmp_path: Path) -> None:
    stack = await deploy(cloud)
    with suppress(ZeroDivisionError):
        async with open_warehouse(cloud, stack, output=tmp_path / "output") as warehouse:
            answer = await cloud.sqs.receive_message(QueueUrl=stack.queue_url, WaitTimeSeconds=1)
            assert warehouse.leases.take(answer["Messages"][0], lambda message: [message])
            raise ZeroDivisionError
    assert cloud.simulated is not None
    ledger = cloud.simulated.ledger(stack.queue_url)
    assert (ledger.visible, ledger.in_flight) == (1, 0)


@pytest.mark.parametrize("place", ["simulated"])
async def test_results_that_go_nowhere_are_refused(cloud: Cloud, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    with pytest.raises(SettingError, match="it is a file"):
        async with open_warehouse(cloud, await deploy(cloud), output=file):
            pass
