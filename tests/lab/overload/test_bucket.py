"""The bucket: files arrive in it on the clock, and each is downloaded once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from palleto import running
from palleto.errors import SettingError
from palleto.lab.overload import Bucket, Downloads, File


@pytest.mark.parametrize("readers", [1, 2, 5])
def test_each_file_goes_to_one_of_those_who_wait(go: Callable[..., Any], readers: int):
    got: list[tuple[float, str]] = []

    async def read() -> None:
        async for file in Downloads():
            got.append((anyio.current_time(), file.id))
            await anyio.sleep(readers / 4 - 0.1)  # so that all of them are needed

    async def main() -> None:
        async with running(Bucket(rate=4, seconds=2)), anyio.create_task_group() as tasks:
            for _ in range(readers):
                tasks.start_soon(read)
            await anyio.sleep(5)
            tasks.cancel_scope.cancel()

    go(main)
    assert got == [(number / 4, f"{number:04}.gz") for number in range(8)]


def test_what_nobody_downloads_waits_and_the_oldest_gives_way(go: Callable[..., Any]):
    async def main() -> list[str]:
        async with running(Bucket(rate=10, seconds=1, room=3)) as bucket:
            await anyio.sleep(2)
            return [(await bucket.download()).id for _ in range(3)]

    assert go(main) == ["0007.gz", "0008.gz", "0009.gz"]


def test_the_same_seed_makes_the_same_files(go: Callable[..., Any]):
    async def files(seed: int) -> list[File]:
        async with running(Bucket(rate=10, seconds=1, seed=seed)) as bucket:
            await anyio.sleep(1)
            return [await bucket.download() for _ in range(10)]

    one, same, other = (go(lambda seed=seed: files(seed)) for seed in (1, 1, 2))
    assert one == same != other
    assert all(1_000 <= file.size <= 9_000 for file in one)


@pytest.mark.parametrize(
    ("bad", "said"),
    [({"rate": 0}, "the rate to be above 0, got: 0"), ({"room": 0}, "room for 1 file or more, or None, got: 0")],
)
def test_a_bucket_that_cannot_be(bad: dict[str, Any], said: str):
    with pytest.raises(SettingError, match=said):
        Bucket(**bad)
