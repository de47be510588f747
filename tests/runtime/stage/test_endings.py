"""How a stage ends: how long it may take, and what is lost, refused and told then."""

from __future__ import annotations

import logging

import anyio
import pytest
from stage_members import Numbers, Quiet, Sink, Slow, idle, stages

from palleto import NotFoundError, cast


async def test_patience():
    """A callback that never ends is cancelled after 5 s of run time; one that ends in time is left to end."""

    class Takes(Sink):
        async def handle_events(self, events):
            await anyio.sleep(events[0])
            self.got += events

    endless, short = Takes("quiet", max_demand=1), Takes("quiet", max_demand=1)
    short.init = lambda: None

    async with stages(Quiet(), endless, short) as world:
        cast("quiet", [1e9, 3.0])
        await anyio.sleep(1)
        short.subscribe("quiet", max_demand=1)
        await anyio.sleep(1)
        await short.end()
        assert (anyio.current_time(), short.got) == (4, [3.0])
        await endless.end("enough")
        assert (anyio.current_time(), endless.got) == (9, [])
        assert endless.ended == ["enough"]
        assert world.lost == [1e9]
        assert world.reported == [f"Takes {endless.id} crashed: enough"]


async def test_patience_with_terminate():
    class Endless(Sink):
        patience = 2.0

        async def terminate(self, reason):
            await anyio.sleep_forever()

    sink = Endless("quiet")

    async with stages(Quiet(), sink):
        await idle()
        await sink.end()
        assert 2 <= anyio.current_time() <= 4


async def test_repr():
    source, sink = Numbers(), Sink()

    async with stages(source, sink):
        assert repr(source) == "<Numbers numbers running>"
        assert repr(sink) == f"<Sink {sink.id} running>"
    assert repr(sink) == f"<Sink {sink.id} not running>"


async def test_a_consumer_that_crashes_loses_its_batches_and_its_mailbox(style):
    class Weak(Sink):
        @style
        def handle_events(self, events):
            if 2 in events:
                raise ValueError("two")
            self.got += events

    sink = Weak("quiet", max_demand=4, min_demand=3)

    async with stages(Quiet(), sink) as world:
        await idle()
        cast("quiet", [0, 1, 2, 3])
        await sink.wait()
        assert world.lost == [2, 3]
    assert sink.got == [0, 1]


async def test_a_producer_that_crashes_loses_its_buffer_and_what_was_to_be_emitted():
    source = Quiet()

    async with stages(source) as world:
        cast(source, [1, 2])
        await idle()
        source.emit([3])
        source.kill()
        await source.wait()
        with pytest.raises(NotFoundError, match="but it has ended"):
            source.emit([4])
        assert world.lost == [1, 2, 3, 4]


async def test_subscriptions_that_are_not_taken_in_when_the_producer_crashes(style):
    """The one whose `handle_subscribe` crashes, and the one that waits behind it."""

    class Source(Quiet):
        @style
        def handle_subscribe(self, kind, subscription):
            raise ValueError

    first, second = Sink("quiet"), Sink("quiet")

    async with stages(Source(), first, second):
        await first.wait()
        await second.wait()
        assert repr(first.heard) == repr(second.heard) == "[('down', ValueError())]"


async def test_kill_in_the_middle_of_an_async_callback():
    sink = Slow("quiet")

    async with stages(Quiet(), sink) as world:
        cast("quiet", [1, 2])
        await anyio.sleep(0.5)
        sink.kill()
        await sink.wait()
        assert anyio.current_time() == 0.5
        assert (sink.got, sink.ended, world.lost) == ([], ["killed"], [1, 2])
        sink.kill()
        await sink.end()
        assert sink.ended == ["killed"]


async def test_a_listener_that_fails_is_reported_and_the_stage_ends_as_it_should(caplog):
    def fails(stage, events):
        raise KeyError("a listener")

    source, sink = Quiet(), Sink("quiet")

    async with stages(source, sink) as world:
        world.top.system.on_lost.insert(0, fails)
        await idle()
        source.emit([1])
        source.kill()
        await source.wait()
        await sink.wait()
        assert world.lost == [1]
        assert world.reported[0].endswith("failed with KeyError('a listener')")
        record = caplog.records[0]
        assert (record.name, record.levelno, record.getMessage()) == ("palleto", logging.ERROR, world.reported[0])
        assert world.reported[1:] == ["quiet crashed: killed", f"Sink {sink.id} crashed: killed"]


@pytest.mark.parametrize(
    ("how", "told", "not_told"), [("end", [], ["before"]), ("kill", [], ["before"]), ("stop", ["before"], [])]
)
async def test_what_waits_in_the_mailbox_is_refused_unless_a_stage_stops_of_itself(how, told, not_told):
    class Source(Quiet):
        def handle_cast(self, events):
            self.told.append(events)

    source, refused = Source(), []

    async with stages(source) as world:
        world.top.system.on_refused.append(refused.append)
        await idle()
        cast(source, "before")
        if how == "end":
            await source.end()
        else:
            getattr(source, how)()
        cast(source, "after")
        await source.wait()
        cast(source, "too late")
        with pytest.raises(NotFoundError):
            cast("quiet", "to nobody")
    assert source.told == told
    assert refused == [*not_told, "after", "too late", "to nobody"]


async def test_a_cast_that_was_handled_is_not_refused_when_its_stage_is_killed_at_rest():
    class Source(Quiet):
        async def handle_cast(self, events):
            self.told.append(events)

        async def terminate(self, reason):
            self.told.append(reason)
            await anyio.sleep(1)
            self.told.append("done")

    source, refused = Source(), []

    async with stages(source) as world:
        world.top.system.on_refused.append(refused.append)
        cast(source, "before")
        await idle()
        source.kill()
        await source.wait()
        assert anyio.current_time() == 1
    assert (source.told, refused) == (["before", "killed", "done"], [])
