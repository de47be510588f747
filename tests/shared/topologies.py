"""Pipelines that hypothesis makes up, and one run of one: who subscribes to whom, how each behaves, what happened."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import anyio
from hypothesis import strategies as st

import palleto
from palleto import (
    BroadcastDispatcher,
    Consumer,
    ConsumerSupervisor,
    DemandDispatcher,
    PartitionDispatcher,
    Producer,
    ProducerConsumer,
    Recorder,
    Supervisor,
    System,
    child,
    running,
)
from palleto.runtime import background

HOUR = 3600


@dataclass
class Log:
    """What happened in one run."""

    emitted: list = field(default_factory=list)  # by the sources
    made: list = field(default_factory=list)  # by the producer-consumers
    consumed: list = field(default_factory=list)  # by the producer-consumers
    arrived: dict = field(default_factory=dict)  # by consumer
    lost: list = field(default_factory=list)
    reported: list = field(default_factory=list)
    waiting: dict = field(default_factory=dict)  # by stage: what it has in hand at the end
    batches: Counter = field(default_factory=Counter)  # by stage; one that is started again goes on counting
    count: int = 0  # how many events each source has to emit

    def all_arrived(self):
        return [event for events in self.arrived.values() for event in events]


@dataclass(frozen=True)
class Plan:
    """How a stage behaves: None for a plain callback, else an async one that naps so many tenths of a second."""

    nap: int | None
    most: int
    least: int
    crash: int | None = None  # the batch at which it crashes

    def terms(self, **more):
        return {"max_demand": self.most, "min_demand": min(self.least, self.most - 1), **more}


def plans(crashes=False):
    return st.builds(
        Plan,
        nap=st.sampled_from([None, None, 0, 1, 7]),
        most=st.sampled_from([1, 2, 3, 10, 50]),
        least=st.sampled_from([0, 0, 1, 5, 49]),
        crash=st.sampled_from([None, None, 0, 1, 3]) if crashes else st.none(),
    )


class Acts:
    """Subscribes, naps and crashes as planned, each crash once."""

    def __init__(self, log, plan, to, number):
        self.log, self.plan, self.to, self.number, self.owed = log, plan, to, number, 0

    def init(self):
        for to, more in self.to:
            self.subscribe(to, **self.plan.terms(**more))

    def act(self):
        at, self.log.batches[self.name] = self.log.batches[self.name], self.log.batches[self.name] + 1
        if at == self.plan.crash:
            raise ValueError(f"planned at {at}")

    async def act_later(self):
        await anyio.sleep(self.plan.nap / 10)
        self.act()


def acting(cls, plan):
    """The class with its callbacks plain, or async with naps."""

    class Plain(cls):
        def handle_demand(self, demand):
            self.act()
            return self.demanded(demand)

        def handle_events(self, events):
            self.act()
            return self.handled(events)

    class Async(cls):
        async def handle_demand(self, demand):
            await self.act_later()
            return self.demanded(demand)

        async def handle_events(self, events):
            await self.act_later()
            return self.handled(events)

    made = Plain if plan.nap is None else Async
    delattr(made, "handle_events" if issubclass(cls, Producer) else "handle_demand")
    return made


class Source(Acts, Producer):
    """Emits so many events in all, each (its name, a number), a few at a time, and owes the rest."""

    def demanded(self, demand):
        self.owed += demand
        return self.some()

    def handle_cast(self, message):
        return self.some()

    def some(self):
        first = sum(name == self.name for name, _ in self.log.emitted)
        last = first + min(self.owed, self.number, self.log.count - first)
        self.owed -= last - first
        events = [(self.name, number) for number in range(first, last)]
        self.log.emitted += events
        if self.owed and last < self.log.count:
            palleto.cast(self, "more")
        return events


class Middle(Acts, ProducerConsumer):
    """Passes each event on, so many times (0: filters it)."""

    def handled(self, events):
        self.log.consumed += events
        made = [(self.name, *event, copy) for event in events for copy in range(self.number)]
        self.log.made += made
        return made


class Sink(Acts, Consumer):
    def handled(self, events):
        self.log.arrived.setdefault(self.name, []).extend(events)


class Crew(Acts, ConsumerSupervisor):
    async def run(self, event):
        await anyio.sleep((self.plan.nap or 0) / 10)
        self.log.arrived.setdefault(self.name, []).append(event)


DISPATCHERS = {
    "demand": DemandDispatcher,
    "broadcast": BroadcastDispatcher,
    "partition": lambda: PartitionDispatcher(3),
}


@st.composite
def topologies(draw, crashes=False, dispatchers=tuple(DISPATCHERS)):
    """A list of (kind, name, plan, its subscriptions, a number, its dispatcher), producers first."""
    layers = [[("source", f"s{at}") for at in range(draw(st.integers(1, 2)))]]
    for depth in range(draw(st.integers(0, 2))):
        layers.append([("middle", f"m{depth}{at}") for at in range(draw(st.integers(1, 2)))])
    last = draw(st.integers(1, 3))
    layers.append([(draw(st.sampled_from(["sink", "sink", "sink", "crew"])), f"c{at}") for at in range(last)])
    members = []
    for above, layer in zip([[], *layers[:-1]], layers, strict=True):
        kinds = {name: draw(st.sampled_from(dispatchers)) for _, name in layer}
        for place, (kind, name) in enumerate(layer):
            to = [(other, {}) for _, other in above]
            number = draw(st.integers(1, 8)) if kind == "source" else draw(st.sampled_from([1, 1, 2, 3, 0]))
            members.append([kind, name, draw(plans(crashes and kind != "crew")), to, number, kinds[name], place])
    dispatcher = {member[1]: member[5] for member in members}
    for member in members:
        # a partition takes one consumer each: those of one layer share the three out, by place
        member[3] = [
            (to, more | {"partition": partition}) if partition is not None else (to, more)
            for to, more in member[3]
            for partition in _partitions(dispatcher[to], member, members)
        ]
    return members, draw(st.integers(0, 40))


def _partitions(dispatcher, member, members):
    if dispatcher != "partition":
        return [None]
    places = sum(1 for other in members if other[1][:-1] == member[1][:-1])
    return [partition for partition in range(3) if partition % places == member[6]]


KINDS = {"source": Source, "middle": Middle, "sink": Sink, "crew": Crew}


def specs(members, log, strategy):
    children = []
    for kind, name, plan, to, number, dispatcher, _ in members:
        cls = KINDS[kind] if kind == "crew" else acting(KINDS[kind], plan)
        cls = type(cls.__name__, (cls,), {"dispatcher": staticmethod(DISPATCHERS[dispatcher])})
        children.append(child(cls, log, plan, to, number, name=name))
    return Supervisor(children, strategy=strategy, max_restarts=10_000)


def chooser(choices):
    """An order: choices of the stages that wait and, beyond their number, of time; then who waits longest."""
    left = iter(choices)

    def order(waiting):
        number = next(left, 0) % (len(waiting) + 1)
        return waiting[number] if number < len(waiting) else None

    return order


async def tick():
    """Some wait is always over soon: an order may let time go on."""
    for _ in range(HOUR * 20):
        await anyio.sleep(0.05)


def play(members, count, backend, seed, strategy="one_for_one", kills=None, choices=None):
    """Run it. Without kills the sources wait until all have subscribed: a broadcast is heard by who is there."""
    log, recorder = Log(count=count), Recorder(strict=True)
    order = None if choices is None else chooser(choices)

    async def main():
        with anyio.fail_after(HOUR):  # of virtual time
            async with background(*([] if order is None else [tick])):
                await run()

    async def run():
        top = specs(members, log, strategy)
        async with running(top, recorder=recorder, seed=seed, order=order, report=log.reported.append):
            system = System.current()
            system.on_lost.append(lambda process, events: log.lost.extend(events))
            if kills is None:
                sources = [system.whereis(member[1]) for member in members if member[0] == "source"]
                for source in sources:
                    source.demand("accumulate")
                await system.idle()
                for source in sources:
                    source.demand("forward")
            for pause, name in kills or ():
                await anyio.sleep(pause / 10)
                if name in system.names:
                    system.whereis(name).kill()
            await system.idle()
            log.waiting = {
                name: process.core.in_hand() for name, process in system.names.items() if hasattr(process, "core")
            }

    palleto.run(main, backend=backend, time="virtual", seed=seed)
    assert recorder.broken is None
    return log, recorder


def subscriptions(recorder):
    """What each pair of stages sent, in order, and what the consumer handled from it, by the trace."""
    sent, got = {}, {}
    for event in recorder.events:
        if event.kind == "emitted":
            sent.setdefault((event.stage, event.peer), []).extend(event.ids)
        elif event.kind == "events":
            got.setdefault((event.peer, event.stage), []).extend(event.ids)
    return sent, got


def readers(members):
    """By producer: its dispatcher and the names of those that subscribe to it."""
    table = {}
    for member in members:
        table[member[1]] = (member[5], [other[1] for other in members for to, _ in other[3] if to == member[1]])
    return table
