"""The calls of a stage's user. One that is wrong is one error, and nothing changes."""

from __future__ import annotations

import pytest
from stage_members import Numbers, Passing, Sink, idle, stages

from palleto import DemandError, NotFoundError, Supervisor, call, cast, child, running, whereis


async def test_broken_calls_are_one_error_and_change_nothing():
    source, other = Numbers(10, name="other"), Sink("other", max_demand=3)
    sink, passing = Sink(manual=True), Passing(to="other")
    calls = [
        (DemandError, "whole number of 1 or more, got: 0", lambda: sink.ask(sink.subscription, 0)),
        (DemandError, "got: True", lambda: sink.ask(sink.subscription, True)),
        (DemandError, "got: 1.5", lambda: sink.ask(sink.subscription, 1.5)),
        (DemandError, "expected a subscription of", lambda: sink.ask(other.subscription, 1)),
        (DemandError, "expected a subscription of", lambda: sink.cancel(other.subscription)),
        (DemandError, "a producer or producer-consumer", lambda: sink.subscribe(other)),
        (DemandError, "a producer or producer-consumer other than itself", lambda: passing.subscribe(passing)),
        (NotFoundError, r"numbers, other, passing\), got: 'nobody'", lambda: sink.subscribe("nobody")),
        (DemandError, "expected min_demand", lambda: sink.subscribe("numbers", max_demand=10, min_demand=10)),
        (DemandError, "expected cancel", lambda: sink.subscribe("numbers", cancel="never")),
        (DemandError, "expected max_demand", lambda: sink.resize(0)),
        (DemandError, "accumulate or forward, got: 'stop'", lambda: source.demand("stop")),
        (NotFoundError, "got: 'nobody'", lambda: cast("nobody", 1)),
    ]

    async with stages(Numbers(5), source, sink, other, passing) as world:
        await idle()
        before = repr(sink.core), repr(source.core), repr(other.core)
        for error, says, wrong in calls:
            with pytest.raises(error, match=says) as caught:
                wrong()
            assert "\n" not in str(caught.value)
        await idle()
        assert (repr(sink.core), repr(source.core), repr(other.core)) == before
        sink.ask(sink.subscription, 5)
        await idle()
        assert sink.got == [0, 1, 2, 3, 4]
        assert world.reported == []


async def test_messages_to_what_is_not_a_stage():
    async with running(Supervisor([child(Numbers)], name="top")):
        for wrong in ("top", whereis("top")):
            with pytest.raises(NotFoundError, match="expected a stage"):
                cast(wrong, 1)
            with pytest.raises(NotFoundError, match="expected a stage"):
                await call(wrong, 1)
        with pytest.raises(NotFoundError):
            await call(Numbers(name="never started"), 1)
        cast(Numbers(name="never started"), 1)


async def test_subscribe_to_what_has_ended():
    source, permanent, temporary = Numbers(), Sink(), Sink(cancel="temporary")
    permanent.init = temporary.init = lambda: None

    async with stages(source, permanent, temporary) as world:
        await source.end()
        permanent.subscribe(source)
        temporary.subscribe(source, cancel="temporary")
        await permanent.wait()
        await idle()
        assert permanent.heard == temporary.heard == [("down", "not running")]
        assert temporary.running
        assert world.reported == [f"Sink {permanent.id} crashed: not running"]


async def test_ask_for_a_subscription_that_has_just_ended():
    """The producer's end is on its way: asking is in vain, and not the consumer's fault."""
    source, sink = Numbers(), Sink(manual=True, cancel="temporary")

    async with stages(source, sink) as world:
        await idle()
        await source.end()
        sink.ask(sink.subscription, 1)
        await idle()
        sink.ask(sink.subscription, 1)
        await idle()
        assert sink.running
        assert world.reported == []


async def test_two_subscriptions_to_one_producer_and_one_that_is_cancelled_at_once():
    source, sink = Numbers(), Sink(max_demand=2, min_demand=0, cancel="temporary")

    async with stages(source, sink):
        second = sink.subscribe("numbers", manual=True, cancel="temporary")
        sink.cancel(second)
        await idle()
        assert sink.heard == source.heard == [("cancel", "normal")]
        assert [sink.subscription.id, second.id] == [1, 2]
        assert list(source.core.dispatcher.outstanding) == [sink.subscription]
