"""Helpers for tasks beside a block: side_by_side (all at one time, the first error as itself) and background."""

# ruff: noqa: PT012 -- what raises here is a whole `async with`

from __future__ import annotations

import anyio
import pytest

from palleto.runtime import background, side_by_side


@pytest.mark.parametrize("count", [0, 1, 2, 10])
async def test_results_are_in_order_and_the_longest_is_the_time(count: int) -> None:
    async def slow(number: int) -> int:
        await anyio.sleep(count - number)
        return -number

    assert await side_by_side(slow, range(count)) == [-number for number in range(count)]
    assert anyio.current_time() == count


@pytest.mark.parametrize("count", [1, 3])
async def test_the_first_error_comes_as_itself_and_cancels_the_others(count: int) -> None:
    ended: list[int] = []

    async def fail(number: int) -> None:
        try:
            await anyio.sleep(1 if number == 0 else 60)
            raise KeyError(number)
        finally:
            ended.append(number)

    with pytest.raises(KeyError, match="0"):
        await side_by_side(fail, range(count))
    assert anyio.current_time() == 1
    assert sorted(ended) == list(range(count))


async def test_who_is_cancelled_cancels_them_all() -> None:
    ended: list[int] = []

    async def wait(number: int) -> None:
        try:
            await anyio.sleep(60)
        finally:
            ended.append(number)

    with anyio.move_on_after(1) as scope:
        await side_by_side(wait, range(3))
    assert scope.cancelled_caught
    assert sorted(ended) == [0, 1, 2]


async def test_of_two_errors_the_first_is_raised() -> None:
    async def fail(number: int) -> None:
        try:
            await anyio.sleep(number)
        except BaseException:
            raise ValueError("while it was cancelled") from None
        raise KeyError(number)

    with pytest.raises(KeyError, match="1"):
        await side_by_side(fail, [1, 2])


async def test_what_runs_in_the_background_ends_with_its_block() -> None:
    async def clock() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(anyio.current_time())

    ended: list[float] = []
    async with background(clock, clock) as tasks:
        tasks.start_soon(clock)
        await anyio.sleep(1)
    assert ended == [1, 1, 1]
    with pytest.raises(KeyError, match="of the block"):
        async with background(clock):
            await anyio.sleep(1)
            raise KeyError("of the block")
    assert ended == [1, 1, 1, 2]


async def test_an_error_in_the_background_cancels_the_block() -> None:
    async def fail() -> None:
        await anyio.sleep(1)
        raise KeyError("in the background")

    with pytest.raises(ExceptionGroup) as caught:
        async with background(fail):
            await anyio.sleep_forever()
    assert [str(error) for error in caught.value.exceptions] == ["'in the background'"]
    assert anyio.current_time() == 1
