"""Pipelines under supervisors: who crashes subscribes anew."""

from __future__ import annotations

import anyio
import pytest

from palleto import Consumer, Producer, Recorder, Supervisor, System, cast, child, running, whereis


class Numbers(Producer):
    name = "numbers"
    next = 0

    def handle_demand(self, demand):
        self.next += demand
        return list(range(self.next - demand, self.next))

    def handle_cast(self, message):
        raise ValueError(message)


class Reader(Consumer):
    def __init__(self, got):
        self.got = got

    def init(self):
        self.subscribe("numbers", max_demand=4)

    async def handle_events(self, events):
        if -1 in self.got:
            self.got.remove(-1)
            raise ValueError("a reader")
        await anyio.sleep(1)
        self.got += events


async def test_a_crashed_consumer_subscribes_anew_and_its_demand_is_forgotten():
    got = []

    recorder, lost = Recorder(strict=True), []
    async with running(Supervisor([child(Numbers), child(Reader, got)]), recorder=recorder, report=lambda line: None):
        System.current().on_lost.append(lambda stage, events: lost.extend(events))
        await anyio.sleep(2.5)
        assert got == [0, 1, 2, 3]
        got.append(-1)
        await anyio.sleep(3)
        assert list(whereis("numbers").core.dispatcher.outstanding.values()) == [0]
        # the batch that crashed and the one behind it; then the flow goes on
        assert lost == [6, 7, 8, 9]
        assert got == [0, 1, 2, 3, 4, 5, 10, 11, 12, 13]
    assert recorder.broken is None


@pytest.mark.parametrize(("strategy", "budget"), [("one_for_one", 4), ("rest_for_one", 3), ("one_for_all", 3)])
async def test_a_producer_that_crashes_under_permanent_consumers(strategy, budget):
    """All come back, and the flow goes on."""
    gots = [[], [], []]

    recorder = Recorder(strict=True)
    children = [child(Numbers), *(child(Reader, got) for got in gots)]
    async with running(
        Supervisor(children, strategy=strategy, max_restarts=budget), recorder=recorder, report=lambda line: None
    ):
        await anyio.sleep(2.5)
        before = list(map(len, gots))
        cast("numbers", "crash")
        await anyio.sleep(10)
        assert len(whereis("numbers").core.dispatcher.outstanding) == 3
        assert all(len(got) - count >= 16 for got, count in zip(gots, before, strict=True))
    assert recorder.broken is None
