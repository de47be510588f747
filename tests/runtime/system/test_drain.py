"""A drain ends, from the top down, and loses nothing: sources that wait, batches that are not full, timers."""

from __future__ import annotations

import anyio
import pytest
from stage_members import Numbers, Passing, Sink, Slow, of, stages

from palleto import (
    Batcher,
    Consumer,
    DrainError,
    Producer,
    ProducerConsumer,
    Supervisor,
    System,
    TaskSupervisor,
    cast,
    child,
    running,
    whereis,
)


class Tail(Producer):
    """Waits for new lines inside of `handle_demand`; `given` come first."""

    name = "tail"

    def __init__(self, given=()):
        self.given, self.cancelled = list(given), []

    async def handle_demand(self, demand):
        if self.given:
            given, self.given = self.given[:demand], self.given[demand:]
            return given
        try:
            await anyio.sleep_forever()
        finally:
            self.cancelled.append(anyio.current_time())

    def handle_cast(self, message):
        return [message]


async def test_a_source_that_waits_in_handle_demand_is_cancelled_at_once():
    tail, sink = Tail("ab"), Sink("tail", max_demand=2, min_demand=0)

    async with stages(tail, sink) as world:
        await anyio.sleep(1)
        await System.current().drain()
        assert anyio.current_time() == 1
        assert tail.cancelled == [1]
        assert tail.running
        cast(tail, "more")  # it goes on as if handle_demand had returned None: 2 are still owed
        await System.current().idle()
        assert sink.got == ["a", "b", "more"]
    assert anyio.current_time() == 1
    assert world.lost == world.reported == []


async def test_what_a_cancelled_handle_demand_returns_all_the_same_goes_down():
    class Careful(Tail):
        async def handle_demand(self, demand):
            with anyio.move_on_after(100, shield=True):
                await anyio.sleep(3)
                return ["last"]

        async def handle_cast(self, message):
            await anyio.sleep(1)
            return [message]

    tail, sink = Careful(), Sink("tail")

    async with stages(tail, sink):
        await anyio.sleep(1)
        cast(tail, "cast")
        await System.current().drain()
        # the callback after it is not cancelled
        assert (anyio.current_time(), sink.got) == (4, ["last", "cast"])


class SlowPassing(Passing):
    """Takes a second for each event; two are on their way."""

    def __init__(self):
        super().__init__(max_demand=2)

    async def handle_events(self, events):
        await anyio.sleep(1)
        return events


async def test_handle_drain_is_told_after_all_that_comes_from_above():
    """Also after what a slow stage above still has in hand: all events are there when it is told."""

    class Batches(Batcher):
        def handle_drain(self):
            drains.append(anyio.current_time())
            return super().handle_drain()

    drains, sink = [], Sink("batcher")
    async with stages(Numbers(100), SlowPassing(), Batches("passing", batch_timeout=None, name="batcher"), sink):
        await anyio.sleep(3.5)
        for _ in range(2):  # it is told once
            await System.current().drain()
        assert [len(batch) for batch in sink.got] == [5]
        assert drains == [5.0]


async def test_handle_drain_of_every_kind_plain_and_async(style):
    told = []

    class Source(Numbers):
        @style
        def handle_drain(self):
            told.append("source")
            return ["last words"]

    class Sinking(Sink):
        @style
        def handle_drain(self):
            told.append("sink")

    sink = Sinking()
    async with stages(Source(3), sink) as world:
        await anyio.sleep(1)
        await System.current().drain()
        assert (told, sink.got) == (["source", "sink"], [0, 1, 2, "last words"])
    assert world.reported == []


async def test_the_timer_of_a_stage_runs_until_events_are_through():
    """Only its source is told to stop: what is still on its way is flushed by the timer, as always."""

    class Ticking(ProducerConsumer):
        name = "ticking"

        def init(self):
            self.held = []
            self.subscribe("passing")
            self.task = whereis("timers").start_task(self.tick)

        async def tick(self):
            while True:
                await anyio.sleep(0.75)
                cast(self, "flush")

        def handle_events(self, events):
            self.held += events

        def handle_cast(self, message):
            held, self.held = self.held, []
            return held

    async def look():
        try:
            await anyio.sleep_forever()
        finally:
            looking.append(anyio.current_time())

    timers, ticking, sink, looking = TaskSupervisor(), Ticking(), Sink("ticking"), []
    timers.name = "timers"
    async with stages(timers, Numbers(100), SlowPassing(), ticking, sink):
        timers.start_task(look)
        await anyio.sleep(0.5)
        await System.current().drain()
        assert looking == [0.5]  # a task that no stage started looks for events
        assert not ticking.task.running
        assert anyio.current_time() == 2
        assert sink.got == [0]  # by the tick at 1.5


async def test_a_drain_waits_for_what_a_timer_still_asks_for():
    class Paced(Consumer):
        """Asks for one event a second, by itself."""

        def init(self):
            self.got = []
            self.subscription = self.subscribe("numbers", manual=True)
            whereis("timers").start_task(self.tick)

        async def tick(self):
            while True:
                await anyio.sleep(1)
                self.ask(self.subscription, 1)

        def handle_events(self, events):
            self.got += events

    timers, paced, numbers = TaskSupervisor(), Paced(), Numbers(0)
    timers.name = "timers"
    async with stages(timers, numbers, paced):
        numbers.emit(range(5))
        await anyio.sleep(1.5)
        with pytest.raises(DrainError, match="within 2 s, got: numbers has 2 events that #4 has not asked for"):
            await System.current().drain(timeout=2)
        await System.current().drain()
        assert (paced.got, anyio.current_time()) == ([0, 1, 2, 3, 4], 5)


async def test_a_drain_says_what_is_not_done():
    class Stuck(Sink):
        name = "stuck"

        async def handle_events(self, events):
            await anyio.sleep(3600)

    async with running(of(Numbers(), Stuck())):
        await anyio.sleep(1)
        with pytest.raises(DrainError) as caught:
            await System.current().drain(timeout=5)
        assert anyio.current_time() == 6
        assert str(caught.value) == "expected the drain to end within 5 s, got: stuck waits in its handle_events"
        assert caught.value.unfinished == {"stuck": "waits in its handle_events"}
        assert isinstance(caught.value, TimeoutError)
        whereis("stuck").kill()


async def test_a_source_that_starts_during_a_drain_stays_quiet():
    """A restart: it gives no events, or the drain would go on with those."""
    made = []

    class Short(Producer):
        name = "short"

        def init(self):
            made.append(self)

        def handle_demand(self, demand):
            return list(range(demand))

        def handle_cast(self, message):
            raise ValueError(message)

    class Careless(Slow):
        async def handle_events(self, events):
            await anyio.sleep(1)
            if len(made) == 1:
                cast("short", "oh")

    top = Supervisor([child(Short), child(Careless, "short", max_demand=2, cancel="permanent")], max_restarts=9)
    async with running(top, report=lambda line: None):
        await anyio.sleep(0.5)
        await System.current().drain(timeout=60)
        assert len(made) == 2
        assert anyio.current_time() < 4
        assert made[1].core.dispatcher.demand > 0
