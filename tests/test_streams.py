"""Between stages and plain Python: producers of iterables, and `async for` over a stage's events."""

# ruff: noqa: PT012 -- what raises here is a whole `async with` or `async for`

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager

import anyio
import pytest

import palleto
from palleto import (
    Consumer,
    DemandError,
    NotFoundError,
    PalletoError,
    Producer,
    Recorder,
    Supervisor,
    System,
    child,
    running,
    stream,
    whereis,
)


@pytest.fixture
def go(backend):
    return lambda main, seed=0: palleto.run(main, backend=backend, time="virtual", seed=seed)


@asynccontextmanager
async def stages(*members):
    recorder, reported = Recorder(strict=True), []
    top = Supervisor([child(lambda stage=stage: stage, restart="temporary") for stage in members])
    async with running(top, recorder=recorder, report=reported.append):
        yield reported
    assert recorder.broken is None


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


class Sink(Consumer):
    def __init__(self, **terms):
        self.terms, self.got, self.heard = terms, [], []

    def init(self):
        self.subscription = self.subscribe("numbers", **self.terms)

    def handle_events(self, events):
        self.got += events

    def handle_cancel(self, reason, subscription):
        self.heard.append(reason)


class Numbers(Producer):
    name = "numbers"

    def __init__(self, count=1000):
        self.count, self.next = count, 0

    def handle_demand(self, demand):
        first, self.next = self.next, min(self.next + demand, self.count)
        return list(range(first, self.next))

    def handle_cast(self, message):
        raise ValueError(message)


# ---- from_iterable


def test_from_iterable_gives_everything_and_stops_normally(go, source):
    numbers, sink = Producer.from_iterable(source(25), name="numbers"), Sink(max_demand=4)

    async def main():
        async with stages(numbers, sink) as reported:
            await sink.wait()
            assert reported == []

    go(main)
    assert sink.got == list(range(25))
    assert sink.heard == [("down", "normal")]


def test_from_iterable_reads_no_further_than_demand(go, source):
    given = source(25)
    numbers, sink = Producer.from_iterable(given, name="numbers"), Sink(manual=True)

    async def main():
        async with stages(numbers, sink):
            await System.current().idle()
            assert given.read == 0
            sink.ask(sink.subscription, 3)
            await anyio.sleep(1)
            assert (given.read, sink.got) == (3, [0, 1, 2])
            sink.ask(sink.subscription, 2)
            await anyio.sleep(1)
            assert (given.read, sink.got) == (5, [0, 1, 2, 3, 4])

    go(main)
    assert given.closed == (source is Async)


@pytest.mark.parametrize("most", [1, 2, 100])
def test_from_iterable_with_an_error_in_it(go, source, most):
    numbers = Producer.from_iterable(source(5, OSError("gone")), name="numbers")
    sink = Sink(max_demand=most)

    async def main():
        async with stages(numbers, sink) as reported:
            await sink.wait()
            assert reported[0] == "numbers crashed: OSError: gone"
            assert repr(sink.heard) == "[('down', OSError('gone'))]"

    go(main)
    # what came before the error has arrived
    assert sink.got == list(range(5))


def test_from_iterable_of_nothing(go, source):
    numbers, sink = Producer.from_iterable(source(0), name="numbers"), Sink()

    async def main():
        async with stages(numbers, sink):
            await sink.wait()

    go(main)
    assert sink.got == []


@pytest.mark.parametrize("wrong", [5, None])
def test_from_what_is_not_iterable(wrong):
    with pytest.raises(TypeError):
        Producer.from_iterable(wrong)


def test_a_drain_reads_no_further(go, source):
    given = source(100, nap=1.0)
    numbers, sink = Producer.from_iterable(given, name="numbers"), Sink(max_demand=10)

    async def main():
        async with stages(numbers, sink):
            await anyio.sleep(2.5)
            await System.current().drain()
            read = given.read
            await anyio.sleep(10)
            assert given.read == read
            assert sink.got == list(range(read))

    go(main)


def test_an_async_iterable_is_read_as_its_events_come(go):
    given = Async(5, nap=1.0)
    numbers, sink = Producer.from_iterable(given, name="numbers"), Sink()

    async def main():
        async with stages(numbers, sink):
            await anyio.sleep(2.5)
            assert sink.got == [0, 1]
            await numbers.end()
            await System.current().idle()
            assert given.closed
            assert anyio.current_time() == 2.5

    go(main)


# ---- stream


def test_stream_to_the_end(go):
    async def main():
        async with stages(Producer.from_iterable(range(10), name="numbers")) as reported:
            assert [event async for event in stream("numbers", max_demand=3)] == list(range(10))
            await System.current().idle()
            assert len(System.current().processes) == 1
            assert reported == []

    go(main)


def test_a_slow_reader_is_not_flooded(go):
    numbers = Numbers()

    async def main():
        async with stages(numbers):
            async with aclosing(stream(numbers, max_demand=4, min_demand=2)) as events:
                async for event in events:
                    await anyio.sleep(1)
                    assert numbers.next <= event + 5
                    if event == 20:
                        break
            assert anyio.current_time() == 21

    go(main)


@pytest.mark.parametrize("leave", ["break", "error", "cancel"])
def test_leaving_a_stream_early_leaves_nothing_running(go, leave):
    numbers = Numbers()

    async def read():
        async with aclosing(stream("numbers", max_demand=2, min_demand=0)) as events:
            async for event in events:
                if event == 4 and leave == "break":
                    break
                if event == 4 and leave == "error":
                    raise ValueError("enough")
                if event == 4:
                    await anyio.sleep_forever()

    async def main():
        async with stages(numbers) as reported:
            if leave == "error":
                with pytest.raises(ValueError, match="enough"):
                    await read()
            else:
                with anyio.move_on_after(1):
                    await read()
            assert set(System.current().processes.values()) == {numbers, whereis("numbers")._parent}
            await System.current().idle()
            assert numbers.running
            assert numbers.core.outlet.dispatcher.outstanding == {}
            assert reported == []

    go(main)


def test_a_stream_that_is_just_dropped(backend):
    """Python closes it when it is collected, at once; trio warns then, so this is said of asyncio only."""
    if backend == "trio":
        pytest.skip("trio asks for aclosing")

    async def main():
        async with stages(Numbers()) as reported:
            async for event in stream("numbers", max_demand=2):
                if event == 4:
                    break
            await anyio.sleep(0.1)
            assert len(System.current().processes) == 2
            assert reported == []

    palleto.run(main, backend=backend, time="virtual")


def test_a_stream_of_a_stage_that_crashes(go):
    numbers = Numbers(5)

    async def main():
        got = []
        async with stages(numbers) as reported:
            with pytest.raises(PalletoError, match="numbers crashed: ValueError: oh"):
                async for event in stream("numbers"):
                    got.append(event)
                    if event == 4:
                        palleto.cast("numbers", "oh")
            await System.current().idle()
            assert got == [0, 1, 2, 3, 4]
            assert reported[0] == "numbers crashed: ValueError: oh"

    go(main)


def test_broken_streams(go):
    async def main():
        async with stages(Numbers()):
            with pytest.raises(NotFoundError, match="got: 'nobody'"):
                async for _ in stream("nobody"):
                    raise AssertionError
            with pytest.raises(DemandError, match="min_demand to be below"):
                async for _ in stream("numbers", max_demand=1, min_demand=1):
                    raise AssertionError
            assert len(System.current().processes) == 2
        with pytest.raises(NotFoundError, match="expected to be inside a run"):
            async for _ in stream("numbers"):
                raise AssertionError

    go(main)
