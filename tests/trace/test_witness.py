"""A recorded run on the express leaves the trace that the clear form leaves, in memory and in a file, event for event.

While somebody listens, a recorder takes the clear form and makes each event at once. So each network here is run on the
same seed with a listener, without, and to a file; and with a recorder that nobody reads, or only from some moment on.
"""

from __future__ import annotations

from collections import Counter

import anyio
import anyio.lowlevel
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import palleto
from palleto import (
    BroadcastDispatcher,
    Consumer,
    DemandDispatcher,
    Producer,
    ProducerConsumer,
    Recorder,
    Supervisor,
    System,
    child,
    load,
    running,
    say,
)
from palleto.trace import HEADER, line_of, witness

HABITS = ["fit"] * 6 + ["say", "more", "less", "none", "tuple", "crash", "change", "emit"]


class Event:
    """Has an id that may change."""

    def __init__(self, number):
        self.id = f"event {number}"


class Member:
    """What the stages of this test share: callbacks that answer by `habits`, one after the other."""

    spare = 10  # events that it emits besides: with no end to them a run of no time would have none

    def set_up(self, name, above, terms, habits, kind):
        self.name, self.above, self.terms, self.habits, self.kind = name, above, terms, habits, kind
        self.calls = self.number = 0

    def init(self):
        if self.above:
            self.subscribe(self.above, max_demand=self.terms[0], min_demand=self.terms[1], cancel="transient")

    def make(self, count):
        self.number += count
        numbers = range(self.number - count, self.number)
        return [{"number": int, "text": str, "dict": lambda n: {"n": n}, "id": Event}[self.kind](n) for n in numbers]

    def answer(self, events):
        habit = self.habits[self.calls % len(self.habits)]
        self.calls += 1
        if habit == "crash":
            raise ValueError(self.calls)
        if habit == "say":
            say(f"{self.name} {self.calls}")
        elif habit == "emit" and self.spare and isinstance(self, Producer | ProducerConsumer):
            self.spare -= 1
            self.emit(self.make(1))
        elif habit == "change":
            for event in events:
                if isinstance(event, Event):
                    event.id += "'"
                elif isinstance(event, dict):
                    event["n"] += 1
        return habit


class Source(Member, Producer):
    left = 40

    def handle_demand(self, demand):
        habit = self.answer([])
        if habit == "none" or not self.left:
            return None
        count = min(self.left, max(0, demand + {"more": 2, "less": -1}.get(habit, 0)))
        self.left -= count
        return tuple(self.make(count)) if habit == "tuple" else self.make(count)

    def handle_cast(self, count):
        return self.make(count)


class Middle(Member, ProducerConsumer):
    def handle_events(self, events):
        habit = self.answer(events)
        if habit in ("none", "tuple"):
            return None if habit == "none" else tuple(events)
        return events[1:] if habit == "less" else [*events, *events] if habit == "more" else events


class Sink(Member, Consumer):
    def handle_events(self, events):
        return [] if self.answer(events) == "tuple" else None


class SlowSource(Source):
    async def handle_demand(self, demand):
        await anyio.sleep(0.1 * (demand % 3))
        return super().handle_demand(demand)


class SlowMiddle(Middle):
    async def handle_events(self, events):
        await anyio.sleep(0.1 * (self.calls % 2))
        return super().handle_events(events)


class SlowSink(Sink):
    async def handle_events(self, events):
        await anyio.sleep(0.1 * (self.calls % 3))
        return super().handle_events(events)


KINDS = {"source": (Source, SlowSource), "middle": (Middle, SlowMiddle), "sink": (Sink, SlowSink)}
DISPATCHERS = {"demand": DemandDispatcher, "broadcast": BroadcastDispatcher}


@st.composite
def plans(draw):
    """The stages of a network: each with a name, a class, whom it subscribes to, and what it is like."""
    tiers = {"source": draw(st.integers(1, 2)), "middle": draw(st.integers(0, 2)), "sink": draw(st.integers(1, 3))}
    found = []
    for tier, count in tiers.items():
        above = [stage["name"] for stage in found if not stage["name"].startswith("sink")]
        for number in range(count):
            most = draw(st.sampled_from([1, 1, 2, 10]))
            found.append(
                {
                    "name": f"{tier} {number}",
                    "kind": KINDS[tier][draw(st.sampled_from([0, 0, 0, 1]))],
                    "above": draw(st.sampled_from(above)) if tier != "source" else None,
                    "terms": (most, draw(st.integers(0, most - 1))),
                    "habits": draw(st.lists(st.sampled_from(HABITS), min_size=1, max_size=8)),
                    "events": draw(st.sampled_from(["number", "number", "text", "dict", "id"])),
                    "dispatcher": draw(st.sampled_from(["demand"] * 4 + ["broadcast"])),
                    "buffer": draw(st.sampled_from([None, 1, 1000])),
                }
            )
    return found


def member(plan):
    kind = type(plan["kind"].__name__, (plan["kind"],), {})
    if not issubclass(kind, Consumer):
        kind.dispatcher, kind.buffer_size = DISPATCHERS[plan["dispatcher"]], plan["buffer"]
    found = kind()
    found.set_up(plan["name"], plan["above"], plan["terms"], plan["habits"], plan["events"])
    return found


async def perform(plan, happenings, recorder, seed):
    children = [child(lambda one=one: member(one)) for one in plan]
    top = Supervisor(children, max_restarts=4, max_seconds=1000)
    quiet = {"say": lambda line: None, "report": lambda line: None}
    try:
        async with running(top, recorder=recorder, seed=seed, **quiet):
            for name, count, nap in happenings:
                await anyio.sleep(nap)
                stage = System.current().names.get(name)
                if stage is None:
                    continue
                if count:
                    palleto.cast(stage, count)
                else:
                    stage.kill()
            await anyio.sleep(5)
    except palleto.PalletoError:
        pass  # out of restarts


@pytest.mark.parametrize("examples", [60, pytest.param(300, marks=pytest.mark.long)])
def test_the_express_leaves_the_trace_of_the_clear_form(backend, tmp_path, monkeypatch, examples):
    taken = Counter()
    turned = witness.witness

    def counted(*arguments):
        found = turned(*arguments)

        def count(take):
            def taking(*message):
                rest = take(*message)
                taken[rest is None] += 1
                return rest

            return taking

        return type(found)(*map(count, found))

    monkeypatch.setattr("palleto.trace.recorder.witness", counted)
    path = tmp_path / "trace.jsonl"

    @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        plans(),
        st.lists(
            st.tuples(
                st.sampled_from(["source 0", "source 0", "source 1", "middle 0", "sink 0"]),
                st.sampled_from([1, 2, 3, 0]),
                st.sampled_from([0.0, 0.1, 0.5]),
            ).map(lambda one: (one[0], one[1] if one[0].startswith("source") else 0, one[2])),
            max_size=8,
        ),
        st.none() | st.integers(0, 3),
        st.integers(1, 12),
    )
    def same(plan, happenings, seed, beginning):
        recorders = [
            Recorder(),  # with nobody to hear what is consumed
            Recorder(),
            Recorder(),
            Recorder(keep=False, file=path),
            Recorder(keep=False),
            Recorder(keep=False),
        ]
        heard, late, consumed, noted = [], [], [[] for _ in recorders], [[] for _ in recorders]
        recorders[1].listeners.append(heard.append)
        for recorder, batches, notes in list(zip(recorders, consumed, noted, strict=True))[1:]:
            recorder.on_consumed.append(lambda stage, count, batches=batches: batches.append((stage.name, count)))
            recorder.on_note.append(lambda kind, events, data, notes=notes: notes.append(kind))
        recorders[-1].on_consumed.append(
            lambda stage, count: recorders[-1].listeners.append(late.append) if len(consumed[-1]) == beginning else None
        )
        for recorder in recorders:
            palleto.run(lambda: perform(plan, happenings, recorder, seed), backend=backend, time="virtual", seed=seed)  # noqa: B023
            recorder.close()
        unheard, clear, express, _, nobody, _ = recorders
        assert consumed[1:] == [consumed[1]] * (len(recorders) - 1)
        assert noted[1:] == [noted[1]] * (len(recorders) - 1)
        last = [
            (event.stage, len(event.ids)) for event in clear.events if event.kind == "handled" and event.data["last"]
        ]
        assert consumed[1] == last
        assert nobody.tape.facts == nobody.events == []
        told = [
            [(event.t, event.stage, event.kind, event.peer) for event in trace if event.kind != "waits"]
            for trace in (clear.events, late)
        ]
        assert told[1] == told[0][len(told[0]) - len(told[1]) :]
        assert heard == clear.events
        assert express.events == clear.events
        assert unheard.events == clear.events
        assert {recorder.broken for recorder in recorders} == {None}
        assert path.read_text("utf-8") == HEADER + "".join(map(line_of, clear.events))
        assert load(path) == clear.events

    same()
    assert taken[True] > 100, "nothing went on the express: the test shows nothing"


def test_a_turn_that_something_else_ran_before_begins_after_that(backend, monkeypatch):
    """Time passes here only between the pump's goes: so each turn ends at the moment at which it begins."""
    recorder, now = Recorder(), [0.0]
    monkeypatch.setattr("palleto.trace.recorder.clock_of", lambda system: (lambda: now[0], lambda moment: moment))

    class Numbers(Producer):
        name = "numbers"

        def handle_demand(self, demand):
            return list(range(demand))

    class Sink(Consumer):
        def init(self):
            self.subscribe("numbers", max_demand=2, min_demand=0)

        def handle_events(self, events):
            pass

    async def main():
        async with running(Supervisor([child(Numbers), child(Sink)]), recorder=recorder):
            for _ in range(20):
                now[0] += 1
                await anyio.lowlevel.checkpoint()

    palleto.run(main, backend=backend, time="virtual")
    turns = [(event.kind, event.t) for event in recorder.events if event.kind in ("handle_demand", "emitted")]
    assert len({t for _, t in turns}) > 10
    assert all(begun[1] == ended[1] for begun, ended in zip(turns[::2], turns[1::2], strict=True))
