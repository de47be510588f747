"""Every callback of a stage, plain and async, and what it may not return."""

from __future__ import annotations

import anyio
import pytest
from stage_members import Numbers, Passing, Quiet, Sink, Slow, idle, stages

import palleto
from palleto import Consumer, NotFoundError, Producer, call, cast


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


async def test_handle_cast_and_handle_call_of_all_three(style):
    class Source(Quiet):
        handle_cast = style(Quiet.handle_cast)
        handle_call = style(lambda self, message: (len(message), message))

    class Between(Passing):
        handle_cast = style(lambda self, events: tuple(events))
        handle_call = style(lambda self, message: (message * 2, ["of its own"]))

    class Last(Sink):
        handle_cast = style(lambda self, message: self.heard.append(message))
        handle_call = style(lambda self, message: (list(self.got), None))

    sink = Last("passing")

    async with stages(Source(), Between(2, "quiet"), sink):
        cast("quiet", [1])
        await idle()
        cast("passing", [10])
        cast(sink, "hello")
        await idle()
        assert await call("quiet", [2, 3]) == 2
        await idle()
        assert await call("passing", 21) == 42
        await idle()
        assert await call(sink, "what have you got?") == [1, 1, 10, 2, 2, 3, 3, "of its own"]
    assert sink.heard == ["hello"]


async def test_handle_subscribe_hears_both_sides_and_may_choose_manual_demand(style):
    class Source(Numbers):
        handle_subscribe = style(lambda self, *told: self.heard.append(told))

    class Last(Sink):
        @style
        def handle_subscribe(self, *told):
            self.heard.append(told)
            return "manual"

    source, sink = Source(), Last()

    async with stages(source, sink):
        await idle()
        assert source.heard == [("consumer", sink.subscription)]
        assert sink.heard == [("producer", sink.subscription)]
        assert sink.got == []
        sink.ask(sink.subscription, 3)
        await idle()
    assert sink.got == [0, 1, 2]


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


async def crash(sink):
    cast(sink, "oh")


async def kill(sink):
    sink.kill()


async def stop(sink):
    sink.stop()


@pytest.mark.parametrize(
    ("end", "reason"), [(Sink.end, "shutdown"), (stop, "normal"), (kill, "killed"), (crash, "ValueError('oh')")]
)
async def test_terminate_hears_why(style, end, reason):
    class Last(Sink):
        terminate = style(Sink.terminate)

    sink = Last()

    async with stages(Numbers(), sink) as world:
        await idle()
        await end(sink)
        await sink.wait()
        assert not world.lost
        if end is crash:
            assert world.reported == [f"Last {sink.id} crashed: ValueError: oh"]
    assert [str(ended) if isinstance(ended, str) else repr(ended) for ended in sink.ended] == [reason]


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
        assert world.reported == [f"Last {sink.id} crashed: RuntimeError: in terminate"]
        assert repr(source.heard) == "[('down', RuntimeError('in terminate'))]"


async def test_only_the_stage_that_awaits_waits():
    slow, quick = Slow("quiet", max_demand=2), Sink("quiet", max_demand=2)

    async with stages(Quiet(), slow, quick):
        await idle()
        cast("quiet", list(range(20)))
        await anyio.sleep(0.5)
        assert (len(slow.got), len(quick.got)) == (0, 18)


# ---- what they may not return


async def _nothing():
    return None


@pytest.mark.parametrize("callback", ["handle_demand", "handle_cast", "handle_call", "handle_subscribe", "terminate"])
async def test_plain_stage_that_returns_an_awaitable(callback):
    source, sink = Numbers(), Sink(cancel="temporary")
    setattr(source, callback, lambda *args: _nothing())

    async with stages(source, sink) as world:
        if callback == "handle_cast":
            cast(source, 1)
        elif callback == "handle_call":
            with pytest.raises(NotFoundError):
                await call(source, 1)
        elif callback == "terminate":
            await idle()
            await source.end()
        await source.wait()
        (line,) = world.reported
        assert line == f"numbers crashed: ReturnError: expected {callback} to be declared `async def`, as it awaits"


async def test_callbacks_that_are_not_there():
    class Bare(Producer):
        pass

    class Deaf(Consumer):
        def init(self):
            self.subscribe("numbers")

    bare, deaf = Bare(), Deaf()

    async with stages(Numbers(), bare, deaf) as world:
        await deaf.wait()
        cast(bare, "x")
        await bare.wait()
        assert "expected Deaf to have a handle_events" in world.reported[0]
        assert "expected Bare to have a handle_cast for 'x'" in world.reported[1]


def test_who_is_sent_to_first_acts_first():
    """On asyncio, which runs first in, first out; the sender has a task of its own."""
    acted = []

    class Source(Quiet):
        async def handle_cast(self, events):
            return events

    class Plain(Sink):
        def handle_events(self, events):
            acted.append("plain")

    class Async(Sink):
        async def handle_events(self, events):
            acted.append("async")

    async def main():
        async with stages(source := Source(), Plain("quiet", max_demand=1), Async("quiet", max_demand=1)):
            await idle()
            cast(source, [1, 2])
            await idle()

    palleto.run(main, time="virtual")
    assert acted == ["plain", "async"]
