"""`Producer.rate(allowed, interval)`: at most so many events an interval; more of them wait, and nothing is lost."""

from __future__ import annotations

import math

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage_members import Numbers, Quiet, Timed, idle, of, stages

import palleto
from palleto import (
    BroadcastDispatcher,
    DemandError,
    PartitionDispatcher,
    Recorder,
    SettingError,
    System,
    running,
)


class Rated(Numbers):
    def __init__(self, count, *rate, name="numbers"):
        super().__init__(count, name)
        self.terms = rate

    def init(self):
        self.rate(*self.terms)


class Pushing(Quiet):
    def __init__(self, *rate):
        super().__init__()
        self.terms = rate

    def init(self):
        self.rate(*self.terms)


async def test_so_many_go_down_in_each_interval_and_demand_beyond_is_told_later():
    numbers, sink = Rated(25, 10, 2.0), Timed(max_demand=100)
    async with stages(numbers, sink):
        await anyio.sleep(10)
        assert repr(numbers.core.dispatcher).startswith("<RatedDispatcher 10 in 2 s, ")
    assert numbers.told == [10, 10, 10, 5]  # five of the third ten are still owed
    assert sink.got == list(range(25))
    assert sink.times == [0] * 10 + [2] * 10 + [4] * 5


async def test_events_that_nobody_asked_the_producer_for_wait_in_its_buffer():
    pushing, sink = Pushing(3, 1), Timed("quiet", max_demand=100)
    async with stages(pushing, sink):
        await idle()
        pushing.emit(range(5))
        await anyio.sleep(0.5)
        pushing.emit(range(5, 8))
        assert sink.got == [0, 1, 2]
        await anyio.sleep(5)
        assert pushing.told == [3, 1, 2]
        assert sum(pushing.core.dispatcher.outstanding.values()) == 92
    assert sink.got == list(range(8))
    assert sink.times == [0, 0, 0, 1, 1, 1, 2, 2]


async def test_an_interval_begins_with_its_first_event_and_nothing_is_timed_before():
    pushing, sink = Pushing(1, 10), Timed("quiet")
    async with stages(pushing, sink):
        await anyio.sleep(7)
        assert len(pushing.system.timers) == 0
        pushing.emit("ab")
        await anyio.sleep(30)
        assert len(pushing.system.timers) == 0
    assert sink.times == [7, 17]


async def test_it_can_be_changed_while_it_runs_and_what_was_sent_counts():
    numbers, sink = Rated(1000, 10, 10.0), Timed(max_demand=1000, min_demand=500)
    async with stages(numbers, sink):
        await anyio.sleep(4)
        numbers.rate(15, 10.0)  # five more at once
        await anyio.sleep(4)
        numbers.rate(2, 10.0)
        await anyio.sleep(14)  # at 10 and 20, two each
        numbers.rate(3, 1.0)  # its interval is over at once
        await anyio.sleep(0.5)
        numbers.rate(None)
        await anyio.sleep(1)
        assert len(numbers.system.timers) == 0
        assert len(sink.got) == 1000
    assert sink.got == list(range(1000))
    assert [sink.times.count(time) for time in (0, 4, 10, 20)] == [10, 5, 2, 2]
    assert sink.times[19:25] == [22, 22, 22, 22.5, 22.5, 22.5]


async def test_a_rate_set_or_lowered_over_demand_that_was_told_already_holds_the_law_and_loses_nothing():
    pushing, sink = Quiet(), Timed("quiet", max_demand=100, min_demand=0)
    async with stages(pushing, sink):
        await idle()
        assert pushing.told == [100]
        pushing.rate(10, 1)
        await idle()
        pushing.rate(4, 1)
        pushing.emit(range(100))
        await anyio.sleep(30)
    assert sink.got == list(range(100))
    assert sink.times == [number // 4 for number in range(100)]
    assert pushing.told == [100, 4]


@pytest.mark.parametrize(
    "dispatcher", [BroadcastDispatcher, lambda: PartitionDispatcher(2, key=lambda event: event % 2)]
)
async def test_it_stands_around_any_dispatcher(dispatcher):
    class Dispatching(Rated):
        pass

    Dispatching.dispatcher = dispatcher
    sinks = [Timed(partition=index, max_demand=10) for index in range(2)]
    async with stages(Dispatching(20, 4, 1), *sinks):
        await anyio.sleep(20)
    if dispatcher is BroadcastDispatcher:  # the second came when four had gone
        assert [sink.got for sink in sinks] == [list(range(20)), list(range(4, 20))]
    else:
        assert sorted(sinks[0].got + sinks[1].got) == list(range(20))
    for sink in sinks:
        assert max(map(sink.times.count, sink.times)) <= 4


async def test_a_drain_waits_for_events_that_are_wanted_and_have_come_but_for_no_others():
    pushing, sink = Pushing(2, 1), Timed("quiet", max_demand=5, min_demand=0)
    async with stages(pushing, sink) as world:
        await idle()
        pushing.emit(range(5))
        await System.current().drain()
        assert (sink.got, System.current().now()) == ([0, 1, 2, 3, 4], 2)
        await System.current().drain()
        assert System.current().now() == 2
    assert world.lost == []


async def test_what_waits_for_the_rate_is_told_as_lost_when_its_stage_ends():
    pushing, sink = Pushing(2, 1), Timed("quiet", cancel="temporary")
    async with stages(pushing, sink) as world:
        await idle()
        pushing.emit(range(5))
        await anyio.sleep(0.5)
        await pushing.end()
        assert len(sink.system.timers) == 0
    assert (sink.got, world.lost) == ([0, 1], [2, 3, 4])


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("emit"), st.integers(1, 9)),
            st.tuples(st.just("sleep"), st.sampled_from([0.25, 0.5, 1, 3])),
            st.tuples(st.just("rate"), st.integers(1, 5)),
            st.tuples(st.just("lift"), st.none()),
        ),
        max_size=20,
    ),
    st.integers(1, 20),
)
def test_no_interval_ever_has_more_and_nothing_is_lost_or_doubled(moves, max_demand):
    async def main():
        quiet, sink, count, rates = Quiet(), Timed("quiet", max_demand=max_demand), 0, [5]
        async with running(of(quiet, sink), recorder=(recorder := Recorder(strict=True))):
            quiet.rate(5, 1)
            for move, number in moves:
                if move == "emit":
                    quiet.emit(range(count, count + number))
                    count += number
                elif move == "sleep":
                    await anyio.sleep(number)
                else:
                    rates.append(number or math.inf)
                    quiet.rate(number, 1)
            await anyio.sleep(count + 2)
        assert recorder.broken is None
        assert sink.got == list(range(count))
        # Fixed intervals, as Broadway's: any stretch of one second may touch two of them.
        for time in sink.times:
            assert sum(time <= other < time + 1 for other in sink.times) <= 2 * max(rates)

    palleto.run(main, time="virtual")


def test_broken_numbers_are_refused():
    for allowed in (0, -1, 1.5, True, "10"):
        with pytest.raises(DemandError, match="expected allowed to be a whole number of 1 or more, got: "):
            Numbers().rate(allowed, 1)
    for interval in (0, -1, math.nan, math.inf, None, "1", True):
        with pytest.raises(SettingError, match="expected the interval to be a number of seconds above 0, got: "):
            Numbers().rate(1, interval)


async def test_a_drain_does_not_wait_for_what_demand_accumulate_holds_back():
    pushing, sink = Pushing(2, 1), Timed("quiet")
    async with stages(pushing, sink) as world:
        pushing.demand("accumulate")
        pushing.emit(range(5))
        await System.current().drain()
        assert (sink.got, System.current().now()) == ([], 0)
    assert world.lost == [0, 1, 2, 3, 4]


async def test_what_waits_to_be_pushed_waits_for_the_rate_too():
    pushing, sink = Pushing(2, 1), Timed("quiet")
    async with stages(pushing, sink):
        await idle()
        await pushing.emit_and_wait(range(5))
        assert System.current().now() == 2
        await idle()
    assert sink.times == [0, 0, 1, 1, 2]
