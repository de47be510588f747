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

    def init(self):
        self.subscribe("source", max_demand=4)

    def handle_events(self, events):
        return self.passed(events)

    def passed(self, events):
        return [event.with_data(event.data * 10) for event in events]


class Batches(Passing):
    """Hands on lists of 3; a rest is kept."""

    def init(self):
        super().init()
        self.held = []

    def passed(self, events):
        self.held += events
        full = len(self.held) // 3 * 3
        batches = [self.held[start : start + 3] for start in range(0, full, 3)]
        del self.held[:full]
        return batches


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


async def test_through_a_producer_consumer_with_other_data():
    source, sink = Source(), Sink("passing")

    async with run(source, Passing(), sink):
        await idle()
        assert sink.got == [number * 10 for number in range(10)]
        assert source.successful == list(range(10))  # the source hears of what it gave out


async def test_a_stage_that_drops_one_says_so():
    class Filter(Passing):
        def passed(self, events):
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


async def test_through_a_batcher_and_what_it_keeps_when_it_ends():
    source, batches, sink = Source(10), Batches(), BatchSink("passing", cancel="temporary")

    async with run(source, batches, sink):
        await idle()
        assert source.successful == list(range(9))
        batches.kill()
        await idle()
        assert source.failed == [9]
        assert source.why[9].endswith("has ended: killed")
    assert len(source.successful + source.failed) == 10


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


async def test_two_copies():
    class Twice(Passing):
        def passed(self, events):
            return [copy for event in events for copy in (event, event.with_data(-event.data))]

    source, sink = Source(3), Sink("passing", max_demand=1)

    async with run(source, Twice(), sink):
        await anyio.sleep(1.5)
        assert source.successful == []
        await idle()
        assert sink.got == [0, 0, 1, -1, 2, -2]
        assert source.successful == [0, 1, 2]


async def test_one_copy_in_the_buffer_of_a_stage_that_crashes():
    class Twice(Passing):
        def passed(self, events):
            return [copy for event in events for copy in (event, event.with_data(-event.data))]

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
        def init(self):
            self.subscribe("source", max_demand=4, min_demand=2)

        def passed(self, events):
            if events[0].data == 2:
                raise ValueError(2)
            return events

    source = Source(4)

    async with run(source, Crashing(), Sink("passing", cancel="temporary")):
        await idle()
        assert (source.successful, source.failed) == ([0, 1], [2, 3])


async def test_what_is_still_there_when_the_run_ends_has_failed():
    source = Source()

    async with run(source, Passing(), Sink("passing")):
        await anyio.sleep(1.5)
    assert source.successful
    assert sorted(source.successful + source.failed) == list(range(source.next))


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


async def test_a_source_that_is_no_stage_is_told_at_once_and_outlives_its_producers():
    class Feed(Producer):
        name = "feed"

        def handle_demand(self, demand):
            taken, queue[:demand] = queue[:demand], []
            return [Delivery(number, store) for number in taken]

    class Store(Told):
        def ack(self, successful, failed):
            super().ack(successful, failed)
            queue.extend(delivery.data for delivery in failed)

    queue, store, sink = list(range(6)), Store(), Sink("feed", resubscribe=0.1)

    top = Supervisor([child(Feed), child(lambda: sink)])
    async with running(top, observers=[Acknowledger()], report=lambda line: None):
        await anyio.sleep(0.5)
        whereis("feed").kill()
        await anyio.sleep(20)
    assert queue == []
    assert sorted(store.successful) == list(range(6))


async def test_one_whose_producer_crashed_before_it_gave_them_out():
    class Clumsy(Source):
        def handle_demand(self, demand):
            super().handle_demand(demand)
            raise ValueError("between")

    source = Clumsy(3)

    async with run(source, Sink(cancel="temporary")):
        await idle()
        assert source.failed == [0, 1, 2]


@pytest.mark.parametrize("ended", [False, True])
async def test_an_ack_that_raises(ended):
    class Bad(Source):
        def ack(self, successful, failed):
            raise ValueError("in ack")

    source, reported = Bad(1), []

    async with running(of(source, Sink(cancel="temporary")), observers=[Acknowledger()], report=reported.append):
        await anyio.sleep(0.5)
        if ended:
            await source.end()
        await idle()
        assert not source.running
    assert len(reported) == 1
    assert "ValueError: in ack" in reported[0]
    assert ("ack of" in reported[0]) == ended


async def test_an_ack_that_is_a_coroutine_is_refused():
    class Async(Source):
        async def ack(self, successful, failed):
            pass

    source, reported = Async(1), []

    async with running(of(source, Sink(cancel="temporary")), observers=[Acknowledger()], report=reported.append):
        await idle()
    assert "ReturnError: expected ack to be declared" in reported[0]


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
    middle=st.sampled_from([None, Passing, Batches]),
    below=st.sampled_from([Sink, BatchSink, ConsumerSupervisor]),
    most=st.integers(1, 6),
    kills=st.lists(st.tuples(st.integers(0, 25), st.sampled_from(["source", "passing", "sink", "crash"])), max_size=6),
    end=st.sampled_from([5, 1000]),
    drain=st.booleans(),
    backend=st.sampled_from(["asyncio", "trio"]),
    seed=st.integers(0, 2**32),
)
def test_with_random_crashes_each_delivery_is_acknowledged_once(  # noqa: C901  # a pipeline and its run
    count, middle, below, most, kills, end, drain, backend, seed
):
    """Nothing is lost untold, nothing acknowledged twice; what failed is tried again, and all is done in the end."""
    store, queue, made, done = Told(), list(range(count)), Counter(), Counter()
    tell = store.ack

    def ack(successful, failed):
        tell(successful, failed)
        queue.extend(delivery.data for delivery in failed)

    store.ack = ack

    class Feed(Producer):
        name = "source"

        def init(self):
            self.owed = 0

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

    class Middle(middle or Passing):
        def init(self):
            self.subscribe("source", max_demand=most, resubscribe=0.1)
            self.held = []

        def passed(self, events):
            return events if middle is Passing else super().passed(events)

    class Crew(ConsumerSupervisor):
        async def run(self, event):
            await anyio.sleep(0.3)
            seen([event])

    class Plain(Consumer):
        async def handle_events(self, events):
            await anyio.sleep(0.3)
            seen(events)

    def seen(events):
        for event in events:
            done.update([one.data for one in event] if isinstance(event, list) else [event.data])

    class Last(Crew if below is ConsumerSupervisor else Plain):
        name = "sink"

        def init(self):
            self.subscribe("source" if middle is None else "passing", max_demand=most, resubscribe=0.1)

    async def main():
        members = [child(Feed), *([] if middle is None else [child(Middle)]), child(Last)]
        top = Supervisor(members, max_restarts=1000)
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
            kept = whereis("passing").held if middle is Batches else []
            assert end == 5 or len(store.successful) + len(kept) == count
            if drain:
                await System.current().drain()

    recorder = Recorder(strict=True)
    palleto.run(main, backend=backend, time="virtual")
    assert recorder.broken is None
    told = Counter(store.successful) + Counter(store.failed)
    assert told == made  # each delivery once
    assert max(Counter(store.successful).values(), default=1) == 1
    assert Counter(store.successful) - done == Counter()  # success was no guess
    assert not Counter(range(count)) - Counter(store.successful) - Counter(queue)  # the rest is with the source again
