"""The laws of demand on running stages, whatever the topology, schedule, naps and crashes, on both backends.

1. No subscription is ever sent more than it has asked for, and the ledger adds up (`Recorder(strict=True)`).
2. Each subscription gets its events in the order in which they were sent, and no event twice.
3. Without crashes nothing is lost, nothing stands still: all that a finite source emits arrives everywhere it should.
4. With crashes, what was sent and not handled is told to `on_lost`; nothing else disappears, and the flow goes on.
"""

from __future__ import annotations

from collections import Counter

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stage_members import Passing, Slow, of
from topologies import play, readers, subscriptions, topologies

from palleto import Producer, Recorder, running

LAWS = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
BACKENDS, SEEDS = st.sampled_from(["asyncio", "trio"]), st.integers(0, 2**32)
CHOICES = st.none() | st.lists(st.integers(0, 8), max_size=200)  # of who takes the next message, in place of chance


def all_of(members, count):
    """What the sources have to emit, once each."""
    return Counter((member[1], number) for member in members if member[0] == "source" for number in range(count))


@LAWS
@given(topologies(), BACKENDS, SEEDS, CHOICES)
def test_without_crashes_everything_arrives_once_and_in_order(topology, backend, seed, choices):
    members, count = topology
    log, recorder = play(members, count, backend, seed, choices=choices)
    assert log.reported == []
    assert log.lost == []
    assert Counter(log.emitted) == all_of(members, count)
    sent, got = subscriptions(recorder)
    assert sent == got  # every event that was sent arrived, in its order, once
    for events in sent.values():
        assert max(Counter(events).values()) == 1
    for events in log.arrived.values():
        assert max(Counter(events).values()) == 1
    # Of each stage: what it gave out has been handled below, once or (a broadcast) once by each.
    given_out = Counter(log.emitted + log.made)
    handled = Counter(log.consumed + log.all_arrived())
    for (dispatcher, below), own in (
        (readers(members)[member[1]], [event for event in given_out if event[0] == member[1]]) for member in members
    ):
        times = len(set(below)) if dispatcher == "broadcast" else 1
        assert {event: handled[event] for event in own} == dict.fromkeys(own, times)
    assert not any(log.waiting.values())


@LAWS
@given(
    topology=topologies(crashes=True, dispatchers=("demand",)),
    backend=BACKENDS,
    seed=SEEDS,
    strategy=st.sampled_from(["one_for_one", "rest_for_one", "one_for_all"]),
    kills=st.lists(
        st.tuples(st.integers(0, 20), st.sampled_from(["s0", "s1", "m00", "m01", "m10", "m11", "c0", "c1"])),
        max_size=4,
    ),
)
def test_with_crashes_what_does_not_arrive_is_told_as_lost_and_the_flow_goes_on(
    topology, backend, seed, strategy, kills
):
    members, count = topology
    log, recorder = play(members, count, backend, seed, strategy, kills)
    assert Counter(log.emitted) == all_of(members, count)  # all sources came back
    given_out = Counter(log.emitted + log.made)
    handled = Counter(log.consumed + log.all_arrived())
    told = Counter(log.lost)
    assert max(given_out.values(), default=1) == 1
    assert max(handled.values(), default=1) == 1
    # Every event was handled, or is told as lost. Once is enough, and in the middle of a batch it may be both.
    waiting = Counter(event for events in log.waiting.values() for event in events)
    missing = [event for event in given_out if not handled[event] and not told[event] and not waiting[event]]
    assert missing == []
    assert max(told.values(), default=1) == 1
    _, got = subscriptions(recorder)
    for events in got.values():
        assert max(Counter(events).values()) == 1


@settings(LAWS, max_examples=20)
@given(topologies(), BACKENDS, SEEDS, CHOICES)
def test_the_same_seed_and_the_same_choices_are_the_same_run(topology, backend, seed, choices):
    members, count = topology
    traces = [play(members, count, backend, seed, choices=choices)[1].events for _ in range(2)]
    assert traces[0] == traces[1]


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("seed", range(4))
async def test_a_source_that_stops_is_followed_by_all_below_when_they_are_through(times, seed):
    """Through two producer-consumers: the end travels behind the last event."""

    class Through(Passing):
        async def handle_events(self, events):
            await anyio.sleep(0.1)
            return super().handle_events(events)

    first, second = Through(times, max_demand=5), Through(times, "first", max_demand=5)
    first.name, second.name = "first", "second"
    end, lost = Slow("second", max_demand=2, min_demand=0), []
    top = of(Producer.from_iterable(range(30), name="numbers"), first, second, end)
    recorder = Recorder(strict=True)
    async with running(top, recorder=recorder, seed=seed):
        top.system.on_lost.append(lambda process, events: lost.extend(events))
        await end.wait()
        await top.system.idle()
        assert top.system.names == {}
    assert recorder.broken is None
    assert end.got == [number for number in range(30) for _ in range(times**2)]
    assert lost == []
