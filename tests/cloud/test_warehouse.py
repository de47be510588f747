"""The warehouse's spool, where blocking work is done in threads."""

from __future__ import annotations

import threading
from pathlib import Path

import anyio
import pytest

from palleto import BadFile, Supervisor, clock
from palleto.cloud import deploy, open_cloud
from palleto.cloud.warehouse import open_warehouse
from palleto.files import count_lines
from palleto.runtime import running


def test_a_caller_that_is_cancelled_leaves_no_file_in_the_spool(backend: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            open_cloud("embedded") as cloud,
            open_warehouse(cloud, await deploy(cloud), output=tmp_path / "output") as warehouse,
        ):
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

    clock.run(main, backend=backend)


@pytest.mark.parametrize("place", ["simulated", "embedded"])
def test_a_result_takes_the_place_of_the_file_it_was_counted_in(backend: str, place: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            open_cloud(place) as cloud,
            open_warehouse(cloud, await deploy(cloud), output=tmp_path / "output") as warehouse,
        ):
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

    clock.run(main, backend=backend)


def test_results_that_go_nowhere_are_refused(tmp_path: Path) -> None:
    from palleto import SettingError

    async def main() -> None:
        async with open_cloud("simulated") as cloud:
            file = tmp_path / "file"
            file.write_text("in the way")
            with pytest.raises(SettingError, match="it is a file"):
                async with open_warehouse(cloud, await deploy(cloud), output=file):
                    pass

    clock.run(main, time="virtual")
