"""From plain Python to stages: producers of iterables."""

from __future__ import annotations

import anyio
import pytest
from stage_members import Sink, stages

from palleto import Producer, System


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


async def test_from_iterable_gives_everything_and_stops_normally(source):
    numbers, sink = Producer.from_iterable(source(25), name="numbers"), Sink(max_demand=4)

    async with stages(numbers, sink) as world:
        await sink.wait()
        assert world.reported == []
    assert sink.got == list(range(25))
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


@pytest.mark.parametrize("most", [1, 2, 100])
async def test_from_iterable_with_an_error_in_it(source, most):
    numbers = Producer.from_iterable(source(5, OSError("gone")), name="numbers")
    sink = Sink(max_demand=most)

    async with stages(numbers, sink) as world:
        await sink.wait()
        assert world.reported[0] == "numbers crashed: OSError: gone"
        assert repr(sink.heard) == "[('down', OSError('gone'))]"
    # what came before the error has arrived
    assert sink.got == list(range(5))


async def test_from_iterable_of_nothing(source):
    numbers, sink = Producer.from_iterable(source(0), name="numbers"), Sink()

    async with stages(numbers, sink):
        await sink.wait()
    assert sink.got == []


@pytest.mark.parametrize("wrong", [5, None])
def test_from_what_is_not_iterable(wrong):
    with pytest.raises(TypeError):
        Producer.from_iterable(wrong)


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


async def test_an_async_iterable_is_read_as_its_events_come():
    given = Async(5, nap=1.0)
    numbers, sink = Producer.from_iterable(given, name="numbers"), Sink()

    async with stages(numbers, sink):
        await anyio.sleep(2.5)
        assert sink.got == [0, 1]
        await numbers.end()
        await System.current().idle()
        assert given.closed
        assert anyio.current_time() == 2.5


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
