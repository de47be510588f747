"""From plain Python to stages: producers of iterables."""

from __future__ import annotations

import anyio
import pytest
from stage_members import Sink, idle, stages

from palleto import BroadcastDispatcher, DemandError, PartitionDispatcher, Producer, System, child
from palleto.runtime import actor
from palleto.runtime.kinds import IterableProducer


class Source:
    """Something to iterate over that knows how far it was read and whether it was closed."""

    def __init__(self, count, error=None, nap=0.0):
        self.count, self.error, self.nap = count, error, nap
        self.read, self.closed = 0, False


class Plain(Source):
    def __iter__(self):
        for number in range(self.count):
            self.read += 1
            yield number
        if self.error:
            raise self.error


class Async(Source):
    async def __aiter__(self):
        try:
            for number in range(self.count):
                await anyio.sleep(self.nap)
                self.read += 1
                yield number
            if self.error:
                raise self.error
        finally:
            self.closed = True


@pytest.fixture(params=[Plain, Async], ids=["iterable", "async iterable"])
def source(request):
    return request.param


@pytest.mark.parametrize("count", [0, 25])
async def test_from_iterable_gives_everything_and_stops_normally(source, count):
    numbers, sink = Producer.from_iterable(source(count), name="numbers"), Sink(max_demand=4)

    async with stages(numbers, sink) as world:
        await sink.wait()
        assert world.reported == []
    assert sink.got == list(range(count))
    assert sink.heard == [("down", "normal")]


async def test_from_iterable_reads_no_further_than_demand(source):
    given = source(25)
    numbers, sink = Producer.from_iterable(given, name="numbers"), Sink(manual=True)

    async with stages(numbers, sink):
        await System.current().idle()
        assert given.read == 0
        sink.ask(sink.subscription, 3)
        await anyio.sleep(1)
        assert (given.read, sink.got) == (3, [0, 1, 2])
        sink.ask(sink.subscription, 2)
        await anyio.sleep(1)
        assert (given.read, sink.got) == (5, [0, 1, 2, 3, 4])
    assert given.closed == (source is Async)


@pytest.mark.parametrize("most", [1, 100])
async def test_from_iterable_with_an_error_in_it(source, most):
    numbers = Producer.from_iterable(source(5, OSError("gone")), name="numbers")
    sink = Sink(max_demand=most)

    async with stages(numbers, sink) as world:
        await sink.wait()
        assert world.reported[0].endswith("Producer numbers crashed: OSError: gone")
        assert repr(sink.heard) == "[('down', OSError('gone'))]"
    # what came before the error has arrived
    assert sink.got == list(range(5))


async def test_a_drain_reads_no_further(source):
    given = source(100, nap=1.0)
    numbers, sink = Producer.from_iterable(given, name="numbers"), Sink(max_demand=10)

    async with stages(numbers, sink):
        await anyio.sleep(2.5)
        await System.current().drain()
        read = given.read
        await anyio.sleep(10)
        assert given.read == read
        assert sink.got == list(range(read))


@pytest.mark.parametrize(("takes", "closed"), [(1, True), (1000, False)])
async def test_an_async_iterable_that_is_left_cleans_up_within_the_patience_of_its_producer(takes, closed):
    class Careful(Async):
        async def __aiter__(self):
            try:
                yield 1
                yield 2
            finally:
                await anyio.sleep(takes)
                self.closed = True

    given = Careful(2)
    numbers, sink = Producer.from_iterable(given, name="numbers"), Sink(max_demand=1, manual=True)

    async with stages(numbers, sink):
        sink.ask(sink.subscription, 1)
        await System.current().idle()
        await numbers.end()
    assert anyio.current_time() == min(takes, numbers.patience)
    assert given.closed == closed


async def test_an_async_iterable_at_its_end_stops_behind_its_buffer():
    """GenStage's streamer, too: what a consumer that is gone has asked for is there for the next."""
    numbers = Producer.from_iterable(Async(6, nap=1.0), name="numbers")
    first, second = Sink(max_demand=10), Sink(max_demand=2)

    async with stages(numbers, first) as world:
        await anyio.sleep(2.5)
        first.kill()
        await anyio.sleep(10)
        assert numbers.running
        world.top.start_child(child(lambda: second, restart="temporary"))
        await numbers.wait()
        await idle()
        assert (first.got, second.got, world.lost) == ([0, 1], [2, 3, 4, 5], [])
        assert second.heard == [("down", "normal")]


async def test_an_iterable_at_its_end_stops_behind_what_a_partition_has_not_asked_for():
    class Halves(IterableProducer):
        dispatcher = staticmethod(lambda: PartitionDispatcher(2, key=lambda number: number % 2))

    numbers = Halves(range(6), name="numbers")
    even, odd = Sink(partition=0), Sink(partition=1)

    async with stages(numbers, even) as world:
        await idle()
        assert (even.got, numbers.running) == ([0, 2, 4], True)
        world.top.start_child(child(lambda: odd, restart="temporary"))
        await numbers.wait()
        await idle()
        assert (odd.got, world.lost) == ([1, 3, 5], [])


async def test_what_an_async_iterable_has_at_once_is_one_batch():
    class Batches(Sink):
        def handle_events(self, events):
            self.got.append(len(events))

    class Bursts(Async):
        async def __aiter__(self):
            for burst in (30, 20, 60):
                for number in range(burst):
                    yield number
                await anyio.sleep(1)

    sink = Batches(max_demand=100, min_demand=0)
    async with stages(Producer.from_iterable(Bursts(0), name="numbers"), sink):
        await anyio.sleep(10)
    assert sink.got == [30, 20, 50, 10]  # of the last, 50 were asked for


async def test_what_an_async_iterable_gave_before_its_producer_was_killed_is_handed_on_or_lost():
    class Kills(Async):
        async def __aiter__(self):
            acted.append(actor())
            yield 1
            numbers.kill()
            yield 2
            await anyio.sleep(10)

    numbers, sink, acted = Producer.from_iterable(Kills(0), name="numbers"), Sink(), []

    async with stages(numbers, sink) as world:
        await sink.wait()
        await anyio.sleep(1)
        assert sink.got + world.lost == [1, 2]
    assert acted == [numbers]


async def test_settings_of_an_iterable(source):
    numbers = Producer.from_iterable(source(3), name="numbers", dispatcher=BroadcastDispatcher, demand="accumulate")
    first, second = Sink(), Sink()

    async with stages(numbers, first, second):
        await anyio.sleep(1)
        assert (numbers.demand_mode, first.got) == ("accumulate", [])
        numbers.demand("forward")
        await anyio.sleep(1)
    assert first.got == second.got == [0, 1, 2]


async def test_an_iterable_that_stops_when_its_last_consumer_has_gone(source):
    first, second = Sink(max_demand=2, cancel="temporary"), Sink(max_demand=2, cancel="temporary")

    async with stages(
        numbers := Producer.from_iterable(source(10**9, nap=1.0), name="numbers", on_cancel="stop")
    ) as world:
        for sink in (first, second):
            sink.handle_events = lambda events: None
            sink.terms["manual"] = True
            world.top.start_child(child(lambda sink=sink: sink, restart="temporary"))
        await anyio.sleep(1)
        first.cancel(first.subscription)
        await anyio.sleep(1)
        assert numbers.running
        await second.end()
        await numbers.wait()
        assert world.reported == []


@pytest.mark.parametrize("word", ["demand", "on_cancel"])
def test_words_that_are_none(word):
    with pytest.raises(DemandError, match=f"expected {word} to be .*, got: 'never'"):
        Producer.from_iterable([], **{word: "never"})
