"""What the tests of the recorder share: stages, a run that is recorded, and a small one of two stages."""

from __future__ import annotations

from contextlib import asynccontextmanager

import anyio
from stage_members import idle, of

from palleto import Consumer, Producer, ProducerConsumer, Recorder, cast, running, say


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
    def __init__(self, to="quiet", name="sink", **terms):
        self.to, self.name, self.terms = to, name, {"max_demand": 2, "min_demand": 0, **terms}

    def init(self):
        self.subscription = self.subscribe(self.to, **self.terms)

    def handle_events(self, events):
        say(f"got {len(events)}")


@asynccontextmanager
async def recorded(*stages, **settings):
    """A run of these, at rest, that says and reports nothing to anybody but its recorder, which it yields."""
    recorder = Recorder(**{"strict": True, **settings})
    async with running(of(*stages), recorder=recorder, say=lambda line: None, report=lambda line: None):
        await idle()
        yield recorder


async def told(to, message):
    """Cast it, and let all happen that comes of it."""
    cast(to, message)
    await idle()


async def quiet_run(recorder):
    async with running(of(Quiet(), Sink()), recorder=recorder, say=lambda line: None):
        await idle()
        await anyio.sleep(1.25)
        cast("quiet", ["a", "b", "c"])
        await idle()


def line_of(function):
    return function.__code__.co_firstlineno
