"""The order of things, and the end of a source."""

from __future__ import annotations

import anyio
from stage_members import Numbers, Quiet, Sink, idle, stages

from palleto import cast


async def test_process_first_then_ask_in_run_time():
    class Source(Numbers):
        def handle_demand(self, demand):
            times.append((anyio.current_time(), "demand", demand))
            return super().handle_demand(demand)

    class Slow(Sink):
        async def handle_events(self, events):
            times.append((anyio.current_time(), "events", len(events)))
            await anyio.sleep(1)

    times = []

    async with stages(Source(15), Slow(max_demand=10, min_demand=5)):
        await idle()
    assert times == [
        (0, "demand", 10),
        (0, "events", 5),
        (1, "events", 5),
        (1, "demand", 5),  # for the batch that took until 1, not before
        (2, "events", 5),
        (2, "demand", 5),
        (3, "demand", 5),
    ]


async def test_demand_accumulate_and_forward():
    source, sink = Numbers(), Sink(manual=True)

    async with stages(source, sink):
        source.demand("accumulate")
        sink.ask(sink.subscription, 3)
        sink.ask(sink.subscription, 4)
        await idle()
        assert (source.told, sink.got) == ([], [])
        source.demand("forward")
        await idle()
        assert (source.told, sink.got) == ([7], [0, 1, 2, 3, 4, 5, 6])
        sink.ask(sink.subscription, 2)
        await idle()
        assert source.told == [7, 2]


async def test_emit_from_outside_of_a_callback():
    source, sink = Quiet(), Sink("quiet")

    async with stages(source, sink):
        source.emit(iter("ab"))
        await idle()
        source.emit([])
        await idle()
    assert sink.got == ["a", "b"]


async def test_stop_comes_after_what_is_in_the_mailbox():
    source, sink = Quiet(), Sink("quiet")

    async with stages(source, sink):
        await idle()
        cast(source, [1])
        source.stop()
        cast(source, [2])
        await source.wait()
        await sink.wait()
        assert sink.heard == [("down", "normal")]
    assert sink.got == [1]
