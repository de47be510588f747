"""In which order stages have their turns."""

from __future__ import annotations

import anyio
from run_members import Numbers, of

import palleto
from palleto import Consumer, System, cast, running, whereis


def order(seed, backend):
    got = []

    class Plain(Consumer):
        def __init__(self, number):
            self.number = number

        def handle_cast(self, message):
            got.append(self.number)

    async def main():
        consumers = [Plain(number) for number in range(8)]
        async with running(of(*consumers), seed=seed):
            await System.current().idle()
            for consumer in consumers:
                cast(consumer, 1)
            await System.current().idle()

    palleto.run(main, backend=backend, time="virtual", seed=seed)
    return got


def test_plain_stages_are_served_in_order_or_by_the_seeds_chance(backend):
    assert order(None, backend) == list(range(8))
    orders = [tuple(order(seed, backend)) for seed in range(5)]
    assert len(set(orders)) == 5
    assert all(sorted(served) == list(range(8)) for served in orders)
    assert [tuple(order(seed, backend)) for seed in range(5)] == orders


def test_the_pump_lets_others_run(go):
    """Stages that never rest do not keep the event loop from a timer that is due, a signal, a cancellation."""

    class Greedy(Consumer):
        def init(self):
            self.subscribe("numbers", max_demand=1, min_demand=0)

        def handle_events(self, events):
            pass

    turns = []

    async def main():
        async with running(of(Numbers(), Greedy())):
            for _ in range(10):
                await anyio.lowlevel.checkpoint()
                turns.append(whereis("numbers").next)

    go(main)
    assert turns == sorted(turns)
    assert turns[-1] > 100
