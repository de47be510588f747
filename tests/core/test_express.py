"""The express and the clear form are the same: what is posted, called and dropped, in what order, and every account.

Two stages of a kind get the same messages. One has only its core, whose effects are carried out one by one. The other
offers each message to the express first. Their callbacks answer alike: with what fits, too much, too little, None, a
tuple, nonsense, or by raising.
"""

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palleto.core import (
    Ask,
    BroadcastDispatcher,
    Buffer,
    Call,
    Cancel,
    Cast,
    ConsumerCore,
    DemandDispatcher,
    Down,
    Drop,
    Events,
    PartitionDispatcher,
    ProducerConsumerCore,
    ProducerCore,
    Send,
    Stop,
    Subscribe,
    Subscription,
    Terms,
)
from palleto.errors import DemandError, ReturnError
from palleto.runtime import CLEAR, express

DISPATCHERS = {
    "demand": DemandDispatcher,
    "broadcast": BroadcastDispatcher,
    "partition": lambda: PartitionDispatcher(2, key=lambda event: event % 2),
}
CORES = {"producer": ProducerCore, "between": ProducerConsumerCore, "consumer": ConsumerCore}


class Crash(Exception):
    """A callback's own."""


class Address:
    """Where messages go; all that are posted are written down."""

    def __init__(self, name, log):
        self.name, self.log, self._mailbox = name, log, self

    def __repr__(self):
        return self.name

    def post(self, message):
        self.log.append(("post", self.name, shown(message)))


def shown(message):
    """A message without the objects that each side has of its own. The express may post Events as a pair."""
    message = Events(*message[:2]) if isinstance(message, tuple) else message
    parts = [getattr(message, name) for name in message.__slots__]
    parts = [part.id if isinstance(part, Subscription) else part for part in parts]
    parts = [repr(part) if isinstance(part, Exception) else part for part in parts]
    return (type(message).__name__, *(list(part) if isinstance(part, list | tuple | range) else part for part in parts))


class Stage:
    """A core with callbacks that answer by `habits`, one after the other."""

    source = None

    def __init__(self, kind, dispatcher, buffer, terms, habits, fast):
        self.log, self.habits, self.number, self.fast = [], habits, 0, fast
        if kind == "consumer":
            self.core = ConsumerCore()
        else:
            self.core = CORES[kind](DISPATCHERS[dispatcher](), Buffer(*buffer))
        self.kind, self.calls, self.dead = kind, 0, False
        this = Address("this", self.log)
        self.below = [Subscription(this, Address(f"below {n}", self.log), terms[n], n) for n in range(2)]
        self.above = [Subscription(Address(f"above {n}", self.log), this, terms[n], 10 + n) for n in range(2)]
        self.express = express(
            self.core, self, {"handle_demand": self.handle_demand, "handle_events": self.handle_events}
        )

    # ---- callbacks

    def make(self, count):
        self.number += count
        return list(range(self.number - count, self.number))

    def answer(self, callback, count, events=()):
        self.log.append(("call", callback, count, list(events), self.accounts()))
        habit = self.habits[self.calls % len(self.habits)]
        self.calls += 1
        if habit == "crash":
            raise Crash
        if habit in ("nonsense", "none"):
            return 7 if habit == "nonsense" else None
        if self.kind == "consumer":
            return None if habit == "fit" else []
        made = self.make(max(0, count + {"fit": 0, "tuple": 0, "more": 2, "less": -1, "nothing": -count}[habit]))
        return tuple(made) if habit == "tuple" else made

    def handle_demand(self, count):
        return self.answer("handle_demand", count)

    def handle_events(self, events):
        return self.answer("handle_events", len(events), events)

    def handle_subscribe(self, kind, subscription):
        return None

    def handle_cancel(self, reason, subscription):
        return None

    def handle_cast(self, message):
        return self.make(message) if self.kind != "consumer" else None

    # ---- both forms

    def accounts(self):
        """What is owed and what is remembered, at this moment."""
        found = [*self.core.ledger()]
        if hasattr(self.core, "outlet"):
            found += [(at.id, count) for at, count in self.core.outlet.dispatcher.outstanding.items()]
        return [*found, self.source and self.source.id]

    def state(self):
        found = [self.accounts(), self.core.in_hand()]
        if hasattr(self.core, "inlet"):
            found += [(at.id, repr(window)) for at, window in self.core.inlet.windows.items()]
        return found

    def take(self, message):
        """One message, to its end."""
        if self.dead:
            return
        try:
            effects, call, result = deque(), None, None
            rest = CLEAR
            if self.fast and isinstance(message, Ask | Events):
                before = self.state()
                if isinstance(message, Ask):
                    rest = self.express.asked(message)
                else:
                    rest = self.express.came(message.subscription, message.events, None)
                if rest is CLEAR:
                    assert self.state() == before
            if rest is None:
                return
            if rest is CLEAR:
                effects = deque(self.core.receive(message) if not callable(message) else message())
            else:
                effects, call, result = rest
            self.carry_out(effects, call, result)
        except (Crash, ReturnError, DemandError) as error:
            self.log.append(("died", type(error).__name__))
            self.dead = True

    def carry_out(self, effects, call, result):
        while call is not None or effects:
            if call is not None:
                effects.extendleft(reversed(self.core.returned(call, result)))
                call = None
                continue
            effect = effects.popleft()
            if isinstance(effect, Send):
                effect.to.post(effect.message)
            elif isinstance(effect, Call):
                if effect.callback == "handle_events":
                    self.source = effect.about
                call, result = effect, getattr(self, effect.callback)(*effect.args)
            elif isinstance(effect, Drop):
                self.log.append(("drop", list(effect.events)))
            elif isinstance(effect, Stop):
                raise Crash


def happening(stage, kind, at, count):
    """The message of this kind, in this stage's own objects; None where there is none."""
    produces, consumes = hasattr(stage.core, "outlet"), hasattr(stage.core, "inlet")
    if kind == "ask" and produces:
        return Ask(stage.below[at], count)
    if kind == "events" and consumes:
        subscription = stage.above[at]
        window = stage.core.inlet.windows.get(subscription)
        fits = 1 if window is None else min(count, window.outstanding)
        return Events(subscription, stage.make(fits)) if fits > 0 else None
    if kind == "join below" and produces:
        return Subscribe(stage.below[at])
    if kind == "join above" and consumes and stage.above[at] not in stage.core.inlet.windows:
        return lambda: stage.core.subscribe(stage.above[at])
    end = Cancel if count % 2 else Down
    if kind == "end below" and produces:
        return end(stage.below[at], "normal")
    if kind == "end above" and consumes:
        return end(stage.above[at], "normal")
    if kind == "emit" and produces:
        return Cast(count)
    if kind == "forward" and isinstance(stage.core, ProducerCore) and not consumes:
        return lambda: stage.core.forward(bool(count % 2))
    return None


HABITS = ["fit"] * 4 + ["more"] * 2 + ["less", "nothing", "none", "tuple"]
KINDS = ["ask"] * 5 + ["events"] * 6 + ["end above"] * 2 + ["join below", "join above", "emit", "end below", "forward"]


@st.composite
def terms(draw):
    most = draw(st.integers(1, 4))
    return Terms(
        max_demand=most,
        min_demand=draw(st.integers(0, most - 1)),
        cancel="temporary",
        manual=draw(st.sampled_from([False] * 5 + [True])),
        partition=draw(st.integers(0, 1)),
    )


@pytest.mark.parametrize(
    ("kind", "dispatcher"),
    [("consumer", "demand")] + [(kind, name) for kind in ("producer", "between") for name in DISPATCHERS],
)
@pytest.mark.parametrize("examples", [80, pytest.param(400, marks=pytest.mark.long)])
def test_the_express_is_the_clear_form(kind, dispatcher, examples):
    express_taken = 0

    @settings(max_examples=examples, deadline=None)
    @given(
        st.tuples(st.sampled_from([None, 0, 2, 10_000]), st.sampled_from(["first", "last"])),
        st.tuples(terms(), terms()),
        st.lists(st.sampled_from(HABITS), min_size=1, max_size=8),
        st.sampled_from([None] * 6 + ["crash", "nonsense"]),
        st.lists(
            st.tuples(st.sampled_from(KINDS), st.sampled_from([0, 0, 1]), st.integers(1, 4)), min_size=10, max_size=60
        ),
    )
    def same(buffer, both_terms, habits, last, happenings):
        nonlocal express_taken
        stages = [
            Stage(kind, dispatcher, buffer, both_terms, habits + [last] * (last is not None), fast)
            for fast in (False, True)
        ]
        begin = [("join below", 0, 1), ("join above", 0, 1)]
        for name, at, count in begin + happenings:
            for stage in stages:
                message = happening(stage, name, at, count)
                if message is not None:
                    stage.take(message)
            clear, fast = stages
            assert fast.log == clear.log
            assert fast.state() == clear.state()
        express_taken += sum(entry[0] == "call" for entry in stages[1].log)

    same()
    assert express_taken, "nothing was called: the test shows nothing"
