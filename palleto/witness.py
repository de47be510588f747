"""The express of a recorded stage: what express.py does, with a fact on the tape where the clear form tells of it.

Only what is plain goes this way: one subscription is owed something, nothing waits, nobody listens, and nobody has to
be looked at for where it stands. For all else there is the clear form, which the recorder hears step by step.
tests/test_witness.py holds the two traces equal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from palleto.core import ConsumerCore, ProducerConsumerCore, ProducerCore
from palleto.demand import Batch
from palleto.dispatch import DemandDispatcher
from palleto.express import CLEAR, NO_EXPRESS, Asked, Came, Express, Rest
from palleto.law import Account
from palleto.machine import Core
from palleto.messages import Ask, Call, Effect, Send, Subscription
from palleto.narrator import ASKED, CAME, GIVEN, HANDLED, PASSED, WANTED
from palleto.tape import Tape, kept, kept_of

Accounts = dict[Subscription, Account]


def witness(
    core: Core, stage: Any, callbacks: dict[str, Callable[..., Any]], tape: Tape, accounts: Accounts
) -> Express:
    """The express functions of a recorded stage. `accounts`: of the law, by subscription."""
    if type(core) is ConsumerCore:
        return Express(came=_consumer(core, stage, callbacks["handle_events"], tape, accounts))
    outlet = getattr(core, "outlet", None)
    if outlet is None or type(outlet.dispatcher) is not DemandDispatcher:
        return NO_EXPRESS
    if type(core) is ProducerCore:
        return Express(asked=_producer(core, outlet.dispatcher, stage, callbacks["handle_demand"], tape, accounts))
    if type(core) is ProducerConsumerCore:
        return Express(
            _asked_between(core, outlet.dispatcher, stage, tape, accounts),
            _came_between(core, outlet.dispatcher, stage, callbacks["handle_events"], tape, accounts),
        )
    return NO_EXPRESS


def _producer(
    core: ProducerCore, dispatcher: DemandDispatcher, stage: Any, handle_demand: Any, tape: Tape, accounts: Accounts
) -> Asked:
    """As `express._producer`."""
    outlet, outstanding, buffer = core.outlet, dispatcher.outstanding, core.outlet.buffer
    buffered = buffer.events
    facts, write, clock, limit = tape.facts, tape.facts.extend, tape.clock, tape.limit
    listeners, moved = tape.listeners, tape.whereabouts.moved
    rest = (0, 0, 0, 0)

    def asked(message: Ask) -> Rest | None:
        nonlocal rest
        subscription, count = message.subscription, message.count
        account = accounts.get(subscription)
        if (
            listeners
            or moved
            or account is None
            or dispatcher.demand
            or outlet.remembered
            or buffered
            or not core.forwarding
            or subscription not in outstanding
            or count.__class__ is not int
            or count < 1
        ):
            return CLEAR
        if buffer.dropped != rest[3]:
            rest = (0, 0, 0, buffer.dropped)
        consumer = subscription.consumer
        write((ASKED, clock(), stage, consumer, (), None, count, rest))
        account.asked += count
        dispatcher.sole = subscription
        outstanding[subscription] = dispatcher.demand = outlet.remembered = count
        events = handle_demand(count)
        if events.__class__ is not list or len(events) != count:
            tape.acting[stage] = "handle_demand"
            return Rest(deque(), Call("handle_demand", (count,)), events)
        outstanding[subscription] = dispatcher.demand = outlet.remembered = 0
        account.delivered += count
        batch = events.copy()
        ids = kept(batch)
        account.sent.append((batch, ids))
        write((GIVEN, clock(), stage, consumer, ids, None, None, rest))
        consumer._mailbox.post((subscription, batch))
        if listeners or len(facts) >= limit:
            tape.read(heard=True)
        return None

    return asked


def _consumer(core: ConsumerCore, stage: Any, handle_events: Any, tape: Tape, accounts: Accounts) -> Came:
    """As `express._consumer`."""
    windows, hand = core.inlet.windows, core.hand
    facts, write, clock, limit = tape.facts, tape.facts.extend, tape.clock, tape.limit
    listeners, moved = tape.listeners, tape.whereabouts.moved

    def came(subscription: Subscription, events: Sequence[Any]) -> Rest | None:
        window = windows.get(subscription)
        if listeners or moved or window is None or window.manual or len(events) > window.span:
            return CLEAR
        ask, left = 0, window.outstanding - len(events)
        if left <= window.least:
            ask, left = window.most - left, window.most
        window.outstanding = left
        ids = kept_of(accounts.get(subscription), events)
        write((CAME, clock(), stage, subscription.producer, ids, None, None, ()))
        stage.source = subscription
        try:
            result = handle_events(events)
        except BaseException:
            hand.append(events)
            raise
        if result is not None:
            hand.append(events)
            tape.acting[stage], tape.hand[stage] = "handle_events", (events, ids)
            after: list[Effect] = [Send(subscription.producer, Ask(subscription, ask))] if ask else []
            return Rest(deque(after), Call("handle_events", (events,), subscription), result)
        write((HANDLED, clock(), stage, None, ids, None, None, ()))
        if ask:
            again = window.again
            if again is None or again.count != ask:
                again = window.again = Ask(subscription, ask)
            subscription.producer._mailbox.post(again)
        if listeners or len(facts) >= limit:
            tape.read(heard=True)
        return None

    return came


def _asked_between(
    core: ProducerConsumerCore, dispatcher: DemandDispatcher, stage: Any, tape: Tape, accounts: Accounts
) -> Asked:
    """As `express._between`'s, where no batch waits and only one subscription is owed anything."""
    waiting, buffer, outstanding = core.waiting, core.outlet.buffer, dispatcher.outstanding
    write, clock, listeners, moved = tape.facts.extend, tape.clock, tape.listeners, tape.whereabouts.moved

    def asked(message: Ask) -> Rest | None:
        subscription, count = message.subscription, message.count
        account, before = accounts.get(subscription), outstanding.get(subscription)
        if (
            listeners
            or moved
            or account is None
            or before is None
            or waiting
            or buffer.events
            or dispatcher.heap
            or before != dispatcher.demand
            or count.__class__ is not int
            or count < 1
        ):
            return CLEAR
        write((WANTED, clock(), stage, subscription.consumer, (), None, count, (before, before, 0, buffer.dropped)))
        account.asked += count
        dispatcher.sole = subscription
        outstanding[subscription] = dispatcher.demand = before + count
        return None

    return asked


def _came_between(
    core: ProducerConsumerCore,
    dispatcher: DemandDispatcher,
    stage: Any,
    handle_events: Any,
    tape: Tape,
    accounts: Accounts,
) -> Came:
    """As `express._between`'s, where the batch is wanted, and what came of it is wanted by one subscription."""
    windows, waiting, ending, buffer = core.inlet.windows, core.waiting, core.ending, core.outlet.buffer
    outstanding = dispatcher.outstanding
    facts, write, clock, limit = tape.facts, tape.facts.extend, tape.clock, tape.limit
    listeners, moved = tape.listeners, tape.whereabouts.moved

    def came(subscription: Subscription, events: Sequence[Any]) -> Rest | None:
        window, to, demand = windows.get(subscription), dispatcher.sole, dispatcher.demand
        owed = accounts.get(to) if to is not None else None
        if (
            listeners
            or moved
            or window is None
            or owed is None
            or to is None
            or demand <= 0
            or waiting
            or buffer.events
            or window.manual
            or len(events) > window.span
        ):
            return CLEAR
        ask, left = 0, window.outstanding - len(events)
        if left <= window.least:
            ask, left = window.most - left, window.most
        window.outstanding = left
        ids = kept_of(accounts.get(subscription), events)
        write((CAME, clock(), stage, subscription.producer, ids, None, None, (demand, demand, 0, buffer.dropped)))
        stage.source = subscription
        try:
            result = handle_events(events)
        except BaseException:
            core.current = Batch(events, ask)
            raise
        if result.__class__ is not list or not 0 < len(result) <= demand:
            core.current = Batch(events, ask)
            tape.acting[stage], tape.hand[stage] = "handle_events", (events, ids)
            return Rest(deque(), Call("handle_events", (events,), subscription), result)
        outstanding[to] = dispatcher.demand = demand = demand - len(result)
        owed.delivered += len(result)
        batch = result.copy()
        others = kept(batch)
        owed.sent.append((batch, others))
        write((PASSED, clock(), stage, to.consumer, ids, None, others, (demand, demand, 0, buffer.dropped)))
        to.consumer._mailbox.post((to, batch))
        if ask and subscription not in ending:
            again = window.again
            if again is None or again.count != ask:
                again = window.again = Ask(subscription, ask)
            subscription.producer._mailbox.post(again)
        if listeners or len(facts) >= limit:
            tape.read(heard=True)
        return None

    return came
