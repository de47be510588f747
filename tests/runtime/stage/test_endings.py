"""How long an end may take, and how a subscription ends."""

from __future__ import annotations

import anyio
from stage_members import Numbers, Quiet, Sink, idle, stages

from palleto import cast


async def test_patience():
    """A callback that never ends is cancelled after 5 s of run time; one that ends in time is left to end."""

    class Slow(Sink):
        async def handle_events(self, events):
            await anyio.sleep(events[0])
            self.got += events

    endless, short = Slow("quiet", max_demand=1), Slow("quiet", max_demand=1)
    short.init = lambda: None

    async with stages(Quiet(), endless, short) as world:
        cast("quiet", [1e9, 3.0])
        await anyio.sleep(1)
        short.subscribe("quiet", max_demand=1)
        await anyio.sleep(1)
        await short.end()
        assert (anyio.current_time(), short.got) == (4, [3.0])
        await endless.end("enough")
        assert (anyio.current_time(), endless.got) == (9, [])
        assert endless.ended == ["enough"]
        assert world.lost == [1e9]
        assert world.reported == [f"{endless.id} crashed: enough"]


async def test_patience_with_terminate():
    class Slow(Sink):
        patience = 2.0

        async def terminate(self, reason):
            await anyio.sleep_forever()

    sink = Slow("quiet")

    async with stages(Quiet(), sink):
        await idle()
        await sink.end()
        assert 2 <= anyio.current_time() <= 4


async def test_cancel_modes():
    def sinks(to):
        return [Sink(to, cancel=mode) for mode in ("permanent", "transient", "temporary")]

    normal, crashed = Numbers(1, "normal"), Numbers(1, "crashed")
    crashed.handle_cast = lambda message: 1 / 0
    after_normal, after_crash = sinks("normal"), sinks("crashed")

    async with stages(normal, crashed, *after_normal, *after_crash):
        await idle()
        normal.stop()
        cast(crashed, 1)
        await idle()
        await idle()
        assert [sink.running for sink in after_normal] == [False, True, True]
        assert [sink.running for sink in after_crash] == [False, False, True]


async def test_repr():
    source, sink = Numbers(), Sink()

    async with stages(source, sink):
        assert repr(source) == "<Numbers numbers running>"
        assert repr(sink) == f"<Sink {sink.id} running>"
    assert repr(sink) == f"<Sink {sink.id} not running>"
