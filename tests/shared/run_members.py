"""What the tests of whole runs share: a producer, and who takes its events slowly or passes them on."""

from __future__ import annotations

import anyio

from palleto import Consumer, Producer, ProducerConsumer, Supervisor, child


class Numbers(Producer):
    name = "numbers"

    def __init__(self):
        self.next, self.told = 0, []

    def handle_demand(self, demand):
        self.told.append(demand)
        self.next += demand
        return list(range(self.next - demand, self.next))

    def handle_call(self, message):
        if message == "crash":
            raise ValueError("asked to")
        return message, []

    def handle_cast(self, message):
        raise ValueError(message)


class Slow(Consumer):
    """Takes a second for each batch."""

    def __init__(self, to="numbers", **terms):
        self.to, self.terms, self.got, self.ended = to, {"max_demand": 4, **terms}, [], []

    def init(self):
        self.subscribe(self.to, **self.terms)

    async def handle_events(self, events):
        await anyio.sleep(1)
        self.got += events

    def terminate(self, reason):
        self.ended.append(reason)


class Copy(ProducerConsumer):
    name = "copy"

    def init(self):
        self.subscribe("numbers", max_demand=8)

    def handle_events(self, events):
        return events


def of(*stages):
    return Supervisor([child(lambda stage=stage: stage, restart="temporary") for stage in stages])


class OwnError(Exception):
    pass
