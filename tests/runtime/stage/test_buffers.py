"""Buffers and dispatchers, as a stage sets them."""

from __future__ import annotations

import pytest
from stage_members import Numbers, Passing, Quiet, Sink, idle, stages

from palleto import BroadcastDispatcher, DemandError, async_info, cast


async def test_a_buffer_of_its_own_and_the_report_of_what_was_dropped():
    class Small(Quiet):
        buffer_size = 2
        buffer_keep = "first"

    source, sink = Small(), Sink("quiet")
    sink.init = lambda: None

    async with stages(source, sink) as world:
        cast(source, [0, 1, 2, 3, 4])
        await idle()
        assert repr(source.core.buffer) == "<Buffer 2 of 2, 3 dropped>"
        sink.subscribe(source)
        await idle()
        assert world.lost == [2, 3, 4]
    (event,) = [event for event in world.recorder.events if event.kind == "dropped"]
    assert (event.stage, event.ids) == ("quiet", ("2", "3", "4"))
    assert event.ledger["after"][3] == 3
    assert sink.got == [0, 1]


async def test_default_buffers():
    source, between = Quiet(), Passing(to="quiet", manual=True)

    async with stages(source, between) as world:
        cast(source, list(range(10_001)))
        between.emit(range(10_001))
        await idle()
        assert world.lost == [0]
        assert (len(source.core.buffer), len(between.core.buffer)) == (10_000, 10_001)


async def test_accumulate_keeps_events_back_too():
    """GenStage's: a broadcast waits until all have subscribed."""

    class Source(Quiet):
        dispatcher = BroadcastDispatcher

        def init(self):
            self.demand("accumulate")

    source, first, second = Source(), Sink("quiet"), Sink("quiet")

    async with stages(source, first, second):
        assert (source.demand_mode, source.buffered, source.mailbox_length) == ("forward", 0, 1)
        cast(source, [1, 2, 3])
        assert source.mailbox_length == 2
        await idle()
        source.emit([4])
        await idle()
        assert (source.demand_mode, source.buffered, source.mailbox_length) == ("accumulate", 4, 0)
        assert (first.got, second.got, source.told) == ([], [], [])
        source.demand("forward")
        await idle()
        assert (first.got, second.got, source.told) == ([1, 2, 3, 4], [1, 2, 3, 4], [996])
        source.demand("accumulate")
        cast(source, [5])
        await idle()
        assert (source.buffered, first.got) == (1, [1, 2, 3, 4])
        source.demand("forward")
        await idle()
    assert first.got == second.got == [1, 2, 3, 4, 5]


async def test_a_second_subscription_of_one_consumer_to_a_broadcast_is_refused():
    class Source(Quiet):
        dispatcher = BroadcastDispatcher

    class Twice(Sink):
        def init(self):
            super().init()
            self.subscribe(self.to, **self.terms)

    stays, goes, other = Twice("quiet", cancel="temporary"), Twice("quiet"), Sink("quiet")

    async with stages(Source(), stays, goes, other) as world:
        await idle()
        cast("quiet", [1])
        await idle()
        assert (stays.got, other.got, goes.running) == ([1], [1], False)
        ((kind, error),) = stays.heard
        assert (kind, str(error)) == (
            "cancel",
            f"expected one subscription to a broadcast, but {stays} has one already",
        )
        assert f"{goes.id} crashed: DemandError: expected one subscription" in world.reported[0]


@pytest.mark.parametrize("answer", ["manual", 7, ["automatic"]])
async def test_a_producer_chooses_no_way_of_demand(answer):
    source, sink = Quiet(), Sink("quiet", cancel="temporary")
    source.handle_subscribe = lambda kind, subscription: answer

    async with stages(source, sink) as world:
        await source.wait()
        error = f"expected a producer's handle_subscribe to return automatic or None, got: {answer!r}"
        assert world.reported == [f"quiet crashed: ReturnError: {error}"]
        assert sink.running


async def test_async_info_is_heard_after_the_events_that_were_there_before_it():
    class Source(Quiet):
        def handle_cast(self, message):
            self.told.append(message)

    source, sink = Source(), Sink("quiet", manual=True)
    async with stages(source, sink):
        async_info("quiet", "at once")
        await idle()
        source.emit([1, 2, 3])
        async_info("quiet", "behind three")
        source.emit([4])
        for count in (2, 1):
            sink.ask(sink.subscription, count)
            await idle()
            source.told.append(f"asked for {count}")
    assert source.told == ["at once", "asked for 2", "behind three", "asked for 1"]


async def test_a_producer_may_cancel_a_subscription():
    source, sink, other = Numbers(), Sink(cancel="temporary"), Sink(cancel="temporary")

    async with stages(source, sink, other):
        await idle()
        source.cancel(sink.subscription, "enough")
        await idle()
        assert (source.heard, sink.heard, other.heard) == ([("cancel", "enough")], [("cancel", "enough")], [])
        source.cancel(sink.subscription, "again")
        with pytest.raises(DemandError, match="expected a subscription to"):
            Numbers().cancel(sink.subscription)
        await idle()
        assert len(source.heard) == 1


async def test_a_producer_consumer_cancels_on_both_sides():
    between, sink = Passing(), Sink("passing", cancel="temporary")
    between.terms = {"cancel": "temporary"}
    source = Numbers(0)

    async with stages(source, between, sink):
        await idle()
        between.cancel(sink.subscription, "below")
        await idle()
        assert sink.heard == [("cancel", "below")]
        between.cancel(next(iter(between.core.windows)), "above")
        await idle()
        assert source.heard == [("cancel", "above")]
