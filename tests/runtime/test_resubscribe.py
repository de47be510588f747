"""Subscriptions that are made anew when their producer is up again, and those that wait for its first time."""

from __future__ import annotations

import anyio
import pytest
from stage_members import Numbers, Sink, idle, of, stages

import palleto
from palleto import (
    Consumer,
    DemandError,
    PartitionDispatcher,
    Producer,
    RestartError,
    Supervisor,
    cast,
    child,
    running,
    whereis,
)


class Times(Sink):
    """Says when it subscribed, and to what."""

    def __init__(self, to="numbers", **terms):
        super().__init__(to, **terms)
        self.opened = []

    def handle_subscribe(self, kind, subscription):
        self.opened.append((anyio.current_time(), kind, subscription.terms.max_demand))


async def test_after_its_time_when_the_producer_is_up_again_at_once():
    sink = Times(max_demand=7, resubscribe=0.5)

    async with running(Supervisor([child(Numbers, 10), child(lambda: sink)], max_restarts=100)) as top:
        await idle()
        assert sink.got == list(range(10))
        await anyio.sleep(2)
        first = whereis("numbers")
        cast(first, "crash")
        await anyio.sleep(3)
        assert sink.opened == [(0, "producer", 7), (2.5, "producer", 7)]
        assert sink.got == [*range(10), *range(10)]
        kind, reason = sink.heard[0]
        assert (kind, str(reason)) == ("down", "crash")
        assert whereis("numbers") is not first
        assert len(top.children) == 2  # the consumer did not stop with it


async def test_when_the_producer_comes_late():
    sink = Times(max_demand=7, resubscribe=0.5)

    async with stages(sink) as world:
        await anyio.sleep(100)
        assert sink.opened == []
        for count in (3, 5):
            producer = Numbers(count)
            world.top.start_child(child(lambda made=producer: made, restart="temporary"))
            await anyio.sleep(10)
            await producer.end()
            await anyio.sleep(10.25)
    assert [at for at, _, _ in sink.opened] == [100, 120.25]
    assert sink.got == [0, 1, 2, 0, 1, 2, 3, 4]


async def test_what_waits_for_nobody_ends_with_the_run_and_is_no_standstill():
    async with stages(Times(resubscribe=0.5), Numbers(3, name="other"), Times("other", resubscribe=5)):
        await idle()
        await whereis("other").end()
    assert anyio.current_time() == 0  # nobody waits for the timer


async def test_a_producer_that_ends_normally_is_not_followed():
    sink = Times(max_demand=7, resubscribe=0.5)

    async with stages(Producer.from_iterable(range(3), name="numbers"), sink) as world:
        await anyio.sleep(10)
        assert sink.running
        assert sink.got == [0, 1, 2]
        world.top.start_child(child(lambda: Producer.from_iterable(range(3, 6), name="numbers"), restart="temporary"))
        await anyio.sleep(10)
    assert sink.got == list(range(6))


async def test_transient_follows_a_crash_and_survives_a_normal_end():
    sink = Times(cancel="transient", resubscribe=0.5)

    async with stages(Numbers(3), sink) as world:
        await idle()
        await whereis("numbers").end()
        await anyio.sleep(1)
        assert sink.running
        world.top.start_child(child(Numbers, 3, restart="temporary"))
        await idle()
        assert sink.got == [0, 1, 2, 0, 1, 2]
        cast("numbers", "crash")
        await sink.wait()


async def test_cancelled_by_its_consumer_it_is_not_made_anew():
    class Two(Times):
        def init(self):
            self.later = self.subscribe("later", resubscribe=0.5)
            super().init()

        def handle_call(self, message):
            self.cancel(self.later)
            self.cancel(self.subscription)
            return None, []

    sink = Two(resubscribe=0.5)

    async with stages(Numbers(3), sink) as world:
        await idle()
        await palleto.call(sink, "cancel")
        world.top.start_child(child(Numbers, 3, name="later", restart="temporary"))
        await anyio.sleep(10)
        assert sink.running
        assert [at for at, _, _ in sink.opened] == [0]
        assert sink.heard == [("cancel", "normal")]


async def test_refused_it_tries_again_until_there_is_room():
    class Parts(Numbers):
        dispatcher = staticmethod(lambda: PartitionDispatcher([0]))

    first, second = Sink(partition=0), Times(partition=0, resubscribe=1)

    async with stages(Parts(20), first, second):
        await anyio.sleep(2.5)
        assert [at for at, _, _ in second.opened] == [0, 1, 2]
        await first.end()
        await anyio.sleep(10)
        assert second.running
    assert [at for at, _, _ in second.opened] == [0, 1, 2, 3]
    assert [kind for kind, _ in second.heard] == ["cancel"] * 3


@pytest.mark.parametrize(
    ("to", "terms", "message"),
    [
        ("numbers", {"resubscribe": 0}, "expected resubscribe to be seconds above 0, or None, got: 0"),
        ("numbers", {"resubscribe": "soon"}, "expected resubscribe to be seconds above 0, or None, got: 'soon'"),
        ("numbers", {"resubscribe": True}, "expected resubscribe to be seconds above 0, or None, got: True"),
        ("numbers", {"resubscribe": 1, "cancel": "permanent"}, "expected cancel to be temporary or transient beside"),
        (Numbers(), {"resubscribe": 1}, "expected the name of a stage to resubscribe to"),
    ],
)
async def test_terms_that_do_not_fit(to, terms, message):
    with pytest.raises(DemandError, match=message):
        async with running(of(Sink(to, **terms))):
            pass


async def test_without_it_a_producer_that_is_not_there_is_an_error():
    with pytest.raises(palleto.NotFoundError):
        async with running(of(Sink(cancel="temporary"))):
            pass


async def test_what_waits_hears_of_a_producer_that_cannot_start_and_waits_on():
    class Broken(Numbers):
        def init(self):
            raise ValueError("not yet")

    sink = Times(max_demand=7, resubscribe=0.5)

    async with stages(sink) as world:
        with pytest.raises(ValueError, match="not yet"):
            world.top.start_child(child(Broken))
        await anyio.sleep(1)
        assert sink.got == []
        world.top.start_child(child(Numbers, 2, restart="temporary"))
        await anyio.sleep(1)
        assert sink.got == [0, 1]


def test_one_that_was_waited_for_and_takes_no_subscription_is_a_crash(go):
    class Other(Consumer):
        name = "numbers"

    async def main():
        async with running(Supervisor([child(Sink, resubscribe=1), child(Other)], max_restarts=0)):
            await anyio.sleep(1)

    with pytest.raises(RestartError, match="expected to subscribe to a producer or producer-consumer"):
        go(main)
