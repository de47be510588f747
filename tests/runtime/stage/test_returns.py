"""What callbacks may not return."""

from __future__ import annotations

import anyio
import pytest
from stage_members import Numbers, Sink, idle, stages

from palleto import Consumer, NotFoundError, Producer, call, cast


async def _nothing():
    return None


@pytest.mark.parametrize("callback", ["handle_demand", "handle_cast", "handle_call", "handle_subscribe", "terminate"])
async def test_plain_stage_that_returns_an_awaitable(callback):
    source, sink = Numbers(), Sink(cancel="temporary")
    setattr(source, callback, lambda *args: _nothing())

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
async def test_bad_returns_of_a_producer(callback, result, says):
    source, sink = Numbers(), Sink(cancel="temporary")
    setattr(source, callback, lambda *args: result)

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


@pytest.mark.parametrize(
    ("callback", "result", "says"),
    [
        ("handle_events", 7, "ReturnError: expected handle_events to return a list of events or None, got: 7"),
        ("handle_events", [1], "DemandError: expected a consumer to emit no events, got: 1"),
        ("handle_cast", [1], "DemandError: expected a consumer to emit no events, got: 1"),
        ("handle_subscribe", 1, "ReturnError: expected handle_subscribe to return automatic, manual or None, got: 1"),
    ],
)
async def test_bad_returns_of_a_consumer(callback, result, says):
    sink = Sink()
    setattr(sink, callback, lambda *args: result)

    async with stages(Numbers(), sink) as world:
        if callback == "handle_cast":
            cast(sink, 1)
        await sink.wait()
        assert world.reported == [f"{sink.id} crashed: {says}"]


async def test_callbacks_that_are_not_there():
    class Bare(Producer):
        pass

    class Deaf(Consumer):
        def init(self):
            self.subscribe("numbers")

    bare, deaf = Bare(), Deaf()

    async with stages(Numbers(), bare, deaf) as world:
        await deaf.wait()
        cast(bare, "x")
        await bare.wait()
        assert "expected Deaf to have a handle_events" in world.reported[0]
        assert "expected Bare to have a handle_cast for 'x'" in world.reported[1]
