"""Buffers and dispatchers, as a stage sets them."""

from __future__ import annotations

import anyio
import pytest
from stage_members import Numbers, Quiet, Sink, idle, stages

from palleto import (
    BroadcastDispatcher,
    DemandError,
    PartitionDispatcher,
    ProducerConsumer,
    Recorder,
    Supervisor,
    System,
    cast,
    child,
    running,
)


@pytest.mark.parametrize(("keep", "kept", "dropped"), [("last", [3, 4], [0, 1, 2]), ("first", [0, 1], [2, 3, 4])])
async def test_buffer_settings_and_the_report_of_what_was_dropped(keep, kept, dropped):
    class Small(Quiet):
        buffer_size = 2
        buffer_keep = keep

    source, sink = Small(), Sink("quiet")
    sink.init = lambda: None

    recorder = Recorder(strict=True)
    top = Supervisor([child(lambda: source), child(lambda: sink)])
    lost = []
    async with running(top, recorder=recorder):
        System.current().on_lost.append(lambda stage, events: lost.append((stage, events)))
        cast(source, [0, 1, 2, 3, 4])
        await idle()
        assert repr(source.core.buffer) == "<Buffer 2 of 2, 3 dropped>"
        sink.subscribe(source)
        await idle()
    assert lost == [(source, dropped)]
    (event,) = [event for event in recorder.events if event.kind == "dropped"]
    assert (event.stage, event.ids) == ("quiet", tuple(map(str, dropped)))
    assert event.ledger["after"][3] == 3
    assert recorder.broken is None
    assert sink.got == kept


@pytest.mark.parametrize("settings", [{"buffer_size": -1}, {"buffer_keep": "middle"}])
async def test_broken_buffer_settings(settings):
    with pytest.raises(DemandError, match="expected buffer_"):
        async with running(type("Broken", (Quiet,), settings)()):
            raise AssertionError("unreachable")


async def test_default_buffers():
    class Copy(ProducerConsumer):
        def handle_events(self, events):
            return events

    source, copy = Quiet(), Copy()

    async with stages(source, copy) as world:
        cast(source, list(range(10_001)))
        copy.emit(range(10_001))
        await idle()
        assert world.lost == [0]
        assert (len(source.core.buffer), len(copy.core.buffer)) == (10_000, 10_001)


async def test_broadcast_dispatcher():
    class Source(Quiet):
        dispatcher = BroadcastDispatcher

    class Slow(Sink):
        async def handle_events(self, events):
            await anyio.sleep(1)
            self.got += events

    everything, slow = Sink("quiet", max_demand=100), Slow("quiet", max_demand=2, min_demand=0)
    even = Sink("quiet", selector=lambda event: event % 2 == 0)

    async with stages(Source(), everything, slow, even) as world:
        await idle()
        assert world.reported == []
        cast("quiet", [1, 2, 3, 4, 5])
        await anyio.sleep(0.5)
        assert everything.got == [1, 2]  # as fast as the slowest
        await anyio.sleep(0.8)
        assert everything.got == [1, 2, 3, 4]
        await idle()
    assert everything.got == slow.got == [1, 2, 3, 4, 5]
    assert even.got == [2, 4]


async def test_partition_dispatcher():
    class Source(Numbers):
        dispatcher = staticmethod(lambda: PartitionDispatcher(2, key=lambda event: event % 2))

    even, odd = Sink(partition=0, max_demand=3), Sink(partition=1, max_demand=3)
    again, nowhere = Sink(partition=1), Sink(partition=2)

    async with stages(Source(9), even, odd, again, nowhere) as world:
        await idle()
        assert not again.running
        assert not nowhere.running
        assert world.reported == [
            f"{again.id} crashed: DemandError: the partition 1 is already taken by {odd}",
            f"{nowhere.id} crashed: DemandError: expected partition to be one of [0, 1], got: 2",
        ]
    assert (even.got, odd.got) == ([0, 2, 4, 6, 8], [1, 3, 5, 7])
