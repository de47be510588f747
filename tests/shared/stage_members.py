"""What the tests of running stages share: stages, and a run of a few whose ledger's law is held."""

from __future__ import annotations

from contextlib import asynccontextmanager

import anyio

from palleto import Consumer, Producer, ProducerConsumer, Recorder, Supervisor, System, child, running


class World:
    """What a run lost, reported and recorded."""

    def __init__(self, top, recorder):
        self.top, self.recorder = top, recorder
        self.lost = []
        self.reported = []


def of(*members):
    """A supervisor of these stages, each started once."""
    return Supervisor([child(lambda stage=stage: stage, restart="temporary") for stage in members])


@asynccontextmanager
async def stages(*members):
    """These stages, each started once; the ledger's law is checked at every message."""
    top = of(*members)
    world = World(top, recorder := Recorder(strict=True))
    async with running(top, recorder=recorder, report=world.reported.append):
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

    def handle_call(self, message):
        if message == "crash":
            raise ValueError("asked to")
        return message, []

    def handle_cast(self, message):
        raise ValueError(message)


class Sink(Consumer):
    def __init__(self, to="numbers", **terms):
        self.to, self.terms, self.got, self.heard, self.ended = to, terms, [], [], []

    def init(self):
        self.subscription = self.subscribe(self.to, **self.terms)

    def handle_events(self, events):
        self.got += events

    def handle_cancel(self, reason, subscription):
        self.heard.append(reason)

    def handle_cast(self, message):
        raise ValueError(message)

    def terminate(self, reason):
        self.ended.append(reason)


class Timed(Sink):
    """Writes down when each event came."""

    def __init__(self, to="numbers", **terms):
        super().__init__(to, **terms)
        self.times = []

    def handle_events(self, events):
        super().handle_events(events)
        self.times += [self.system.now()] * len(events)


class Slow(Sink):
    """Takes a second for each batch, 4 events at most."""

    def __init__(self, to="numbers", **terms):
        super().__init__(to, **{"max_demand": 4, **terms})

    async def handle_events(self, events):
        await anyio.sleep(1)
        self.got += events


class Quiet(Producer):
    """Emits only what is cast to it."""

    name = "quiet"

    def __init__(self):
        self.told = []

    def handle_demand(self, demand):
        self.told.append(demand)

    def handle_cast(self, events):
        return events


class Passing(ProducerConsumer):
    """Passes each event on `times` times."""

    name = "passing"

    def __init__(self, times=1, to="numbers", **terms):
        self.times, self.to, self.terms = times, to, terms

    def init(self):
        self.subscribe(self.to, **self.terms)

    def handle_events(self, events):
        return [event for event in events for _ in range(self.times)]
