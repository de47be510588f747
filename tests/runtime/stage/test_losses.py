"""Whatever fails after a callback gave out events: the good ones go on, the rest is told as lost, with the reason."""

from __future__ import annotations

import logging
from itertools import pairwise

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage_members import Quiet, Sink, idle, stages

import palleto
from palleto import BroadcastDispatcher, Lost, PartitionDispatcher, System, cast

EVENTS = [{"partition": 0}, {"prtition": 0}, {"partition": 0}]


class Once(Quiet):
    """Gives these events, once."""

    name = "numbers"

    def __init__(self, events):
        self.events, self.told = events, []

    def handle_demand(self, demand):
        events, self.events = self.events, None
        return events


def partition(event):
    return event["partition"]


class Keyed(Once):
    dispatcher = staticmethod(lambda: PartitionDispatcher(1, key=partition))


class Selected(Once):
    dispatcher = BroadcastDispatcher


def whys():
    """Why events were lost, from here on: `[(events, why), ...]`."""
    told = []
    System.current().on_lost.append(lambda stage, events: told.append((events, events.why)))
    return told


@pytest.mark.parametrize(
    ("source", "terms"),
    [(Keyed, {"partition": 0}), (Selected, {"selector": lambda event: partition(event) == 0})],
    ids=["key", "selector"],
)
async def test_what_a_key_or_selector_raises_over_is_lost_and_nothing_else(source, terms):
    sink = Sink(**terms)
    async with stages(numbers := source(EVENTS), sink) as world:
        told = whys()
        await sink.wait()
        assert told == [([EVENTS[1]], "the dispatcher cannot place it: KeyError('partition')")]
        assert isinstance(told[0][0], Lost)
        assert world.reported[0].endswith("numbers crashed: KeyError: 'partition'")
        assert not numbers.running
    assert sink.got == [EVENTS[0], EVENTS[2]]


def test_all_others_are_told_as_lost_once_and_handed_on_once(backend):
    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.integers(0, 9), max_size=20), st.integers(1, 30), st.integers(0, 10), st.booleans())
    def told(numbers, most, first, broadcast):
        events = [(at, number) for at, number in enumerate(numbers)]

        def key(event):
            return 0 * (1 // event[1]) + (event[1] == 9)  # raises over 0, and knows no partition of a 9

        class Source(Once):
            def init(self):
                self.emit(events[:first])

            dispatcher = staticmethod(BroadcastDispatcher if broadcast else lambda: PartitionDispatcher(1, key=key))

        async def main():
            selector = (lambda event: key(event) == 0) if broadcast else None
            source, sink = Source(events[first:]), Sink(max_demand=most, partition=0, selector=selector)
            async with stages(source, sink) as world:
                await idle()
            return sink.got, world.lost, source.events

        got, lost, kept = palleto.run(main, backend=backend, time="virtual")
        assert all(before < after for before, after in pairwise(got))
        assert not {*got} & {*lost}
        assert len(lost) == len({*lost})
        events = events[:first] if kept is not None else events  # it may have crashed before it gave them out
        if broadcast:
            events = [event for event in events if event[1] != 9]
            lost = [event for event in lost if event[1] != 9]
        assert sorted([*got, *lost]) == sorted(events)

    told()


async def test_events_in_what_is_no_list_are_told_as_lost(style):
    class Source(Once):
        handle_demand = style(lambda self, demand: iter([1, 2]))

    async with stages(Source(None), sink := Sink()) as world:
        told = whys()
        await sink.wait()
        ((lost, why),) = told
        assert (lost, sink.got) == ([1, 2], [])
        assert why.startswith("expected handle_demand to return a list of events or None, got: ")
        assert world.reported[0].endswith(f"numbers crashed: ReturnError: {why}")


async def test_what_a_producer_gives_out_after_its_kill_goes_on(style):
    class Source(Once):
        @style
        def handle_demand(self, demand):
            self.kill()
            return [1, 2]

    sink = Sink()
    async with stages(Source(None), sink) as world:
        await sink.wait()
        assert sink.got + world.lost == [1, 2]


async def test_an_async_callback_that_is_cancelled_may_still_tell_what_it_took():
    class Source(Once):
        async def handle_demand(self, demand):
            taken = [1, 2]
            try:
                await anyio.sleep(10)
            except BaseException:
                self.emit(taken)
                raise
            return taken

    async with stages(source := Source(None), Sink()) as world:
        told = whys()
        await anyio.sleep(1)
        source.kill()
        await source.wait()
        assert world.lost == [1, 2]
        assert told == [([1, 2], "numbers has ended: killed")]


# ---- the log of what a full buffer has dropped


class Small(Quiet):
    buffer_size = 2


async def test_a_full_buffer_warns_at_once_and_then_every_few_seconds_with_the_sum(caplog):
    async with stages(source := Small()) as world:
        told = whys()
        for _ in range(20):
            cast(source, [1, 2, 3])
            await anyio.sleep(1)
        assert len(world.lost) == 58
        assert {why for _, why in told} == {"the buffer was full"}
        counts = ["1 event", "15 events", "15 events", "15 events"]
        lines = [f"quiet has discarded {count}: the buffer was full" for count in counts]
        assert [record.getMessage() for record in caplog.records] == lines
        assert {(record.name, record.levelno) for record in caplog.records} == {("palleto.quiet", logging.WARNING)}
    lines += ["quiet has discarded 12 events: the buffer was full"]  # at its end, what is not told yet
    assert [record.getMessage() for record in caplog.records] == lines


@pytest.mark.parametrize(("answer", "lines"), [(True, 1), (False, 0), (None, 0), ("so many: 3", 1)])
async def test_format_discarded_may_change_the_line_or_silence_it(caplog, answer, lines):
    class Formats(Small):
        def format_discarded(self, discarded):
            self.told.append(discarded)
            return answer

    async with stages(source := Formats()) as world:
        cast(source, [1, 2, 3, 4, 5])
        await idle()
        assert (source.told, world.lost) == ([3], [1, 2, 3])
    assert len(caplog.records) == lines
    if isinstance(answer, str):
        assert caplog.records[0].getMessage() == answer


async def test_format_discarded_that_answers_nonsense_is_a_crash(caplog):
    source = Small()
    source.format_discarded = lambda discarded: 7

    async with stages(source) as world:
        cast(source, [1, 2, 3])
        await source.wait()
        error = "ReturnError: expected format_discarded to return a line, True, False or None, got: 7"
        assert [line.endswith(f"quiet crashed: {error}") for line in world.reported] == [True]
        assert world.lost == [1, 2, 3]
