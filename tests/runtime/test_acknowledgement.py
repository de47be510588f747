"""Acknowledgement: each delivery is told to its source once, as a success or as a failure, whatever happens to it."""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stage_members import idle, of

import palleto
from palleto import (
    Acknowledger,
    Batcher,
    BroadcastDispatcher,
    Consumer,
    ConsumerSupervisor,
    Delivery,
    NotFoundError,
    Producer,
    ProducerConsumer,
    Recorder,
    SettingError,
    Supervisor,
    System,
    cast,
    child,
    running,
    stream,
    whereis,
)


class Told:
    """What a source was told: data, in order, and with what it failed."""

    def __init__(self):
        self.calls, self.successful, self.failed, self.why = [], [], [], {}

    def ack(self, successful, failed):
        self.calls.append((len(successful), len(failed)))
        self.successful += [delivery.data for delivery in successful]
        self.failed += [delivery.data for delivery in failed]
        self.why |= {delivery.data: delivery.failure for delivery in failed}
        assert all(delivery.failure is None for delivery in successful)


class Source(Told, Producer):
    """Gives out 0, 1, 2, ... up to `count`, once each, and is told what becomes of them."""

    name = "source"

    def __init__(self, count=10):
        super().__init__()
        self.count, self.next = count, 0

    def handle_demand(self, demand):
        first, self.next = self.next, min(self.next + demand, self.count)
        return [Delivery(number, self) for number in range(first, self.next)]


class Broadcasting(Source):
    dispatcher = BroadcastDispatcher

    def init(self):
        self.demand("accumulate")


class Sink(Consumer):
    """Takes a second for a batch; crashes over the number that it is told to."""

    def __init__(self, to="source", crash=None, **terms):
        self.to, self.crash, self.terms, self.got = to, crash, {"max_demand": 4, **terms}, []

    def init(self):
        self.subscribe(self.to, **self.terms)

    async def handle_events(self, events):
        await anyio.sleep(1)
        if any(event.data == self.crash for event in events):
            raise ValueError(self.crash)
        self.got += [event.data for event in events]


class Passing(ProducerConsumer):
    name = "passing"

    def __init__(self, **terms):
        self.terms = {"max_demand": 4, **terms}

    def init(self):
        self.subscribe("source", **self.terms)


class BatchSink(Sink):
    async def handle_events(self, events):
        await anyio.sleep(1)
        self.got += [[event.data for event in batch] for batch in events]


def run(*members, **more):
    return running(of(*members), observers=[Acknowledger()], report=lambda line: None, **more)


async def test_what_a_consumer_has_handled_has_succeeded_batch_by_batch():
    source, sink = Source(), Sink(cancel="temporary")

    async with run(source, sink):
        await anyio.sleep(0.5)
        assert source.calls == []
        await idle()
        assert source.calls == [(2, 0)] * 5
        assert source.successful == list(range(10))
        assert source.failed == []


async def test_what_a_crash_loses_has_failed():
    source, sink = Source(6), Sink(crash=3, max_demand=2, min_demand=0)

    async with run(source, sink):
        await idle()
        assert (source.successful, source.failed) == ([0, 1], [2, 3])
        assert source.why == dict.fromkeys([2, 3], f"{sink.label} has ended: ValueError: 3")


async def test_a_consumer_says_that_one_has_failed():
    class Picky(Sink):
        def handle_events(self, events):
            for event in events:
                if event.data % 2:
                    event.fail("odd")
            events.clear()  # the list is its own

    source = Source(4)

    async with run(source, Picky()):
        await idle()
        assert (source.successful, source.failed) == ([0, 2], [1, 3])
        assert source.why == {1: "odd", 3: "odd"}


async def test_a_stage_that_drops_one_says_so():
    class Filter(Passing):
        def handle_events(self, events):
            for event in events:
                if event.data % 2:
                    event.ack()
            return [event for event in events if not event.data % 2]

    source, sink = Source(), Sink("passing")

    async with run(source, Filter(), sink):
        await idle()
        assert sink.got == [0, 2, 4, 6, 8]
        assert sorted(source.successful) == list(range(10))
        assert source.failed == []


@pytest.mark.parametrize("how", ["drain", "kill"])
async def test_through_a_batcher(how):
    source = Source(10)
    batcher = Batcher("source", batch_size=4, batch_timeout=None, name="batches")

    async with run(source, batcher, BatchSink("batches", cancel="temporary")):
        await idle()
        assert sorted(source.successful) == list(range(8))
        if how == "drain":
            await System.current().drain()
        else:
            batcher.kill()
            await idle()
        assert sorted(source.successful) == list(range(10 if how == "drain" else 8))
        assert sorted(source.failed) == ([] if how == "drain" else [8, 9])


async def test_a_broadcast_has_succeeded_when_all_have_it():
    source = Broadcasting(4)

    class Slow(Sink):
        async def handle_events(self, events):
            await anyio.sleep(5)
            await super().handle_events(events)

    async with run(source, Sink(), Slow(crash=2, max_demand=2, min_demand=0, cancel="temporary")):
        await idle()
        source.demand("forward")
        await anyio.sleep(5)
        assert source.successful == []
        await anyio.sleep(1.5)
        assert source.successful == [0, 1]
        await anyio.sleep(20)
        assert (source.successful, source.failed) == ([0, 1], [2, 3])


async def test_what_a_full_buffer_drops_has_failed():
    class Pushing(Source):
        buffer_size = 2

        def handle_cast(self, numbers):
            return [Delivery(number, self) for number in numbers]

    source = Pushing(0)

    async with run(source):
        cast(source, [1, 2, 3, 4])
        await idle()
        assert (source.successful, source.failed) == ([], [1, 2])
    assert source.failed == [1, 2, 3, 4]


class Twice(Passing):
    def handle_events(self, events):
        return [copy for event in events for copy in (event, event.with_data(-event.data))]


async def test_two_copies():
    source, sink = Source(3), Sink("passing", max_demand=1)

    async with run(source, Twice(), sink):
        await anyio.sleep(1.5)
        assert source.successful == []
        await idle()
        assert sink.got == [0, 0, 1, -1, 2, -2]
        assert source.successful == [0, 1, 2]


async def test_one_copy_in_the_buffer_of_a_stage_that_crashes():
    source, middle = Source(4), Twice()

    async with run(source, middle, Sink("passing", max_demand=1, cancel="temporary")):
        await anyio.sleep(2.5)
        assert source.successful == [0]
        middle.kill()  # of 1, the first copy is at the sink, the second in the buffer
        await idle()
    assert source.successful == [0]
    assert source.failed == [1, 2, 3]


async def test_what_a_stage_had_handed_on_before_it_crashed_has_not_failed():
    """It crashes over the second of two batches that came in one message."""

    class Crashing(Passing):
        def handle_events(self, events):
            if events[0].data == 2:
                raise ValueError(2)
            return events

    source = Source(4)

    async with run(source, Crashing(min_demand=2), Sink("passing", cancel="temporary")):
        await idle()
        assert (source.successful, source.failed) == ([0, 1], [2, 3])


async def test_a_consumer_supervisor_s_children():
    class Crew(ConsumerSupervisor):
        def init(self):
            self.subscribe("source", max_demand=10)

        def child_of(self, event):
            return None if event.data == 4 else super().child_of(event)

        async def run(self, event):
            await anyio.sleep(event.data)
            if event.data == 3:
                raise ValueError("3")

    source, crew = Source(10), Crew()

    async with run(source, crew):
        await anyio.sleep(0.5)
        assert source.successful == [4, 0]
        await anyio.sleep(5)
        assert source.successful == [4, 0, 1, 2, 5]
        assert source.failed == [3]
        await crew.end()
        await idle()
        assert sorted(source.failed) == [3, 6, 7, 8, 9]


async def test_a_stream_and_one_that_leaves_it():
    source = Source(4)

    async with run(source):
        got = []
        async with aclosing(stream("source", max_demand=2, min_demand=0)) as deliveries:
            async for delivery in deliveries:
                got.append(delivery.data)
                if delivery.data == 2:
                    break
        await anyio.sleep(1)
    assert got == [0, 1, 2]
    assert source.successful[:2] == [0, 1]
    assert sorted(source.successful + source.failed) == list(range(4))


async def test_it_is_told_in_the_source_s_turn():
    """Not in the middle of its `async` callback."""

    class Careful(Source):
        busy = False

        async def handle_demand(self, demand):
            self.busy = True
            await anyio.sleep(10)
            self.busy = False
            return super().handle_demand(demand)

        def ack(self, successful, failed):
            assert not self.busy
            assert palleto.actor() is self
            super().ack(successful, failed)

    source = Careful(4)

    async with run(source, Sink(max_demand=2, min_demand=1)):
        await idle()
        assert source.successful == [0, 1, 2, 3]


async def test_one_whose_producer_crashed_before_it_gave_them_out():
    class Clumsy(Source):
        def handle_demand(self, demand):
            super().handle_demand(demand)
            raise ValueError("between")

    source = Clumsy(3)

    async with run(source, Sink(cancel="temporary")):
        await idle()
        assert source.failed == [0, 1, 2]


class Raises(Source):
    def ack(self, successful, failed):
        raise ValueError("in ack")


class Async(Source):
    async def ack(self, successful, failed):
        """Who would await it?"""


@pytest.mark.parametrize(
    ("kind", "error"), [(Raises, "ValueError: in ack"), (Async, "ReturnError: expected ack to be declared")]
)
@pytest.mark.parametrize("ended", [False, True])
async def test_an_ack_that_fails(kind, error, ended):
    source, reported = kind(1), []

    async with running(of(source, Sink(cancel="temporary")), observers=[Acknowledger()], report=reported.append):
        await anyio.sleep(0.5)
        if ended:
            await source.end()
        await idle()
        assert not source.running
    (line,) = reported
    assert error in line
    assert ("ack of" in line) == ended


async def test_once_settled_it_stays_so():
    class Undecided(Sink):
        def handle_events(self, events):
            for event in events:
                event.ack()
                event.fail("too late")
                event.ack()
            raise ValueError("and then")

    source = Source(2)

    async with run(source, Undecided()):
        await idle()
        assert (source.successful, source.failed) == ([0, 1], [])


async def test_where_it_cannot_be_made():
    with pytest.raises(NotFoundError):
        Delivery(1, Told())
    async with running(of(Consumer())):
        with pytest.raises(SettingError, match=r"expected a run with acknowledgement: running\(..., observers=\[Ack"):
            Delivery(1, Told())
    async with run(Consumer()):
        with pytest.raises(SettingError, match=r"expected a source with a method ack\(successful, failed\), got: 7"):
            Delivery(1, 7)
        delivery = Delivery(1, Told())
        assert repr(delivery) == "Delivery(1)"
        assert repr(System.current().observer) == "<Acknowledger: 1 deliveries that are not acknowledged>"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    count=st.integers(0, 30),
    middle=st.sampled_from([None, Passing, Batcher]),
    crew=st.booleans(),
    most=st.integers(1, 6),
    kills=st.lists(st.tuples(st.integers(0, 25), st.sampled_from(["source", "passing", "sink", "crash"])), max_size=6),
    end=st.sampled_from([5, 1000]),
    drain=st.booleans(),
    backend=st.sampled_from(["asyncio", "trio"]),
    seed=st.integers(0, 2**32),
)
def test_with_random_crashes_each_delivery_is_acknowledged_once(  # noqa: C901  # a pipeline and its run
    count, middle, crew, most, kills, end, drain, backend, seed
):
    """Nothing is lost untold, nothing acknowledged twice; what failed is tried again, and all is done in the end.

    The source is no stage: it is told at once, and outlives the producers that give out what it has.
    """
    queue, made, done = list(range(count)), Counter(), Counter()
    again = {"max_demand": most, "resubscribe": 0.1}

    class Store(Told):
        def ack(self, successful, failed):
            super().ack(successful, failed)
            queue.extend(delivery.data for delivery in failed)

    class Feed(Producer):
        name, owed = "source", 0

        def handle_demand(self, demand):
            self.owed += demand
            return self.some()

        def handle_cast(self, message):
            if message == "crash":
                raise ValueError(message)
            return self.some()

        def some(self):
            taken, queue[: self.owed] = queue[: self.owed], []
            self.owed -= len(taken)
            made.update(taken)
            return [Delivery(number, store) for number in taken]

    class Through(Passing):
        def handle_events(self, events):
            return events

    class Batches(Batcher):
        def init(self):
            self.subscribe("source", **again)

    class Last:
        name = "sink"

        def init(self):
            self.subscribe("source" if middle is None else "passing", **again)

        async def seen(self, events):
            await anyio.sleep(0.3)
            done.update(one.data for event in events for one in (event if isinstance(event, list) else [event]))

    class Crew(Last, ConsumerSupervisor):
        async def run(self, event):
            await self.seen([event])

    class Sink(Last, Consumer):
        async def handle_events(self, events):
            await self.seen(events)

    between = {
        None: [],
        Passing: [child(Through, **again)],
        Batcher: [child(Batches, "source", name="passing", batch_size=3, batch_timeout=None)],
    }

    async def main():
        top = Supervisor([child(Feed), *between[middle], child(Crew if crew else Sink)], max_restarts=1000)
        observed = {"recorder": recorder, "observers": [Acknowledger()]}
        async with running(top, seed=seed, report=lambda line: None, **observed):
            for pause, name in kills:
                await anyio.sleep(pause / 10)
                await idle()  # who ended is there again
                if name == "crash":
                    cast("source", "crash")
                elif name != "passing" or middle is not None:
                    whereis(name).kill()
            for _ in range(end):  # what came back is given out again
                await anyio.sleep(0.5)
                cast("source", "more")
                if len(store.successful) == count:
                    break
            kept = whereis("passing").held if middle is Batcher else 0
            assert end == 5 or len(store.successful) + kept == count
            if drain:
                await System.current().drain()

    store, recorder = Store(), Recorder(strict=True)
    palleto.run(main, backend=backend, time="virtual")
    assert recorder.broken is None
    told = Counter(store.successful) + Counter(store.failed)
    assert told == made  # each delivery once
    assert max(Counter(store.successful).values(), default=1) == 1
    assert Counter(store.successful) - done == Counter()  # success was no guess
    assert not Counter(range(count)) - Counter(store.successful) - Counter(queue)  # the rest is with the source again
