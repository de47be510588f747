"""Every callback of a stage, plain and async."""

from __future__ import annotations

import anyio
import pytest
from stage_members import Numbers, Quiet, Sink, idle, stages

from palleto import ProducerConsumer, call, cast


async def test_handle_demand_and_handle_events(style):
    class Source(Numbers):
        handle_demand = style(Numbers.handle_demand)

    class Batches(Sink):
        @style
        def handle_events(self, events):
            self.got.append(events)

    source, sink = Source(7), Batches(max_demand=4, min_demand=2)

    async with stages(source, sink):
        await idle()
    assert sink.got == [[0, 1], [2, 3], [4, 5], [6]]
    # 4 at first, 2 again after each batch of 2: of the 8 there were 7 events, so 1 is remembered
    assert source.told == [4, 2, 2, 2]


async def test_handle_cast_of_all_three(style):
    class Source(Quiet):
        handle_cast = style(lambda self, events: events)

    class Double(ProducerConsumer):
        name = "double"

        def init(self):
            self.subscribe("quiet")

        def handle_events(self, events):
            return [event * 2 for event in events]

        @style
        def handle_cast(self, events):
            return tuple(events)

    class Last(Sink):
        @style
        def handle_cast(self, message):
            self.heard.append(message)

    sink = Last("double")

    async with stages(Source(), Double(), sink):
        cast("quiet", [1, 2])
        await idle()
        cast("double", [10])
        cast(sink, "hello")
        await idle()
    assert sink.got == [2, 4, 10]
    assert sink.heard == ["hello"]


async def test_handle_call_of_all_three(style):
    class Source(Quiet):
        handle_call = style(lambda self, message: (len(message), message))

    class Copy(ProducerConsumer):
        name = "copy"

        def init(self):
            self.subscribe("quiet")

        def handle_events(self, events):
            return events

        @style
        def handle_call(self, message):
            return message * 2, ["of its own"]

    class Last(Sink):
        handle_call = style(lambda self, message: (list(self.got), None))

    sink = Last("copy")

    async with stages(Source(), Copy(), sink):
        assert await call("quiet", ["a", "b"]) == 2
        await idle()
        assert await call("copy", 21) == 42
        await idle()
        assert await call(sink, "what have you got?") == ["a", "b", "of its own"]


async def test_handle_subscribe_hears_both_sides(style):
    class Source(Numbers):
        @style
        def handle_subscribe(self, kind, subscription):
            self.heard.append((kind, subscription))

    class Last(Sink):
        @style
        def handle_subscribe(self, kind, subscription):
            self.heard.append((kind, subscription))
            return "automatic"

    source, sink = Source(3), Last()

    async with stages(source, sink):
        await idle()
        assert source.heard == [("consumer", sink.subscription)]
        assert sink.heard == [("producer", sink.subscription)]
        assert sink.got == [0, 1, 2]


async def test_manual_demand(style):
    class Last(Sink):
        handle_subscribe = style(lambda self, kind, subscription: "manual")

    by_return, by_terms = Last(), Sink(manual=True)

    async with stages(Numbers(), by_return, by_terms):
        await idle()
        assert by_return.got == by_terms.got == []
        by_return.ask(by_return.subscription, 3)
        await idle()
        by_terms.ask(by_terms.subscription, 2)
        await idle()
        by_return.ask(by_return.subscription, 1)
        await idle()
    assert (by_return.got, by_terms.got) == ([0, 1, 2, 5], [3, 4])


async def test_handle_cancel_hears_why_on_both_sides(style):
    class Source(Numbers):
        handle_cancel = style(Numbers.handle_cancel)

    class Last(Sink):
        handle_cancel = style(Sink.handle_cancel)

    source, left, stays = Source(), Last(), Last(cancel="temporary")

    async with stages(source, left, stays):
        await idle()
        left.cancel(left.subscription, "enough")
        await left.wait()
        assert source.heard == [("cancel", "enough")]
        assert left.heard == [("cancel", "enough")]
        assert left.ended == ["enough"]
        await source.end("normal")
        await idle()
        assert stays.heard == [("down", "normal")]
        assert stays.running


async def test_handle_cancel_may_emit(style):
    class Source(Numbers):
        handle_cancel = style(lambda self, reason, subscription: ["somebody left"])

    source, left, stays = Source(0), Sink(), Sink(max_demand=1)

    async with stages(source, left, stays):
        await idle()
        await left.end()
        await idle()
    assert stays.got == ["somebody left"]


@pytest.mark.parametrize("reason", ["shutdown", "normal", "killed", "crash"])
def test_terminate_hears_why(go, style, reason):
    class Last(Sink):
        terminate = style(Sink.terminate)

        def handle_cast(self, message):
            raise ValueError(message)

    sink = Last()

    async def main():
        async with stages(Numbers(), sink) as world:
            await idle()
            if reason == "crash":
                cast(sink, "oh")
            elif reason == "killed":
                sink.kill()
            elif reason == "normal":
                sink.stop()
            else:
                await sink.end()
            await sink.wait()
            assert not world.lost
            return world.reported

    reported = go(main)
    if reason == "crash":
        assert repr(sink.ended) == "[ValueError('oh')]"
        assert reported == [f"{sink.id} crashed: ValueError: oh"]
    else:
        assert sink.ended == [reason]


async def test_terminate_that_crashes(style):
    class Last(Sink):
        @style
        def terminate(self, reason):
            raise RuntimeError("in terminate")

    sink, source = Last(), Numbers()

    async with stages(source, sink) as world:
        await idle()
        await sink.end()
        await idle()
        assert world.reported == [f"{sink.id} crashed: RuntimeError: in terminate"]
        assert repr(source.heard) == "[('down', RuntimeError('in terminate'))]"


async def test_only_the_stage_that_awaits_waits():
    class Slow(Sink):
        async def handle_events(self, events):
            await anyio.sleep(10)
            self.got += events

    slow, quick = Slow("quiet", max_demand=2), Sink("quiet", max_demand=2)

    async with stages(Quiet(), slow, quick):
        await idle()
        cast("quiet", list(range(20)))
        await anyio.sleep(1)
        assert (len(slow.got), len(quick.got)) == (0, 18)
