"""Crashes, kills, and what they lose."""

from __future__ import annotations

import anyio
import pytest
from stage_members import Numbers, Passing, Quiet, Sink, idle, stages

from palleto import NotFoundError, cast


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


async def test_a_producer_consumer_that_crashes_loses_each_event_once(style):
    class Weak(Passing):
        @style
        def handle_events(self, events):
            if 2 in events:
                raise ValueError("two")
            return events

    source, weak = Numbers(6), Weak(max_demand=6, min_demand=5)
    sink = Sink("passing", manual=True, cancel="temporary")

    async with stages(source, weak, sink) as world:
        sink.ask(sink.subscription, 2)
        await idle()
        sink.ask(sink.subscription, 1)  # makes it handle a batch that came long ago
        await weak.wait()
        await idle()
        assert sorted(world.lost) == [2, 3, 4, 5]
        assert sink.got == [0, 1]


async def test_a_producer_that_crashes_loses_its_buffer_and_what_was_to_be_emitted():
    source = Quiet()

    async with stages(source) as world:
        cast(source, [1, 2])
        await idle()
        source.emit([3])
        source.kill()
        await source.wait()
        source.emit([4])
        assert world.lost == [1, 2, 3, 4]


async def test_events_sent_to_a_consumer_that_is_already_dead_are_lost():
    class Last(Sink):
        def handle_cast(self, message):
            raise ValueError

    source, sink = Quiet(), Last("quiet")

    async with stages(source, sink) as world:
        await idle()
        cast(sink, "die")
        cast(source, [1, 2])  # it hears of the death only after this
        await idle()
        assert (world.lost, sink.got) == ([1, 2], [])


async def test_a_subscription_that_waits_when_the_producer_dies():
    class Slow(Quiet):
        async def handle_cast(self, message):
            await anyio.sleep(1)
            raise ValueError

    source, sink = Slow(), Sink("quiet")
    sink.init = lambda: None

    async with stages(source, sink):
        cast(source, 1)
        await anyio.sleep(0.5)
        sink.subscribe(source)
        await sink.wait()
        assert anyio.current_time() == 1
        assert repr(sink.heard) == "[('down', ValueError())]"


async def test_a_subscription_whose_handle_subscribe_crashes(style):
    class Source(Quiet):
        @style
        def handle_subscribe(self, kind, subscription):
            raise ValueError

    sink = Sink("quiet")

    async with stages(Source(), sink):
        await sink.wait()
        assert repr(sink.heard) == "[('down', ValueError())]"


async def test_a_crashed_consumers_demand_is_forgotten():
    class Last(Sink):
        def handle_cast(self, message):
            raise ValueError

    source, dies, stays = Quiet(), Last("quiet", max_demand=30, min_demand=0), Sink("quiet", max_demand=5, min_demand=0)

    async with stages(source, dies, stays) as world:
        await idle()
        assert source.core.ledger() == (35, 35, 0, 0)
        cast(dies, "die")
        await idle()
        # what was told stays remembered (rule 1), but nobody is owed it
        assert source.core.ledger() == (35, 5, 0, 0)
        cast(source, list(range(7)))
        await idle()
        assert stays.got == list(range(7))
        assert world.lost == []


async def test_kill_in_the_middle_of_an_async_callback():
    class Slow(Sink):
        async def handle_events(self, events):
            await anyio.sleep(10)
            self.got += events

    sink = Slow("quiet")

    async with stages(Quiet(), sink) as world:
        cast("quiet", [1, 2])
        await anyio.sleep(1)
        sink.kill()
        await sink.wait()
        assert anyio.current_time() == 1
        assert (sink.got, sink.ended, world.lost) == ([], ["killed"], [1, 2])
        sink.kill()
        await sink.end()
        assert sink.ended == ["killed"]


async def test_a_listener_that_fails_is_reported_and_the_stage_ends_as_it_should():
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
        assert world.reported[1:] == ["quiet crashed: killed", f"{sink.id} crashed: killed"]


@pytest.mark.parametrize("how", ["end", "kill", "stop"])
async def test_what_waits_in_the_mailbox_is_refused_unless_a_stage_stops_of_itself(how):
    class Source(Quiet):
        def handle_cast(self, events):
            self.told.append(events)

    source, refused = Source(), []

    async with stages(source) as world:
        world.top.system.on_refused.append(refused.append)
        await idle()
        cast(source, "before")
        if how == "stop":
            source.stop()
        elif how == "kill":
            source.kill()
        else:
            await source.end()
        cast(source, "after")
        await source.wait()
        cast(source, "too late")
        with pytest.raises(NotFoundError):
            cast("quiet", "to nobody")
    assert source.told == (["before"] if how == "stop" else [])
    assert refused == {"stop": ["after"], "kill": ["before", "after"], "end": ["before", "after"]}[how] + [
        "too late",
        "to nobody",
    ]


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
