"""The laws of the pure core, on small networks of cores: whatever is asked, emitted, subscribed, cancelled or killed,
in whatever order messages arrive.

1. No subscription is ever sent more than it has asked for.
2. Each subscription gets its events in the order of their emission, and no event twice.
3. What was emitted is delivered, buffered, held for its partition, or reported as dropped.
4. The law of `outlet.Ledger`.
5. Nothing stands still: once every producer has met its demand and every message has arrived, each live consumer has
   got all there was, or its window is full, or it does not want more.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
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
    Request,
    Send,
    Stop,
    Subscribe,
    Subscription,
    Terms,
)

PARTITIONS = 3
DISPATCHERS = {
    "demand": DemandDispatcher,
    "broadcast": BroadcastDispatcher,
    "partition": lambda: PartitionDispatcher(PARTITIONS, key=lambda event: event % PARTITIONS),
}


def even(event):
    return event % 2 == 0


@dataclass(eq=False)
class Member:
    """A core, the callbacks that this test gives it, and its accounts. It emits the whole numbers from 0 on."""

    name: str
    core: object
    alive: bool = True
    shift: int | None = 0  # handle_demand emits what it was told plus this; None: nothing
    ratio: int = 1  # handle_events of a producer-consumer emits so many for each event
    left: int | None = None  # how many handle_demand may still emit; None: any number
    owed: int = 0  # told by handle_demand and not emitted since
    withdrawn: int = 0  # demand that went away with a subscription, or behind a slower one
    emitted: int = 0
    dropped: list = field(default_factory=list)
    asked: Counter = field(default_factory=Counter)  # by subscription, as this producer heard it
    sent: dict = field(default_factory=dict)  # by subscription, in order
    gone_on: int = 0  # events that a broadcast has sent to everyone
    handled: dict = field(default_factory=dict)  # by subscription, in order

    @property
    def outlet(self):
        return self.core.outlet

    @property
    def produces(self):
        return hasattr(self.core, "outlet")

    @property
    def windows(self):
        return self.core.inlet.windows if hasattr(self.core, "inlet") else {}

    def make(self, count):
        """The next events. None in place of none, now and then: a callback may return either."""
        if self.left is not None:
            count = min(count, self.left)
            self.left -= count
        events = [*range(self.emitted, self.emitted + count)]
        self.emitted += count
        self.owed = max(0, self.owed - count)
        return events or None

    def answer(self, call):
        """What the user's callback returns."""
        if call.callback == "handle_demand":
            (count,) = call.args
            assert count >= 1
            self.owed += count
            return None if self.shift is None else self.make(max(0, count + self.shift))
        if call.callback == "handle_events":
            (events,) = call.args
            assert len(events) >= 1
            assert len(events) <= call.about.terms.max_demand - call.about.terms.least or call.about.terms.manual
            self.handled.setdefault(call.about, []).extend(events)
            return self.make(len(events) * self.ratio) if self.produces else None
        if call.callback == "handle_cast":
            return self.make(call.args[0])
        if call.callback == "handle_call":
            return "reply", self.make(call.args[0])
        return None


class Network:
    """Members and the post between them: first in, first out for each pair; between pairs, any order."""

    def __init__(self, tiers, dispatcher, buffer):
        """`tiers`: how many producers, producer-consumers and consumers."""
        self.tiers, self.dispatcher, self.buffer = tiers, dispatcher, buffer
        self.members = {}
        self.places = {}  # a place is (tier, number): who fills it now
        self.post = {}  # (from, to): messages
        self.subscriptions = []
        for tier, count in enumerate(tiers):
            for number in range(count):
                self.fill((tier, number))

    def fill(self, place):
        """A new member at this place, unless a live one is there."""
        if place in self.places and self.places[place].alive:
            return self.places[place]
        dispatcher = DISPATCHERS[self.dispatcher]()
        core = (
            ProducerCore(dispatcher, Buffer(*self.buffer)),
            ProducerConsumerCore(dispatcher, Buffer(*self.buffer)),
            ConsumerCore(),
        )[place[0]]
        member = Member(f"{'PXC'[place[0]]}{place[1]}.{len(self.members)}", core)
        self.members[member.name] = self.places[place] = member
        return member

    @property
    def alive(self):
        return [member for member in self.members.values() if member.alive]

    # ---- the post ----

    def put(self, sender, to, message):
        self.post.setdefault((sender, to), deque()).append(message)

    def deliver(self, choice):
        """Let one message arrive: the oldest of one of the pairs."""
        pairs = [pair for pair, messages in self.post.items() if messages]
        if not pairs:
            return False
        sender, to = pairs[choice % len(pairs)]
        message = self.post[sender, to].popleft()
        member = self.members[to]
        if member.alive:
            self.act(member, lambda: member.core.receive(message), message)
        elif isinstance(message, Subscribe):
            self.put(to, sender, Down(message.subscription, "noproc"))
        return True

    def act(self, member, step, message=None):
        """One step of a core and all its effects, then the laws."""
        if isinstance(message, Ask) and message.subscription in member.outlet.dispatcher.outstanding:
            member.asked[message.subscription] += message.count
        effects = deque(step())
        while effects:
            effect = effects.popleft()
            if isinstance(effect, Call):
                before = member.outlet.dispatcher.demand if member.produces else 0
                result = member.answer(effect)
                known = {*member.outlet.dispatcher.outstanding} if member.produces else set()
                more = member.core.returned(effect, result)
                if member.produces and known != {*member.outlet.dispatcher.outstanding}:
                    member.withdrawn += max(0, before - member.outlet.dispatcher.demand)
                effects.extendleft(reversed(more))
            elif isinstance(effect, Send):
                if isinstance(effect.message, Events):
                    self.account(member, effect.message)
                self.put(member.name, effect.to, effect.message)
            elif isinstance(effect, Drop):
                assert effect.events
                member.dropped += effect.events
            elif isinstance(effect, Stop):
                self.kill(member, effect.reason)
                return
        if member.produces:
            self.check(member)

    def account(self, member, message):
        """Laws 1 and 2, at the moment of sending."""
        sent = member.sent.setdefault(message.subscription, [])
        assert message.events, "an empty delivery"
        sent += message.events
        assert len(sent) <= member.asked[message.subscription]
        fresh = sent[-len(message.events) - 1 :]
        assert all(before < after for before, after in pairwise(fresh))

    def check(self, member):
        """Laws 3 and 4, after each step."""
        outlet, ledger = member.outlet, member.core.ledger()
        buffered = outlet.buffer.peek(len(outlet.buffer))
        assert ledger.buffered == len(buffered)
        assert ledger.dropped == len(member.dropped)
        owed = outlet.dispatcher.outstanding.values()
        least = min(owed, default=0) if self.dispatcher == "broadcast" else sum(owed) - len(outlet.dispatcher.held)
        assert ledger.demand == least
        for subscription, outstanding in outlet.dispatcher.outstanding.items():
            assert outstanding == member.asked[subscription] - len(member.sent.get(subscription, ())) >= 0
        kept = buffered + outlet.dispatcher.held + member.dropped
        if self.dispatcher == "broadcast":
            assert len({*kept}) == len(kept)
            gone_on = member.emitted - len(kept)
            for subscription in outlet.dispatcher.outstanding:
                self.check_broadcast(member, subscription, {*kept})
            assert gone_on >= member.gone_on
            member.gone_on = gone_on
        else:
            sent = [event for events in member.sent.values() for event in events]
            assert sorted(sent + kept) == [*range(member.emitted)]
        assert ledger.demand <= 0 or not buffered
        wanted = max(0, ledger.demand - ledger.buffered)
        assert ledger.remembered >= 0
        if not isinstance(member.core, ProducerConsumerCore):
            assert ledger.remembered == member.owed
            if member.core.forwarding:
                assert wanted <= ledger.remembered <= wanted + member.withdrawn
        else:
            assert ledger.remembered == wanted

    def check_broadcast(self, member, subscription, kept):
        """From its first event on, a subscription got each that its selector takes and that was not kept."""
        sent = member.sent.get(subscription, [])
        if sent:
            takes = subscription.terms.selector or (lambda event: True)
            assert sent == [event for event in range(sent[0], sent[-1] + 1) if takes(event) and event not in kept]

    # ---- what may happen ----

    def subscribe(self, consumer, producer, terms):
        subscription = Subscription(producer.name, consumer.name, terms, len(self.subscriptions))
        self.subscriptions.append(subscription)
        self.act(consumer, lambda: consumer.core.subscribe(subscription))
        return subscription

    def kill(self, member, reason):
        member.alive = False
        for effect in member.core.farewell(reason):
            self.put(member.name, effect.to, effect.message)

    def do(self, kind, a, b, terms):
        """One thing happens; `a` and `b` choose to whom, or how much."""
        producers = [member for member in self.alive if member.produces]
        live = [s for s in self.subscriptions if self.members[s.consumer].alive]
        if kind == "carry":
            for turn in range(a):
                self.deliver(b * (turn + 1))
        elif kind == "subscribe":
            lower = [(tier, n) for tier in (1, 2) for n in range(self.tiers[tier])]
            place = lower[a % len(lower)]
            upper = [(tier, n) for tier in range(place[0]) for n in range(self.tiers[tier])]
            self.subscribe(self.fill(place), self.fill(upper[b % len(upper)]), terms)
        elif kind == "emit" and producers:
            member = producers[a % len(producers)]
            message = Cast(b) if b % 2 else Request(b, None)
            self.act(member, lambda: member.core.receive(message))
        elif kind == "habit" and producers:
            member = producers[a % len(producers)]
            member.shift, member.ratio = (None, 0, -1, 1, -3, 3)[b % 6], b % 3
        elif kind == "forward" and producers:
            member = producers[a % len(producers)]
            if not isinstance(member.core, ProducerConsumerCore):
                self.act(member, lambda: member.core.forward(b % 2 == 0))
        elif kind == "cancel" and live:
            subscription = live[a % len(live)]
            self.put(subscription.consumer, subscription.producer, Cancel(subscription, ("normal", "bye")[b % 2]))
        elif kind == "ask" and live:
            subscription = live[a % len(live)]
            member = self.members[subscription.consumer]
            if subscription in member.windows and subscription.terms.manual:
                self.act(member, lambda: member.core.ask(subscription, b + 1))
        elif kind == "kill" and self.alive:
            self.kill(self.alive[a % len(self.alive)], ("normal", "shutdown", "killed", RuntimeError("crash"))[b % 4])

    def settle(self, stock, choice):
        """Every producer gets `stock` more events and meets its demand; every message arrives. Then law 5."""
        for member in self.alive:
            member.ratio = 1
            if member.produces and not isinstance(member.core, ProducerConsumerCore):
                member.shift, member.left = 0, stock
                self.act(member, lambda core=member.core: core.forward(True))
        steps = 0
        while True:
            while self.deliver(choice * steps):
                steps += 1
                assert steps < 20_000
            late = [member for member in self.alive if member.owed and member.left]
            if not late:
                break
            for member in late:
                self.act(member, lambda member=member: member.core.receive(Cast(member.owed)))
        for member in self.alive:
            self.check_quiet(member)

    def check_quiet(self, member):
        """Law 5, for one member of a network in which no message is on its way."""
        if member.produces:
            ledger = member.core.ledger()
            assert ledger.demand <= 0 or ledger.buffered == 0
            if not isinstance(member.core, ProducerConsumerCore):
                assert ledger.demand <= 0 or member.left == 0
        waiting = Counter()
        if isinstance(member.core, ProducerConsumerCore):
            kept = len(member.outlet.dispatcher.held) + len(member.outlet.buffer)
            waiting["all"] = len(member.core.in_hand()) - kept
            assert not waiting["all"] or member.outlet.wanted <= 0
        came = sum(len(p.sent.get(s, ())) for p in self.members.values() for s in p.sent if s.consumer == member.name)
        assert came == sum(map(len, member.handled.values())) + waiting["all"]
        for subscription, events in member.handled.items():
            assert events == self.members[subscription.producer].sent[subscription][: len(events)]
        for subscription, window in member.windows.items():
            producer = self.members[subscription.producer]
            if subscription not in producer.outlet.dispatcher.outstanding or not producer.alive:
                # It has ended above; the end waits behind what came of its events, which nobody below has asked for.
                assert isinstance(member.core, ProducerConsumerCore)
                assert waiting["all"] or member.outlet.buffer
            elif not waiting["all"]:
                assert producer.outlet.dispatcher.outstanding[subscription] == window.outstanding
                assert window.manual or subscription.terms.least < window.outstanding <= subscription.terms.max_demand


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
KINDS = ["carry"] * 6 + ["subscribe"] * 4 + ["emit"] * 2 + ["habit", "forward", "cancel", "ask", "ask", "kill"]
HAPPENINGS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 9), st.integers(0, 9), st.sampled_from(TERMS)),
    min_size=5,
    max_size=40,
)
BUFFERS = st.tuples(st.sampled_from([None, 10_000, 0, 1, 4]), st.sampled_from(["first", "last"]))
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = [FEW, pytest.param(settings(FEW, max_examples=300), marks=pytest.mark.long)]


@pytest.mark.parametrize("dispatcher", DISPATCHERS)
@pytest.mark.parametrize("tiers", [(1, 0, 3), (2, 0, 2), (1, 2, 2)], ids=["one", "two", "between"])
@pytest.mark.parametrize("examples", MANY, ids=["few", "many"])
def test_laws(tiers, dispatcher, examples):
    @examples
    @given(BUFFERS, HAPPENINGS, st.integers(0, 30), st.integers(0, 9))
    def laws(buffer, happenings, stock, choice):
        network = Network(tiers, dispatcher, buffer)
        for happening in happenings:
            network.do(*happening)
        network.settle(stock, choice)

    laws()


@pytest.mark.parametrize("dispatcher", DISPATCHERS)
@pytest.mark.parametrize("between", [0, 1, 2])
@pytest.mark.parametrize("examples", MANY, ids=["few", "many"])
def test_any_backlog_is_done(dispatcher, between, examples):
    """However it went before, once there are willing consumers all that a producer has is handled by the last tier."""

    @examples
    @given(HAPPENINGS, st.integers(0, 60), st.integers(0, 9), st.integers(1, 7))
    def done(happenings, stock, choice, most):
        network = Network((1, between, PARTITIONS), dispatcher, (None, "last"))
        for happening in happenings:
            network.do(*happening)
        for member in network.alive:
            if member.name[0] != "P":
                network.kill(member, "normal")
        while network.deliver(choice):
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
        while network.deliver(choice):
            pass
        network.settle(stock, choice)
        assert source.left == 0
        assert [member.core.in_hand() for member in (source, *above)] == [[]] * (1 + len(above))
        got = [sum(map(len, member.handled.values())) for member in below]
        if dispatcher == "broadcast":
            assert min(got) >= stock * max(1, between)
        else:
            assert sum(got) >= stock

    done()
