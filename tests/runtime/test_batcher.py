"""Batcher: lists of events, by size, time and key; a drain and the end of its producers flush it."""

from __future__ import annotations

import math

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage_members import Numbers, Quiet, Sink, Timed, idle, of, stages

import palleto
from palleto import (
    Batcher,
    DemandError,
    PartitionDispatcher,
    Producer,
    Recorder,
    SettingError,
    System,
    cast,
    running,
)


class Slow(Sink):
    """Takes a minute for each batch."""

    async def handle_events(self, batches):
        await anyio.sleep(60)
        self.got += batches


def batcher(to="quiet", **settings):
    return Batcher(to, name="batcher", **settings)


async def test_full_batches_go_at_once_and_a_smaller_one_when_its_first_event_has_waited_long_enough():
    source, middle, sink = Quiet(), batcher(batch_size=3, batch_timeout=2), Timed("batcher")
    async with stages(source, middle, sink) as world:
        source.emit(range(3))
        await anyio.sleep(1)
        source.emit([3])
        await anyio.sleep(1)
        source.emit([4])
        assert len(middle.system.timers) == 1
        await anyio.sleep(5)
        source.emit([5, 6])
        await anyio.sleep(0.5)
        source.emit([7])
        await idle()
        assert (middle.held, len(middle.system.timers)) == (0, 0)  # nothing is timed where there is nothing
    assert sink.got == [[0, 1, 2], [3, 4], [5, 6, 7]]
    assert sink.times == [0, 3, 7.5]
    shown = [event.data["held"] for event in world.recorder.events if event.kind == "shown"]
    assert shown == [0, 1, 2, 0, 2, 0]  # once for each message that changes it


async def test_events_of_a_key_come_into_the_same_batch_and_each_has_its_own_time():
    source, middle, sink = Quiet(), batcher(batch_size=2, batch_timeout=1, key=str.lower), Timed("batcher")
    async with stages(source, middle, sink):
        source.emit("aBbc")
        await anyio.sleep(0.5)
        source.emit("Cd")
        await anyio.sleep(3)
    assert sink.got == [["B", "b"], ["c", "C"], ["a"], ["d"]]
    assert sink.times == [0, 0.5, 1, 1.5]


async def test_a_batch_that_fills_up_when_its_time_is_over_is_handed_on_once():
    """Its timer's message may have been on its way when the event that filled it was taken."""
    source, middle, sink = Quiet(), batcher(batch_size=2, batch_timeout=1), Timed("batcher")
    async with stages(source, middle, sink):
        source.emit([1])
        await idle()
        (batch,) = middle._batches.values()
        source.emit([2, 3])
        await idle()
        cast(middle, batch)
        await idle()
        assert (sink.got, middle.held) == ([[1, 2]], 1)
        await anyio.sleep(2)
    assert sink.got == [[1, 2], [3]]


async def test_no_more_is_asked_for_than_can_be_used():
    """Below, one batch at a time; above, what fills one is on its way while another waits."""
    source, middle, sink = Numbers(1000), batcher("numbers", batch_size=10), Slow("batcher", max_demand=1)
    async with stages(source, middle, sink):
        await anyio.sleep(30)
        assert source.next <= 10 + 10 + 10  # in hand below, waiting here, on its way
        await anyio.sleep(60 * 10)
        assert source.next <= 10 * 12 + 10
        assert len(middle.core.buffered) <= 1
    assert sink.got == [list(range(first, first + 10)) for first in range(0, 10 * len(sink.got), 10)]
    assert len(sink.got) >= 10


@pytest.mark.parametrize("max_demand", [1, 1000])
async def test_the_end_of_its_producer_flushes_it_and_what_is_flushed_arrives(max_demand):
    """Also where nobody below wants a batch at that moment: it stops when the last one has gone down."""

    middle = batcher("numbers", batch_size=4, key=lambda number: number % 3)
    source, sink = Producer.from_iterable(range(22), name="numbers"), Slow("batcher", max_demand=max_demand)
    async with stages(source, middle, sink) as world:
        await sink.wait()
        assert not middle.running
    assert world.lost == []
    assert sorted(event for batch in sink.got for event in batch) == list(range(22))
    assert all(len({event % 3 for event in batch}) == 1 for batch in sink.got)
    assert sink.heard == [("down", "normal")]


async def test_without_a_timeout_a_batch_waits_until_it_is_full_though_a_consumer_leaves():
    source, middle = Quiet(), batcher(batch_size=4, batch_timeout=None)
    first, second = Timed("batcher", cancel="temporary"), Timed("batcher", cancel="temporary")
    async with stages(source, middle, first, second):
        source.emit([1, 2])
        await anyio.sleep(1000)
        first.cancel(first.subscription)
        await idle()
        assert (middle.held, second.got) == (2, [])
        source.emit([3, 4])
        await idle()
    assert first.got + second.got == [[1, 2, 3, 4]]


@pytest.mark.parametrize("how", ["kill", "end"])
async def test_what_it_holds_when_it_ends_is_told_as_lost_once(how):
    source, middle, sink = Quiet(), batcher(batch_size=4), Timed("batcher")
    async with stages(source, middle, sink) as world:
        source.emit(range(7))
        await idle()
        middle.kill() if how == "kill" else await middle.end()
        await middle.wait()
    assert (sink.got, world.lost) == ([[0, 1, 2, 3]], [4, 5, 6])


@pytest.mark.parametrize("broken", [lambda number: 1 // (number - 3), lambda number: [] if number == 3 else 1])
async def test_a_key_that_cannot_be_made_is_a_crash_and_each_event_is_told_as_lost_once(broken):
    source, middle, sink = Quiet(), batcher(batch_size=10, key=broken), Timed("batcher")
    async with stages(source, middle, sink) as world:
        await idle()
        source.emit([0, 1])
        await idle()
        source.emit([2, 3, 4])
        await idle()
        assert not middle.running
    assert sorted(world.lost) == [0, 1, 2, 3, 4]
    assert world.reported[0].startswith("batcher crashed: ")


async def test_a_batch_that_cannot_be_placed_below_is_a_crash_and_no_event_is_told_as_lost_twice():
    class Placing(Batcher):
        dispatcher = lambda: PartitionDispatcher(1, key=lambda batch: 0 if 5 not in batch else 1)  # noqa: E731

    source, sink = Quiet(), Timed("batcher", partition=0)
    middle = Placing("quiet", batch_size=3, key=lambda number: number % 2, name="batcher")
    async with stages(source, middle, sink) as world:
        await idle()
        source.emit([0, 2, 1])
        await idle()
        source.emit([3, 4, 5, 7, 6])
        await idle()
        assert not middle.running
    assert sink.got == [[0, 2, 4]]
    told = [event for event in world.lost if not isinstance(event, list)]
    assert len(told) == len(set(told))
    assert {6, 7} <= set(told)
    assert [1, 3, 5] in world.lost


async def test_a_drain_flushes_it():
    source, middle, sink = Quiet(), batcher(batch_size=4, key=lambda number: number % 2), Timed("batcher")
    async with stages(source, middle, sink) as world:
        await idle()
        source.emit([1, 2, 3])
        await System.current().drain()
        assert (sink.got, System.current().now()) == ([[1, 3], [2]], 0)
        assert (middle.held, len(middle.system.timers)) == (0, 0)
        assert middle.handle_drain() == []
    assert world.lost == []


async def test_a_drain_goes_through_several_and_waits_for_a_slow_consumer():
    first = Batcher("numbers", batch_size=4, batch_timeout=None, name="first", key=lambda number: number % 3)
    second = Batcher("first", batch_size=4, batch_timeout=None, name="second")
    sink = Slow("second", max_demand=1)
    async with stages(Numbers(50), first, second, sink) as world:
        await idle()
        await System.current().drain()
        assert sorted(event for outer in sink.got for batch in outer for event in batch) == list(range(50))
    assert world.lost == []


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("emit"), st.integers(1, 9)),
            st.tuples(st.just("sleep"), st.sampled_from([0.1, 0.5, 1, 2])),
        ),
        max_size=20,
    ),
    st.integers(1, 6),
    st.integers(1, 3),
    st.integers(1, 3),
)
def test_nothing_is_lost_or_doubled_the_order_of_a_key_is_kept_and_none_waits_too_long(moves, size, keys, max_demand):
    async def main():
        source, sink, count = Quiet(), Timed("batcher", max_demand=max_demand), 0
        middle, sent = batcher(batch_size=size, batch_timeout=1, key=lambda number: number % keys), {}
        async with running(of(source, middle, sink), recorder=(recorder := Recorder(strict=True))):
            await idle()
            for move, number in moves:
                if move == "sleep":
                    await anyio.sleep(number)
                else:
                    sent |= dict.fromkeys(range(count, count + number), source.system.now())
                    source.emit(range(count, count + number))
                    count += number
                    await idle()
            await anyio.sleep(2)
        assert recorder.broken is None
        for key in range(keys):
            got = [event for batch in sink.got for event in batch if event % keys == key]
            assert got == list(range(key, count, keys))
        for batch, time in zip(sink.got, sink.times, strict=True):
            assert len({event % keys for event in batch}) == 1
            assert 1 <= len(batch) <= size
            assert time - sent[batch[0]] <= 1 + 1e-9

    palleto.run(main, time="virtual")


def test_broken_settings_are_refused():
    for size in (0, -1, 2.5, True, None):
        with pytest.raises(DemandError, match="expected batch_size to be a whole number of 1 or more, got: "):
            Batcher("numbers", batch_size=size)
    for seconds in (0, -1, math.nan, math.inf, True, "1"):
        with pytest.raises(SettingError, match="expected batch_timeout to be a number of seconds above 0 or None, got"):
            Batcher("numbers", batch_timeout=seconds)
    with pytest.raises(SettingError, match="expected key to be a function of an event or None, got: 'name'"):
        Batcher("numbers", key="name")
