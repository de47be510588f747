"""The laws of the core, on small networks of machines: whatever is asked, emitted, subscribed, cancelled or killed, in
whatever order messages arrive, and whether callbacks come back at once or late.

1. No subscription is ever sent more than it has asked for.
2. Each subscription gets its events in the order of their emission, and no event twice.
3. What was emitted is delivered, buffered, held for its partition, or reported as lost.
4. The law of `Ledger`.
5. A batch is handled only while it is wanted, one at a time; a machine is settled between any two messages.
6. Nothing stands still: once every producer has met its demand and every message has arrived, each live consumer has
   got all there was, or its window is full, or it does not want more.
"""

from collections import Counter, deque
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from palleto.core import (
    ASK,
    CALL,
    CAST,
    DOWN,
    EMIT,
    EVENTS,
    SUBSCRIBE,
    BroadcastDispatcher,
    Buffer,
    ConsumerCore,
    DemandDispatcher,
    PartitionDispatcher,
    ProducerConsumerCore,
    ProducerCore,
    Subscription,
    Terms,
)

PARTITIONS = 3
DISPATCHERS = {
    "demand": DemandDispatcher,
    "broadcast": BroadcastDispatcher,
    "partition": lambda: PartitionDispatcher(PARTITIONS, key=lambda event: event % PARTITIONS),
}
REASONS = ("normal", "shutdown", "killed", RuntimeError("crash"))


def even(event):
    return event % 2 == 0


class Stopped(Exception):
    """Leaves the machine, as the runtime's does."""


class Member:
    """A machine, its port, the callbacks that this test gives it, and its accounts. It emits the numbers from 0 on.

    late: its callbacks come back only when the network says so.
    """

    def __init__(self, network, tier, late):
        self.network, self.late, self.alive = network, late, True
        self.name = f"{'PXC'[tier]}{len(network.members)}"
        more = () if tier == 2 else (DISPATCHERS[network.dispatcher](), Buffer(*network.buffer))
        self.core = (ProducerCore, ProducerConsumerCore, ConsumerCore)[tier](self, *more)
        self.produces, self.consumes, self.between = tier < 2, tier > 0, tier == 1
        self.shift = 0  # handle_demand emits what it was told plus this; None: nothing
        self.ratio = 1  # handle_events of a producer-consumer emits so many for each event
        self.left = None  # how many handle_demand may still emit; None: any number
        self.owed = 0  # told by handle_demand and not emitted since
        self.withdrawn = 0  # demand that went away with a subscription, or behind a slower one
        self.emitted = 0
        self.lost = []
        self.asked = Counter()  # by subscription, as this producer heard it
        self.sent = {}  # by subscription, in order
        self.gone_on = 0  # events that a broadcast has sent to everyone
        self.handled = {}  # by subscription, in order
        self.span = {}  # by subscription: the most that a batch may hold
        self.answered = 0
        self.said = 0  # things said through the port
        self.pending = None  # the call that has not come back

    # ---- the port ----

    def send(self, to, message):
        self.say("send", to, message)
        kind, subscription, events = message
        if kind == EVENTS:  # laws 1 and 2, at the moment of sending
            sent = self.sent.setdefault(subscription, [])
            assert events, "an empty delivery"
            sent += events
            assert len(sent) <= self.asked[subscription]
            assert all(before < after for before, after in pairwise(sent[-len(events) - 1 :]))
        self.network.post.setdefault((self.name, to), deque()).append(message)

    def call(self, callback, argument, then):
        assert self.pending is None, "a call has not come back"
        self.say("call", callback, argument)
        if callback == "handle_events" and self.between:
            assert self.core.dispatcher.demand > len(self.core.buffer)
        if callback == "handle_demand":
            assert argument >= 1
            self.owed += argument
        self.pending = callback, argument, then
        if not self.late:
            self.come_back()

    def lose(self, events, why):
        self.say("lose", events, why)
        assert events
        self.lost += events

    def answer(self, request, value):
        assert (request, value) == ("request", "reply")
        self.say("answer", request, value)

    def stop(self, reason):
        self.say("stop", reason)
        raise Stopped(reason)

    def say(self, *what):
        self.said += 1
        self.network.log.append((self.name, *map(str, what)))

    # ---- the user's callbacks ----

    def come_back(self):
        (callback, argument, then), self.pending = self.pending, None
        result = self.result(callback, argument)
        before = self.lacking()
        then(result)
        if callback in ("handle_subscribe", "handle_cancel"):
            self.withdrawn += max(0, before - self.lacking())

    def lacking(self):
        """What is wanted and not there."""
        return max(0, self.core.dispatcher.demand - len(self.core.buffer)) if self.produces else 0

    def result(self, callback, argument):
        if callback == "handle_demand":
            return None if self.shift is None else self.make(max(0, argument + self.shift))
        if callback == "handle_events":
            subscription = self.core.current[0]
            assert 1 <= len(argument) <= self.span[subscription] or self.core.windows[subscription].manual
            self.handled.setdefault(subscription, []).extend(argument)
            return self.make(len(argument) * self.ratio) if self.produces else None
        if callback == "handle_cast":
            return self.make(argument)
        return ("reply", self.make(argument)) if callback == "handle_call" else None

    def make(self, count):
        """The next events, or None in place of none."""
        if self.left is not None:
            count = min(count, self.left)
            self.left -= count
        events = [*range(self.emitted, self.emitted + count)]
        self.emitted += count
        self.owed = max(0, self.owed - count)
        return events or None

    # ---- its laws, after each message ----

    def check(self):
        said = self.said
        self.core.settle()
        assert self.said == said, "not settled"
        if not self.produces:
            return
        core, ledger = self.core, self.core.ledger()
        outstanding, held, buffered = core.dispatcher.outstanding, core.dispatcher.held, [*core.buffer.events]
        broadcast = self.network.dispatcher == "broadcast"
        assert (ledger.buffered, ledger.dropped) == (len(buffered), len(self.lost))
        owed = outstanding.values()
        assert ledger.demand == (min(owed, default=0) if broadcast else sum(owed) - len(held))
        for subscription, count in outstanding.items():
            assert count == self.asked[subscription] - len(self.sent.get(subscription, ())) >= 0
        kept = buffered + held + self.lost
        if broadcast:
            assert len({*kept}) == len(kept)
            for subscription in outstanding:
                self.check_broadcast(subscription, {*kept})
            gone_on, self.gone_on = self.gone_on, self.emitted - len(kept)
            assert gone_on <= self.gone_on
        else:
            assert sorted([event for events in self.sent.values() for event in events] + kept) == [*range(self.emitted)]
        assert ledger.demand <= 0 or not buffered or core.holding
        if self.between:
            assert ledger.remembered == self.lacking()
        else:
            assert ledger.remembered == self.owed
            assert 0 <= ledger.remembered - self.lacking() <= self.withdrawn or not core.forwarding

    def check_broadcast(self, subscription, kept):
        """From its first event on, a subscription got each that its selector takes and that was not kept."""
        sent = self.sent.get(subscription, [])
        if sent:
            takes = subscription.terms.selector or (lambda event: True)
            assert sent == [event for event in range(sent[0], sent[-1] + 1) if takes(event) and event not in kept]

    def check_quiet(self, members):
        """Law 6, in a network in which no message is on its way."""
        core, waiting = self.core, 0
        if self.produces:
            assert core.dispatcher.demand <= 0 or self.between or self.left == 0
        if self.between:
            waiting = len(core.in_hand()) - len(core.dispatcher.held) - len(core.buffer)
            assert not waiting or core.dispatcher.demand <= 0
        came = [events for other in members.values() for at, events in other.sent.items() if at.consumer == self.name]
        assert sum(map(len, came)) == sum(map(len, self.handled.values())) + waiting
        for subscription, events in self.handled.items():
            assert events == members[subscription.producer].sent[subscription][: len(events)]
        for subscription, window in getattr(core, "windows", {}).items():
            producer = members[subscription.producer]
            if subscription not in producer.core.dispatcher.outstanding or not producer.alive:
                # It has ended above; the end waits behind what came of its events, which nobody below has asked for.
                assert self.between
                assert waiting or core.buffer
            elif not waiting:
                assert producer.core.dispatcher.outstanding[subscription] == window.outstanding
                assert window.manual or window.least < window.outstanding


class Network:
    """Members and the post between them: first in, first out for each pair; between pairs, any order.

    tiers: how many producers, producer-consumers and consumers.
    late:  for each member in the order of their making: whether its callbacks come back late (repeated).
    waits: False: what is late comes back before anything else happens all the same.
    """

    def __init__(self, tiers, dispatcher, buffer=(None, "last"), late=(False,), waits=True):
        self.tiers, self.dispatcher, self.buffer, self.late, self.waits = tiers, dispatcher, buffer, late, waits
        self.members = {}
        self.places = {}  # a place is (tier, number): who fills it now
        self.post = {}  # (from, to): messages
        self.subscriptions = []
        self.log = []
        for tier, count in enumerate(tiers):
            for number in range(count):
                self.fill((tier, number))

    def fill(self, place):
        """A new member at this place, unless a live one is there."""
        if place not in self.places or not self.places[place].alive:
            member = Member(self, place[0], self.late[len(self.members) % len(self.late)])
            self.members[member.name] = self.places[place] = member
        return self.places[place]

    @property
    def alive(self):
        return [member for member in self.members.values() if member.alive]

    def carry(self, choice):
        """Let one message arrive, the oldest of one of the pairs, or one late call come back."""
        pending = [member for member in self.alive if member.pending]
        pairs = [pair for pair, messages in self.post.items() if messages and not self.members[pair[1]].pending]
        if not pending and not pairs:
            return False
        choice %= len(pending) + len(pairs)
        if choice < len(pending):
            self.act(pending[choice], lambda: None, 1)
            return True
        sender, to = pairs[choice - len(pending)]
        kind, about, what = message = self.post[sender, to].popleft()
        member = self.members[to]
        if member.alive:
            if kind == ASK and about in member.core.dispatcher.outstanding:
                member.asked[about] += what
            self.act(member, lambda: member.core.receive(message))
        elif kind == SUBSCRIBE:
            self.refuse(to, about, "noproc")
        return True

    def act(self, member, step, back=None):
        """One step of a machine, once the call before has come back; then the laws.

        back: how many calls come back; None: all that are pending.
        """
        try:
            self.come_back(member, back)
            if member.alive and back is None:
                step()
            if not self.waits:
                self.come_back(member)
            member.check()
        except Stopped as stopped:
            self.kill(member, stopped.args[0])

    def come_back(self, member, count=None):
        while member.pending and count != 0:
            member.come_back()
            member.core.settle()
            count = None if count is None else count - 1

    # ---- what may happen ----

    def subscribe(self, consumer, producer, terms):
        subscription = Subscription(producer.name, consumer.name, terms, len(self.subscriptions))
        self.subscriptions.append(subscription)
        consumer.span[subscription] = terms.max_demand - terms.least
        self.act(consumer, lambda: consumer.core.subscribe(subscription))

    def kill(self, member, reason):
        """A machine ends. Whoever was not taken in yet hears of it from the runtime, as whoever comes later does."""
        callback, argument, _ = member.pending or (None, None, None)
        if callback == "handle_subscribe" and argument[0] == "consumer":
            self.refuse(member.name, argument[1], reason)
        member.alive, member.pending = False, None
        member.core.farewell(reason)

    def refuse(self, name, subscription, reason):
        self.post.setdefault((name, subscription.consumer), deque()).append((DOWN, subscription, reason))

    def do(self, kind, a, b, terms):
        """One thing happens; `a` and `b` choose to whom, or how much."""
        alive = self.alive
        live = [at for at in self.subscriptions if self.members[at.consumer].alive]
        if kind == "carry":
            for turn in range(a):
                self.carry(b * (turn + 1))
        elif kind == "subscribe":
            lower = [(tier, n) for tier in (1, 2) for n in range(self.tiers[tier])]
            place = lower[a % len(lower)]
            upper = [(tier, n) for tier in range(place[0]) for n in range(self.tiers[tier])]
            self.subscribe(self.fill(place), self.fill(upper[b % len(upper)]), terms)
        elif kind in ("cancel", "ask") and live:
            subscription = live[a % len(live)]
            member = self.members[subscription.consumer]
            if kind == "cancel":
                self.act(member, lambda: member.core.cancel(subscription, REASONS[b % 4]))
            elif subscription.terms.manual and not member.pending and subscription in member.core.windows:
                self.act(member, lambda: member.core.ask(subscription, b + 1))
        elif alive:
            member = alive[a % len(alive)]
            if kind == "kill":
                self.kill(member, REASONS[b % 4])
            elif kind == "resize" and member.consumes:
                span = terms.max_demand - terms.least
                member.span = {at: max(span, before) for at, before in member.span.items()}
                self.act(member, lambda: member.core.resize(terms))
            elif kind == "habit":
                member.shift, member.ratio = (None, 0, -1, 1, -3, 3)[b % 6], b % 3
            elif kind == "emit" and member.produces:
                self.act(member, lambda: member.core.receive((EMIT, None, member.make(b) or [])))
            elif kind == "say" and member.produces:
                message = (CAST, None, b) if b % 2 else (CALL, "request", b)
                self.act(member, lambda: member.core.receive(message))
            elif kind == "forward" and member.produces and not member.between:
                self.act(member, lambda: member.core.forward(b % 2 == 0))

    def drain(self, stock, choice):
        """Every producer gets `stock` more events and meets its demand; every message arrives. Then law 6."""
        for member in self.alive:
            member.ratio = 1
            if member.produces and not member.between:
                member.shift, member.left = 0, stock
                self.act(member, lambda core=member.core: core.forward(True))
        steps, late = 0, [True]
        while late:
            while self.carry(choice * steps):
                steps += 1
                assert steps < 20_000
            late = [member for member in self.alive if member.owed and member.left]
            for member in late:
                self.act(member, lambda member=member: member.core.receive((CAST, None, member.owed)))
        for member in self.alive:
            member.check_quiet(self.members)


# ---- what hypothesis chooses -----------------------------------------------------------------------------------


# One draw of a made one, simple ones first: six draws a happening would take more time than the laws themselves.
TERMS = [
    Terms(max_demand=most, min_demand=least, cancel=cancel, manual=manual, partition=partition, selector=selector)
    for most in range(1, 8)
    for manual in (False, False, False, True)
    for selector in (None, None, even)
    for cancel in ("temporary", "temporary", "transient", "permanent")
    for partition in range(PARTITIONS)
    for least in (None, *range(most))
]
KINDS = (
    ["carry"] * 6 + ["subscribe"] * 4 + ["emit", "say", "habit", "forward", "cancel", "ask", "ask", "kill", "resize"]
)
HAPPENINGS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 9), st.integers(0, 9), st.sampled_from(TERMS)),
    min_size=5,
    max_size=40,
)
BUFFERS = st.tuples(st.sampled_from([None, 10_000, 0, 1, 4]), st.sampled_from(["first", "last"]))
LATE = st.sampled_from([(False,), (True,), (True, False), (False, True, True)])
TIERS = st.sampled_from([(1, 0, 3), (2, 0, 2), (1, 2, 2)])
DISPATCHER = st.sampled_from([*DISPATCHERS])
FEW = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = pytest.param(settings(FEW, max_examples=3000), marks=[pytest.mark.long, pytest.mark.timeout(600)])


@pytest.mark.parametrize("examples", [FEW, MANY], ids=["few", "many"])
def test_laws(examples):
    @examples
    @given(TIERS, DISPATCHER, BUFFERS, LATE, HAPPENINGS, st.integers(0, 30), st.integers(0, 9))
    def laws(tiers, dispatcher, buffer, late, happenings, stock, choice):
        network = Network(tiers, dispatcher, buffer, late)
        for happening in happenings:
            network.do(*happening)
        network.drain(stock, choice)

    laws()


@settings(FEW, max_examples=100)
@given(TIERS, DISPATCHER, BUFFERS, HAPPENINGS, st.integers(0, 30), st.integers(0, 9))
def test_late_is_the_same_as_at_once(tiers, dispatcher, buffer, happenings, stock, choice):
    """Every message and call of every machine, in the same order."""
    logs = []
    for late in (False, True):
        network = Network(tiers, dispatcher, buffer, late=[late], waits=False)
        for happening in happenings:
            network.do(*happening)
        network.drain(stock, choice)
        logs.append(network.log)
    assert logs[0] == logs[1]


@pytest.mark.parametrize("examples", [FEW, MANY], ids=["few", "many"])
def test_any_backlog_is_done(examples):
    """However it went before, once there are willing consumers all that a producer has is handled by the last tier."""

    @examples
    @given(DISPATCHER, st.integers(0, 2), HAPPENINGS, LATE, st.integers(0, 60), st.integers(0, 9), st.integers(1, 7))
    def done(dispatcher, between, happenings, late, stock, choice, most):
        network = Network((1, between, PARTITIONS), dispatcher, late=late)
        for happening in happenings:
            network.do(*happening)
        for member in network.alive:
            if member.name[0] != "P":
                network.kill(member, "normal")
        while network.carry(choice):
            pass
        source = network.fill((0, 0))
        source.core.forward(False)  # until all have subscribed, so that a broadcast of new events goes to all
        above = [network.fill((1, number)) for number in range(between)]
        if dispatcher == "partition" and between:
            above = above[:1] * PARTITIONS  # each partition needs somebody
        below = [network.fill((2, number)) for number in range(PARTITIONS)]
        for upper, lower in [(source, above or below), *((member, below) for member in dict.fromkeys(above))]:
            for number, member in enumerate(lower):
                network.subscribe(member, upper, Terms(max_demand=most, cancel="temporary", partition=number))
        while network.carry(choice):
            pass
        network.drain(stock, choice)
        assert source.left == 0
        assert [member.core.in_hand() for member in (source, *above)] == [[]] * (1 + len(above))
        got = [sum(map(len, member.handled.values())) for member in below]
        if dispatcher == "broadcast":
            assert min(got) >= stock * max(1, between)
        else:
            assert sum(got) >= stock

    done()
