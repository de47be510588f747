"""Stages as they run: every callback, plain and async, the calls a user can get wrong, what a crash loses."""

from __future__ import annotations

import functools
from contextlib import asynccontextmanager

import anyio
import pytest

import palleto
from palleto import (
    BroadcastDispatcher,
    Consumer,
    DemandError,
    NotFoundError,
    PartitionDispatcher,
    Producer,
    ProducerConsumer,
    Recorder,
    Supervisor,
    System,
    call,
    cast,
    child,
    running,
    whereis,
)


@pytest.fixture
def go(backend):
    return lambda main, seed=0: palleto.run(main, backend=backend, time="virtual", seed=seed)


@pytest.fixture(params=["plain", "async"])
def style(request):
    """`style(function)`: the same callback, plain or as an `async def` that takes half a second."""

    def async_(function):
        @functools.wraps(function)
        async def callback(self, *args):
            await anyio.sleep(0.5)
            return function(self, *args)

        return callback

    return async_ if request.param == "async" else lambda function: function


class World:
    """What a run lost and reported."""

    def __init__(self):
        self.lost = []
        self.reported = []


@asynccontextmanager
async def stages(*members, report=None, seed=None):
    """These stages, each started once; the ledger's law is checked at every message."""
    recorder, world = Recorder(strict=True), World()
    top = Supervisor([child(lambda stage=stage: stage, restart="temporary") for stage in members])
    async with running(top, recorder=recorder, report=world.reported.append, seed=seed):
        System.current().on_lost.append(lambda stage, events: world.lost.extend(events))
        yield world
    assert recorder.broken is None


async def idle():
    await System.current().idle()


class Numbers(Producer):
    """0, 1, 2, ... up to `count`."""

    name = "numbers"

    def __init__(self, count=100, name="numbers"):
        self.count, self.name, self.next, self.told, self.heard = count, name, 0, [], []

    def handle_demand(self, demand):
        self.told.append(demand)
        first, self.next = self.next, min(self.next + demand, self.count)
        return list(range(first, self.next))

    def handle_cancel(self, reason, subscription):
        self.heard.append(reason)


class Sink(Consumer):
    def __init__(self, to="numbers", **terms):
        self.to, self.terms, self.got, self.heard, self.ended = to, terms, [], [], []

    def init(self):
        self.subscription = self.subscribe(self.to, **self.terms)

    def handle_events(self, events):
        self.got += events

    def handle_cancel(self, reason, subscription):
        self.heard.append(reason)

    def terminate(self, reason):
        self.ended.append(reason)


class Quiet(Producer):
    """Emits only what is cast to it."""

    name = "quiet"

    def __init__(self):
        self.told = []

    def handle_demand(self, demand):
        self.told.append(demand)

    def handle_cast(self, events):
        return events


# ---- the callbacks


def test_handle_demand_and_handle_events(go, style):
    class Source(Numbers):
        handle_demand = style(Numbers.handle_demand)

    class Batches(Sink):
        @style
        def handle_events(self, events):
            self.got.append(events)

    source, sink = Source(7), Batches(max_demand=4, min_demand=2)

    async def main():
        async with stages(source, sink):
            await idle()

    go(main)
    assert sink.got == [[0, 1], [2, 3], [4, 5], [6]]
    # 4 at first, 2 again after each batch of 2: of the 8 there were 7 events, so 1 is remembered
    assert source.told == [4, 2, 2, 2]


def test_handle_cast_of_all_three(go, style):
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

    async def main():
        async with stages(Source(), Double(), sink):
            cast("quiet", [1, 2])
            await idle()
            cast("double", [10])
            cast(sink, "hello")
            await idle()

    go(main)
    assert sink.got == [2, 4, 10]
    assert sink.heard == ["hello"]


def test_handle_call_of_all_three(go, style):
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

    async def main():
        async with stages(Source(), Copy(), sink):
            assert await call("quiet", ["a", "b"]) == 2
            await idle()
            assert await call("copy", 21) == 42
            await idle()
            assert await call(sink, "what have you got?") == ["a", "b", "of its own"]

    go(main)


def test_handle_subscribe_hears_both_sides(go, style):
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

    async def main():
        async with stages(source, sink):
            await idle()
            assert source.heard == [("consumer", sink.subscription)]
            assert sink.heard == [("producer", sink.subscription)]
            assert sink.got == [0, 1, 2]

    go(main)


def test_manual_demand(go, style):
    class Last(Sink):
        handle_subscribe = style(lambda self, kind, subscription: "manual")

    by_return, by_terms = Last(), Sink(manual=True)

    async def main():
        async with stages(Numbers(), by_return, by_terms):
            await idle()
            assert by_return.got == by_terms.got == []
            by_return.ask(by_return.subscription, 3)
            await idle()
            by_terms.ask(by_terms.subscription, 2)
            await idle()
            by_return.ask(by_return.subscription, 1)
            await idle()

    go(main)
    assert (by_return.got, by_terms.got) == ([0, 1, 2, 5], [3, 4])


def test_handle_cancel_hears_why_on_both_sides(go, style):
    class Source(Numbers):
        handle_cancel = style(Numbers.handle_cancel)

    class Last(Sink):
        handle_cancel = style(Sink.handle_cancel)

    source, left, stays = Source(), Last(), Last(cancel="temporary")

    async def main():
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

    go(main)


def test_handle_cancel_may_emit(go, style):
    class Source(Numbers):
        handle_cancel = style(lambda self, reason, subscription: ["somebody left"])

    source, left, stays = Source(0), Sink(), Sink(max_demand=1)

    async def main():
        async with stages(source, left, stays):
            await idle()
            await left.end()
            await idle()

    go(main)
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


def test_terminate_that_crashes(go, style):
    class Last(Sink):
        @style
        def terminate(self, reason):
            raise RuntimeError("in terminate")

    sink, source = Last(), Numbers()

    async def main():
        async with stages(source, sink) as world:
            await idle()
            await sink.end()
            await idle()
            assert world.reported == [f"{sink.id} crashed: RuntimeError: in terminate"]
            assert repr(source.heard) == "[('down', RuntimeError('in terminate'))]"

    go(main)


def test_only_the_stage_that_awaits_waits(go):
    class Slow(Sink):
        async def handle_events(self, events):
            await anyio.sleep(10)
            self.got += events

    slow, quick = Slow("quiet", max_demand=2), Sink("quiet", max_demand=2)

    async def main():
        async with stages(Quiet(), slow, quick):
            await idle()
            cast("quiet", list(range(20)))
            await anyio.sleep(1)
            assert (len(slow.got), len(quick.got)) == (0, 18)

    go(main)


# ---- returns


async def _nothing():
    return None


@pytest.mark.parametrize("callback", ["handle_demand", "handle_cast", "handle_call", "handle_subscribe", "terminate"])
def test_plain_stage_that_returns_an_awaitable(go, callback):
    source, sink = Numbers(), Sink(cancel="temporary")
    setattr(source, callback, lambda *args: _nothing())

    async def main():
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

    go(main)


@pytest.mark.parametrize(
    ("callback", "result", "says"),
    [
        ("handle_demand", 7, "expected handle_demand to return a list of events or None, got: 7"),
        ("handle_demand", "text", "expected handle_demand to return a list of events or None, got: 'text'"),
        ("handle_cast", {1}, "expected handle_cast to return a list of events or None, got: {1}"),
        ("handle_call", 3, "expected handle_call to return (reply, events), got: 3"),
        ("handle_call", (1, 2), "expected handle_call to return a list of events or None, got: 2"),
        ("handle_cancel", 5, "expected handle_cancel to return a list of events or None, got: 5"),
    ],
)
def test_bad_returns_of_a_producer(go, callback, result, says):
    source, sink = Numbers(), Sink(cancel="temporary")
    setattr(source, callback, lambda *args: result)

    async def main():
        async with stages(source, sink) as world:
            await anyio.lowlevel.checkpoint()
            if callback == "handle_cast":
                cast(source, 1)
            elif callback == "handle_call":
                with pytest.raises(NotFoundError):
                    await call(source, 1)
            elif callback == "handle_cancel":
                await sink.end()
            await source.wait()
            assert world.reported == [f"numbers crashed: ReturnError: {says}"]

    go(main)


@pytest.mark.parametrize(
    ("callback", "result", "says"),
    [
        ("handle_events", 7, "ReturnError: expected handle_events to return a list of events or None, got: 7"),
        ("handle_events", [1], "DemandError: expected a consumer to emit no events, got: 1"),
        ("handle_cast", [1], "DemandError: expected a consumer to emit no events, got: 1"),
        ("handle_subscribe", 1, "ReturnError: expected handle_subscribe to return automatic, manual or None, got: 1"),
    ],
)
def test_bad_returns_of_a_consumer(go, callback, result, says):
    sink = Sink()
    setattr(sink, callback, lambda *args: result)

    async def main():
        async with stages(Numbers(), sink) as world:
            if callback == "handle_cast":
                cast(sink, 1)
            await sink.wait()
            assert world.reported == [f"{sink.id} crashed: {says}"]

    go(main)


def test_callbacks_that_are_not_there(go):
    class Bare(Producer):
        pass

    class Deaf(Consumer):
        def init(self):
            self.subscribe("numbers")

    bare, deaf = Bare(), Deaf()

    async def main():
        async with stages(Numbers(), bare, deaf) as world:
            await deaf.wait()
            cast(bare, "x")
            await bare.wait()
            assert "expected Deaf to have a handle_events" in world.reported[0]
            assert "expected Bare to have a handle_cast for 'x'" in world.reported[1]

    go(main)


# ---- broken calls


def test_broken_calls_are_one_error_and_change_nothing(go):
    source, other = Numbers(10, name="other"), Sink("other", max_demand=3)
    sink = Sink(manual=True)

    def broken(*args, **settings):
        return pytest.raises(DemandError), lambda: sink.subscribe(*args, **settings)

    calls = [
        (
            pytest.raises(DemandError, match=r"whole number of 1 or more, got: 0"),
            lambda: sink.ask(sink.subscription, 0),
        ),
        (pytest.raises(DemandError, match=r"got: -1"), lambda: sink.ask(sink.subscription, -1)),
        (pytest.raises(DemandError, match=r"got: True"), lambda: sink.ask(sink.subscription, True)),
        (pytest.raises(DemandError, match=r"got: 1.5"), lambda: sink.ask(sink.subscription, 1.5)),
        (pytest.raises(DemandError, match="expected a subscription of"), lambda: sink.ask(other.subscription, 1)),
        (pytest.raises(DemandError, match="expected a subscription of"), lambda: sink.cancel(other.subscription)),
        (pytest.raises(DemandError, match="a producer or producer-consumer"), lambda: sink.subscribe(other)),
        (pytest.raises(NotFoundError, match=r"numbers, other\), got: 'nobody'"), lambda: sink.subscribe("nobody")),
        broken("numbers", max_demand=10, min_demand=10),
        broken("numbers", max_demand=0),
        broken("numbers", min_demand=-1),
        broken("numbers", max_demand="many"),
        broken("numbers", cancel="never"),
        (pytest.raises(DemandError, match="accumulate or forward, got: 'stop'"), lambda: source.demand("stop")),
        (pytest.raises(NotFoundError), lambda: cast("nobody", 1)),
    ]

    async def main():
        async with stages(Numbers(5), source, sink, other) as world:
            await idle()
            before = repr(sink.core), repr(source.core), repr(other.core)
            for error, wrong in calls:
                with error as caught:
                    wrong()
                assert "\n" not in str(caught.value)
            await idle()
            assert (repr(sink.core), repr(source.core), repr(other.core)) == before
            sink.ask(sink.subscription, 5)
            await idle()
            assert sink.got == [0, 1, 2, 3, 4]
            assert world.reported == []

    go(main)


def test_messages_to_what_is_not_a_stage(go):
    async def main():
        async with running(Supervisor([child(Numbers)], name="top")):
            for wrong in ("top", whereis("top")):
                with pytest.raises(NotFoundError, match="expected a stage"):
                    cast(wrong, 1)
                with pytest.raises(NotFoundError, match="expected a stage"):
                    await call(wrong, 1)
            with pytest.raises(NotFoundError):
                await call(Numbers(name="never started"), 1)
            cast(Numbers(name="never started"), 1)

    go(main)


def test_subscribe_to_what_has_ended(go):
    source, permanent, temporary = Numbers(), Sink(), Sink(cancel="temporary")
    permanent.init = temporary.init = lambda: None

    async def main():
        async with stages(source, permanent, temporary) as world:
            await source.end()
            permanent.subscribe(source)
            temporary.subscribe(source, cancel="temporary")
            await permanent.wait()
            await idle()
            assert permanent.heard == temporary.heard == [("down", "not running")]
            assert temporary.running
            assert world.reported == [f"{permanent.id} crashed: not running"]

    go(main)


def test_ask_for_a_subscription_that_has_just_ended(go):
    """The producer's end is on its way: asking is in vain, and not the consumer's fault."""
    source, sink = Numbers(), Sink(manual=True, cancel="temporary")

    async def main():
        async with stages(source, sink) as world:
            await idle()
            await source.end()
            sink.ask(sink.subscription, 1)
            await idle()
            sink.ask(sink.subscription, 1)
            await idle()
            assert sink.running
            assert world.reported == []

    go(main)


def test_cancel_right_after_subscribe(go):
    source, sink = Numbers(), Sink(cancel="temporary")
    sink.init = lambda: sink.cancel(sink.subscribe("numbers", cancel="temporary"))

    async def main():
        async with stages(source, sink):
            await idle()
            assert sink.heard == source.heard == [("cancel", "normal")]
            assert not source.core.outlet.dispatcher.outstanding

    go(main)


def test_more_than_one_subscription_to_one_producer(go):
    class Twice(Sink):
        def init(self):
            self.first = self.subscribe("quiet", max_demand=2, min_demand=0)
            self.second = self.subscribe("quiet", max_demand=3, min_demand=0)

        def handle_events(self, events):
            self.got.append(("first" if self.source is self.first else "second", events))

    sink = Twice()

    async def main():
        async with stages(Quiet(), sink):
            await idle()
            cast("quiet", [1, 2, 3, 4])
            await idle()

    go(main)
    assert sink.got == [("second", [1, 2, 3]), ("first", [4])]


# ---- buffers and dispatchers


@pytest.mark.parametrize(("keep", "kept", "dropped"), [("last", [3, 4], [0, 1, 2]), ("first", [0, 1], [2, 3, 4])])
def test_buffer_settings_and_the_report_of_what_was_dropped(go, keep, kept, dropped):
    class Small(Quiet):
        buffer_size = 2
        buffer_keep = keep

    source, sink = Small(), Sink("quiet")
    sink.init = lambda: None

    async def main():
        recorder = Recorder(strict=True)
        top = Supervisor([child(lambda: source), child(lambda: sink)])
        lost = []
        async with running(top, recorder=recorder):
            System.current().on_lost.append(lambda stage, events: lost.append((stage, events)))
            cast(source, [0, 1, 2, 3, 4])
            await idle()
            assert repr(source.core.outlet.buffer) == "<Buffer 2 of 2, 3 dropped>"
            sink.subscribe(source)
            await idle()
        assert lost == [(source, dropped)]
        (event,) = [event for event in recorder.events if event.kind == "dropped"]
        assert (event.stage, event.ids) == ("quiet", tuple(map(str, dropped)))
        assert event.ledger["after"][3] == 3
        assert recorder.broken is None

    go(main)
    assert sink.got == kept


@pytest.mark.parametrize("settings", [{"buffer_size": -1}, {"buffer_keep": "middle"}])
def test_broken_buffer_settings(go, settings):
    async def main():
        with pytest.raises(DemandError, match="expected buffer_"):
            async with running(type("Broken", (Quiet,), settings)()):
                raise AssertionError("unreachable")

    go(main)


def test_default_buffers(go):
    class Copy(ProducerConsumer):
        def handle_events(self, events):
            return events

    source, copy = Quiet(), Copy()

    async def main():
        async with stages(source, copy) as world:
            cast(source, list(range(10_001)))
            copy.emit(range(10_001))
            await idle()
            assert world.lost == [0]
            assert (len(source.core.outlet.buffer), len(copy.core.outlet.buffer)) == (10_000, 10_001)

    go(main)


def test_demand_dispatcher(go):
    small, large = Sink("quiet", max_demand=2, min_demand=0), Sink("quiet", max_demand=4, min_demand=0)

    async def main():
        async with stages(Quiet(), small, large):
            await idle()
            cast("quiet", [1, 2, 3, 4, 5])
            await idle()

    go(main)
    assert (small.got, large.got) == ([5], [1, 2, 3, 4])


def test_broadcast_dispatcher(go):
    class Source(Quiet):
        dispatcher = BroadcastDispatcher

    class Slow(Sink):
        async def handle_events(self, events):
            await anyio.sleep(1)
            self.got += events

    everything, slow = Sink("quiet", max_demand=100), Slow("quiet", max_demand=2, min_demand=0)
    even = Sink("quiet", selector=lambda event: event % 2 == 0)

    async def main():
        async with stages(Source(), everything, slow, even) as world:
            await idle()
            assert world.reported == []
            cast("quiet", [1, 2, 3, 4, 5])
            await anyio.sleep(0.5)
            assert everything.got == [1, 2]  # as fast as the slowest
            await anyio.sleep(0.8)
            assert everything.got == [1, 2, 3, 4]
            await idle()

    go(main)
    assert everything.got == slow.got == [1, 2, 3, 4, 5]
    assert even.got == [2, 4]


def test_partition_dispatcher(go):
    class Source(Numbers):
        dispatcher = staticmethod(lambda: PartitionDispatcher(2, key=lambda event: event % 2))

    even, odd = Sink(partition=0, max_demand=3), Sink(partition=1, max_demand=3)
    again, nowhere = Sink(partition=1), Sink(partition=2)

    async def main():
        async with stages(Source(9), even, odd, again, nowhere) as world:
            await idle()
            assert not again.running
            assert not nowhere.running
            assert world.reported == [
                f"{again.id} crashed: DemandError: the partition 1 is already taken by {odd}",
                f"{nowhere.id} crashed: DemandError: expected partition to be one of [0, 1], got: 2",
            ]

    go(main)
    assert (even.got, odd.got) == ([0, 2, 4, 6, 8], [1, 3, 5, 7])


# ---- the order of things


def test_process_first_then_ask_in_run_time(go):
    class Source(Numbers):
        def handle_demand(self, demand):
            times.append((anyio.current_time(), "demand", demand))
            return super().handle_demand(demand)

    class Slow(Sink):
        async def handle_events(self, events):
            times.append((anyio.current_time(), "events", len(events)))
            await anyio.sleep(1)

    times = []

    async def main():
        async with stages(Source(15), Slow(max_demand=10, min_demand=5)):
            await idle()

    go(main)
    assert times == [
        (0, "demand", 10),
        (0, "events", 5),
        (1, "events", 5),
        (1, "demand", 5),  # for the batch that took until 1, not before
        (2, "events", 5),
        (2, "demand", 5),
        (3, "demand", 5),
    ]


def test_producer_consumer_handles_only_what_is_wanted(go):
    class Copy(ProducerConsumer):
        name = "copy"

        def __init__(self):
            self.batches = []

        def init(self):
            self.subscribe("numbers", max_demand=4, min_demand=2)

        def handle_events(self, events):
            self.batches.append(events)
            return events

    source, copy, sink = Numbers(), Copy(), Sink("copy", manual=True)

    async def main():
        async with stages(source, copy, sink):
            await idle()
            assert (copy.batches, source.told) == ([], [4])
            sink.ask(sink.subscription, 1)
            await idle()
            assert (copy.batches, source.told) == ([[0, 1]], [4, 2])
            sink.ask(sink.subscription, 1)
            await idle()
            assert (copy.batches, sink.got) == ([[0, 1]], [0, 1])  # served from the buffer

    go(main)


def test_demand_accumulate_and_forward(go):
    source, sink = Numbers(), Sink(manual=True)

    async def main():
        async with stages(source, sink):
            source.demand("accumulate")
            sink.ask(sink.subscription, 3)
            sink.ask(sink.subscription, 4)
            await idle()
            assert (source.told, sink.got) == ([], [])
            source.demand("forward")
            await idle()
            assert (source.told, sink.got) == ([7], [0, 1, 2, 3, 4, 5, 6])
            sink.ask(sink.subscription, 2)
            await idle()
            assert source.told == [7, 2]

    go(main)


def test_emit_from_outside_of_a_callback(go):
    source, sink = Quiet(), Sink("quiet")

    async def main():
        async with stages(source, sink):
            source.emit(iter("ab"))
            await idle()
            source.emit([])
            await idle()

    go(main)
    assert sink.got == ["a", "b"]


def test_stop_comes_after_what_is_in_the_mailbox(go):
    source, sink = Quiet(), Sink("quiet")

    async def main():
        async with stages(source, sink):
            await idle()
            cast(source, [1])
            source.stop()
            cast(source, [2])
            await source.wait()
            await sink.wait()
            assert sink.heard == [("down", "normal")]

    go(main)
    assert sink.got == [1]


# ---- the end of a source


class Passing(ProducerConsumer):
    """Passes each event on `times` times."""

    name = "passing"

    def __init__(self, times=1, **terms):
        self.times, self.terms = times, terms

    def init(self):
        self.subscribe("numbers", **self.terms)

    def handle_events(self, events):
        return [event for event in events for _ in range(self.times)]


@pytest.mark.parametrize("times", [1, 3])
def test_a_source_that_ends_normally_ends_after_its_last_event_has_arrived(go, times):
    class Slow(Sink):
        async def handle_events(self, events):
            await anyio.sleep(1)
            self.got += events

    source, middle, sink = (
        Producer.from_iterable(range(20), name="numbers"),
        Passing(times, max_demand=10),
        Slow("passing", max_demand=2),
    )

    async def main():
        async with stages(source, middle, sink) as world:
            await sink.wait()
            assert world.lost == []
            assert not middle.running

    go(main)
    assert sink.got == [event for event in range(20) for _ in range(times)]


# ---- crashes, kills and what they lose


def test_a_consumer_that_crashes_loses_its_batches_and_its_mailbox(go, style):
    class Weak(Sink):
        @style
        def handle_events(self, events):
            if 2 in events:
                raise ValueError("two")
            self.got += events

    sink = Weak("quiet", max_demand=4, min_demand=3)

    async def main():
        async with stages(Quiet(), sink) as world:
            await idle()
            cast("quiet", [0, 1, 2, 3])
            await sink.wait()
            assert world.lost == [2, 3]

    go(main)
    assert sink.got == [0, 1]


def test_a_producer_consumer_that_crashes_loses_each_event_once(go, style):
    class Weak(Passing):
        @style
        def handle_events(self, events):
            if 2 in events:
                raise ValueError("two")
            return events

    source, weak = Numbers(6), Weak(max_demand=6, min_demand=5)
    sink = Sink("passing", manual=True, cancel="temporary")

    async def main():
        async with stages(source, weak, sink) as world:
            sink.ask(sink.subscription, 2)
            await idle()
            sink.ask(sink.subscription, 1)  # makes it handle a batch that came long ago
            await weak.wait()
            await idle()
            assert sorted(world.lost) == [2, 3, 4, 5]
            assert sink.got == [0, 1]

    go(main)


def test_a_producer_that_crashes_loses_its_buffer_and_what_was_to_be_emitted(go):
    source = Quiet()

    async def main():
        async with stages(source) as world:
            cast(source, [1, 2])
            await idle()
            source.emit([3])
            source.kill()
            await source.wait()
            source.emit([4])
            assert world.lost == [1, 2, 3, 4]

    go(main)


def test_events_sent_to_a_consumer_that_is_already_dead_are_lost(go):
    class Last(Sink):
        def handle_cast(self, message):
            raise ValueError

    source, sink = Quiet(), Last("quiet")

    async def main():
        async with stages(source, sink) as world:
            await idle()
            cast(sink, "die")
            cast(source, [1, 2])  # it hears of the death only after this
            await idle()
            assert (world.lost, sink.got) == ([1, 2], [])

    go(main)


def test_a_subscription_that_waits_when_the_producer_dies(go):
    class Slow(Quiet):
        async def handle_cast(self, message):
            await anyio.sleep(1)
            raise ValueError

    source, sink = Slow(), Sink("quiet")
    sink.init = lambda: None

    async def main():
        async with stages(source, sink):
            cast(source, 1)
            await anyio.sleep(0.5)
            sink.subscribe(source)
            await sink.wait()
            assert anyio.current_time() == 1
            assert repr(sink.heard) == "[('down', ValueError())]"

    go(main)


def test_a_subscription_whose_handle_subscribe_crashes(go, style):
    class Source(Quiet):
        @style
        def handle_subscribe(self, kind, subscription):
            raise ValueError

    sink = Sink("quiet")

    async def main():
        async with stages(Source(), sink):
            await sink.wait()
            assert repr(sink.heard) == "[('down', ValueError())]"

    go(main)


def test_a_crashed_consumers_demand_is_forgotten(go):
    class Last(Sink):
        def handle_cast(self, message):
            raise ValueError

    source, dies, stays = Quiet(), Last("quiet", max_demand=30, min_demand=0), Sink("quiet", max_demand=5, min_demand=0)

    async def main():
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

    go(main)


def test_kill_in_the_middle_of_an_async_callback(go):
    class Slow(Sink):
        async def handle_events(self, events):
            await anyio.sleep(10)
            self.got += events

    sink = Slow("quiet")

    async def main():
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

    go(main)


def test_patience(go):
    """A callback that never ends is cancelled after 5 s of run time; one that ends in time is left to end."""

    class Slow(Sink):
        async def handle_events(self, events):
            await anyio.sleep(events[0])
            self.got += events

    endless, short = Slow("quiet", max_demand=1), Slow("quiet", max_demand=1)
    short.init = lambda: None

    async def main():
        async with stages(Quiet(), endless, short) as world:
            cast("quiet", [1e9, 3.0])
            await anyio.sleep(1)
            short.subscribe("quiet", max_demand=1)
            await anyio.sleep(1)
            await short.end()
            assert (anyio.current_time(), short.got) == (4, [3.0])
            await endless.end()
            assert (anyio.current_time(), endless.got) == (9, [])
            assert endless.ended == ["shutdown"]
            assert world.lost == [1e9]
            assert world.reported == []

    go(main)


def test_patience_with_terminate(go):
    class Slow(Sink):
        patience = 2.0

        async def terminate(self, reason):
            await anyio.sleep_forever()

    sink = Slow("quiet")

    async def main():
        async with stages(Quiet(), sink):
            await idle()
            await sink.end()
            assert 2 <= anyio.current_time() <= 4

    go(main)


def test_cancel_modes(go):
    def sinks(to):
        return [Sink(to, cancel=mode) for mode in ("permanent", "transient", "temporary")]

    normal, crashed = Numbers(1, "normal"), Numbers(1, "crashed")
    crashed.handle_cast = lambda message: 1 / 0
    after_normal, after_crash = sinks("normal"), sinks("crashed")

    async def main():
        async with stages(normal, crashed, *after_normal, *after_crash):
            await idle()
            normal.stop()
            cast(crashed, 1)
            await idle()
            await idle()
            assert [sink.running for sink in after_normal] == [False, True, True]
            assert [sink.running for sink in after_crash] == [False, False, True]

    go(main)


def test_repr(go):
    source, sink = Numbers(), Sink()

    async def main():
        async with stages(source, sink):
            assert repr(source) == "<Numbers numbers running>"
            assert repr(sink) == f"<Sink {sink.id} running>"
        assert repr(sink) == f"<Sink {sink.id} not running>"

    go(main)
