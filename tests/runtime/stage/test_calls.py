"""The calls that a user can get wrong: one error each, and nothing changes."""

from __future__ import annotations

import pytest
from stage_members import Numbers, Quiet, Sink, idle, stages

from palleto import DemandError, NotFoundError, Supervisor, call, cast, child, running, whereis


async def test_broken_calls_are_one_error_and_change_nothing():
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
        assert world.reported == [f"{permanent.id} crashed: not running"]


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


async def test_cancel_right_after_subscribe():
    source, sink = Numbers(), Sink(cancel="temporary")
    sink.init = lambda: sink.cancel(sink.subscribe("numbers", cancel="temporary"))

    async with stages(source, sink):
        await idle()
        assert sink.heard == source.heard == [("cancel", "normal")]
        assert not source.core.dispatcher.outstanding


async def test_more_than_one_subscription_to_one_producer():
    class Twice(Sink):
        def init(self):
            self.first = self.subscribe("quiet", max_demand=2, min_demand=0)
            self.second = self.subscribe("quiet", max_demand=3, min_demand=0)

        def handle_events(self, events):
            self.got.append(("first" if self.core.current[0] is self.first else "second", events))

    sink = Twice()

    async with stages(Quiet(), sink):
        await idle()
        cast("quiet", [1, 2, 3, 4])
        await idle()
    assert [sink.first.id, sink.second.id] == [1, 2]
    assert sink.got == [("second", [1, 2, 3]), ("first", [4])]
