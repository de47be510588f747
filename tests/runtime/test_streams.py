"""From stages to plain Python: `async for` over a stage's events."""

# ruff: noqa: PT012 -- what raises here is a whole `async with` or `async for`

from __future__ import annotations

from contextlib import aclosing

import anyio
import pytest
from stage_members import Numbers, stages

import palleto
from palleto import Consumer, DemandError, NotFoundError, PalletoError, PartitionDispatcher, Producer, System, stream


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


def test_a_stream_that_is_just_dropped():
    """Python closes it when it is collected, at once; trio warns then, so this is said of asyncio only."""

    async def main():
        async with stages(Numbers(1000)) as world:
            async for event in stream("numbers", max_demand=2):
                if event == 4:
                    break
            await anyio.sleep(0.1)
            assert len(System.current().processes) == 2
            assert world.reported == []

    palleto.run(main, time="virtual")


async def test_broken_streams():
    async with stages(Numbers(1000), ended := Numbers(5, name="ended")):
        await ended.end()
        with pytest.raises(NotFoundError, match="expected a stage that runs, got: <Numbers ended not running>"):
            async for _ in stream(ended):
                raise AssertionError
        with pytest.raises(NotFoundError, match="got: 'nobody'"):
            async for _ in stream("nobody"):
                raise AssertionError
        with pytest.raises(DemandError, match="min_demand to be below"):
            async for _ in stream("numbers", max_demand=1, min_demand=1):
                raise AssertionError
        with pytest.raises(DemandError, match=r"cancel to be .*, got: 'temporrary'"):
            async for _ in stream("numbers", cancel="temporrary"):
                raise AssertionError
        assert len(System.current().processes) == 2
    with pytest.raises(NotFoundError, match="expected to be inside a run"):
        async for _ in stream("numbers"):
            raise AssertionError


CANCEL = pytest.mark.parametrize("cancel", ["permanent", "transient", "temporary"])


@CANCEL
@pytest.mark.parametrize("end", ["by itself", "stopped", "from a list"])
async def test_it_ends_when_its_producer_ends_whatever_cancel_says(cancel, end):
    source = Producer.from_iterable(range(5), name="numbers") if end == "from a list" else Numbers(5)
    async with stages(source) as world:
        got = []
        async for event in stream("numbers", cancel=cancel, max_demand=2):
            got.append(event)
            if event == 4 and end == "by itself":
                source.stop()
            elif event == 4 and end == "stopped":
                await source.end()
        assert got == list(range(5))
        assert anyio.current_time() == 0
        assert set(System.current().processes.values()) == {world.top}
        assert world.lost == world.reported == []


@CANCEL
async def test_it_ends_when_its_producer_crashes_whatever_cancel_says(cancel):
    got = []

    async def read():
        async for event in stream("numbers", cancel=cancel):
            got.append(event)
            if event == 4:
                palleto.cast("numbers", "oh")

    async with stages(Numbers(5)) as world:
        if cancel == "temporary":
            await read()
        else:
            with pytest.raises(PalletoError, match="numbers crashed: ValueError: oh") as caught:
                await read()
            assert isinstance(caught.value.__cause__, ValueError)
        assert (got, anyio.current_time()) == (list(range(5)), 0)
        assert world.reported == ["numbers crashed: ValueError: oh"]  # once: who reads is told by the error


@CANCEL
async def test_it_ends_when_its_producer_refuses_whatever_cancel_says(cancel):
    class Parts(Numbers):
        dispatcher = lambda: PartitionDispatcher(2)  # noqa: E731

    async with stages(Parts(5)) as world:
        with pytest.raises(PalletoError, match=r"^numbers refused the subscription: DemandError: .*\[0, 1\], got: 7"):
            async for _ in stream("numbers", cancel=cancel, partition=7):
                raise AssertionError
        assert anyio.current_time() == 0
        assert len(System.current().processes) == 2
    assert world.lost == world.reported == []


@pytest.mark.parametrize("cancel", ["transient", "temporary"])
async def test_a_stream_of_several_ends_when_all_have_ended(cancel):
    first, second = Producer.from_iterable(range(5), name="first"), Numbers(100, name="second")
    async with stages(first, second) as world:
        got = []
        async for event in stream("first", second, cancel=cancel, max_demand=2):
            got.append(event)
            if len(got) == 50:
                second.stop()
        assert [got.count(number) for number in range(6)] == [2, 2, 2, 2, 2, 1]
        assert 50 <= len(got) < 55
        assert set(System.current().processes.values()) == {world.top}
        assert world.lost == world.reported == []


async def test_a_stream_of_several_ends_with_the_first_where_cancel_says_so():
    first, second = Producer.from_iterable(range(5), name="first"), Numbers(10**9, name="second")
    async with stages(first, second) as world:
        got = [event async for event in stream("first", "second", max_demand=2)]
        assert 10 <= len(got) < 20
        assert len(System.current().processes) == 2
        assert world.reported == []


@CANCEL
async def test_a_crash_of_one_of_several_ends_the_stream_unless_cancel_says_otherwise(cancel):
    got = []

    async def read():
        async for event in stream("first", "second", cancel=cancel, max_demand=2):
            got.append(event)
            if len(got) == 5:
                palleto.cast("first", "oh")
            if len(got) == 50:
                second.stop()

    second = Numbers(10**9, name="second")
    async with stages(Numbers(name="first"), second) as world:
        if cancel == "temporary":
            await read()
            assert len(got) >= 50
        else:
            with pytest.raises(PalletoError, match=r"^first crashed: ValueError: oh"):
                await read()
            assert 5 <= len(got) < 15
        assert world.reported == ["Numbers first crashed: ValueError: oh"]


async def test_a_reader_that_is_killed_hears_of_it():
    async with stages(Numbers(3)) as world:
        with pytest.raises(PalletoError, match=r"^expected the stream of numbers to go on, but it has ended: killed"):
            async for _ in stream("numbers"):
                next(process for process in world.top.system.processes.values() if isinstance(process, Consumer)).kill()
