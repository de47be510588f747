"""From stages to plain Python: `async for` over a stage's events."""

# ruff: noqa: PT012 -- what raises here is a whole `async with` or `async for`

from __future__ import annotations

from contextlib import aclosing

import anyio
import pytest
from stage_members import Numbers, stages

import palleto
from palleto import DemandError, NotFoundError, PalletoError, Producer, System, stream


async def test_stream_to_the_end():
    async with stages(Producer.from_iterable(range(10), name="numbers")) as world:
        assert [event async for event in stream("numbers", max_demand=3)] == list(range(10))
        await System.current().idle()
        assert len(System.current().processes) == 1
        assert world.reported == []


async def test_a_slow_reader_is_not_flooded():
    numbers = Numbers(1000)

    async with stages(numbers):
        async with aclosing(stream(numbers, max_demand=4, min_demand=2)) as events:
            async for event in events:
                await anyio.sleep(1)
                assert numbers.next <= event + 5
                if event == 20:
                    break
        assert anyio.current_time() == 21


@pytest.mark.parametrize("leave", ["break", "error", "cancel"])
async def test_leaving_a_stream_early_leaves_nothing_running(leave):
    numbers = Numbers(1000)

    async def read():
        async with aclosing(stream("numbers", max_demand=2, min_demand=0)) as events:
            async for event in events:
                if event == 4 and leave == "break":
                    break
                if event == 4 and leave == "error":
                    raise ValueError("enough")
                if event == 4:
                    await anyio.sleep_forever()

    async with stages(numbers) as world:
        if leave == "error":
            with pytest.raises(ValueError, match="enough"):
                await read()
        else:
            with anyio.move_on_after(1):
                await read()
        assert set(System.current().processes.values()) == {numbers, world.top}
        await System.current().idle()
        assert numbers.running
        assert numbers.core.dispatcher.outstanding == {}
        assert world.reported == []


def test_a_stream_that_is_just_dropped(backend):
    """Python closes it when it is collected, at once; trio warns then, so this is said of asyncio only."""
    if backend == "trio":
        pytest.skip("trio asks for aclosing")

    async def main():
        async with stages(Numbers(1000)) as world:
            async for event in stream("numbers", max_demand=2):
                if event == 4:
                    break
            await anyio.sleep(0.1)
            assert len(System.current().processes) == 2
            assert world.reported == []

    palleto.run(main, backend=backend, time="virtual")


async def test_a_stream_of_a_stage_that_crashes():
    class Weak(Numbers):
        def handle_cast(self, message):
            raise ValueError(message)

    numbers = Weak(5)

    got = []
    async with stages(numbers) as world:
        with pytest.raises(PalletoError, match="numbers crashed: ValueError: oh"):
            async for event in stream("numbers"):
                got.append(event)
                if event == 4:
                    palleto.cast("numbers", "oh")
        await System.current().idle()
        assert got == [0, 1, 2, 3, 4]
        assert world.reported[0] == "numbers crashed: ValueError: oh"


async def test_broken_streams():
    async with stages(Numbers(1000)):
        with pytest.raises(NotFoundError, match="got: 'nobody'"):
            async for _ in stream("nobody"):
                raise AssertionError
        with pytest.raises(DemandError, match="min_demand to be below"):
            async for _ in stream("numbers", max_demand=1, min_demand=1):
                raise AssertionError
        assert len(System.current().processes) == 2
    with pytest.raises(NotFoundError, match="expected to be inside a run"):
        async for _ in stream("numbers"):
            raise AssertionError
