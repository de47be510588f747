"""What the tests of the recorder share: stages, and a small run of two of them."""

from __future__ import annotations

import anyio

from palleto import Consumer, Producer, ProducerConsumer, Supervisor, System, cast, child, running, say


class Numbers(Producer):
    name = "numbers"
    next = 0

    def handle_demand(self, demand):
        self.next += demand
        return list(range(self.next - demand, self.next))

    def handle_cast(self, events):
        return events


class Quiet(Numbers):
    name = "quiet"

    def handle_demand(self, demand):
        pass


class Double(ProducerConsumer):
    name = "double"

    def __init__(self, to="numbers"):
        self.to = to

    def init(self):
        self.subscribe(self.to, max_demand=2)

    def handle_events(self, events):
        return [event * 2 for event in events]


class Sink(Consumer):
    name = "sink"

    def __init__(self, to="quiet", **terms):
        self.to, self.terms = to, {"max_demand": 2, "min_demand": 0, **terms}

    def init(self):
        self.subscription = self.subscribe(self.to, **self.terms)

    def handle_events(self, events):
        say(f"got {len(events)}")


def of(*stages):
    return Supervisor([child(lambda stage=stage: stage, restart="temporary") for stage in stages])


async def quiet_run(recorder):
    async with running(of(Quiet(), Sink()), recorder=recorder, say=lambda line: None):
        await System.current().idle()
        await anyio.sleep(1.25)
        cast("quiet", ["a", "b", "c"])
        await System.current().idle()


def line_of(function):
    return function.__code__.co_firstlineno
