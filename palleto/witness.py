"""The express of a recorded stage: what express.py does, with a fact on the tape where the clear form tells of it.

Only what is plain goes this way: one subscription is owed something, nothing is buffered, nobody listens, and nobody
has to be looked at for where it stands. For all else there is the clear form, which the recorder hears step by step.
tests/test_witness.py holds the two traces equal.

A turn is one fact, written when the callback has returned: two would take twice as long, and twice the memory, which
costs as much again. If the callback tells of something itself, what comes before it (`begun`) goes on the tape first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from palleto.core import ConsumerCore, ProducerConsumerCore, ProducerCore
from palleto.dispatch import DemandDispatcher
from palleto.express import CLEAR, NO_EXPRESS, Asked, Came, Express, Rest
from palleto.kept import FIXED, kept, kept_of
from palleto.law import Account
from palleto.machine import Core
from palleto.messages import Ask, Call, Effect, Send, Subscription
from palleto.narrator import ASKED, CAME, CONSUMED, GIVEN, HANDLED, SERVED
from palleto.tape import Tape
from palleto.witness_between import between

Accounts = dict[Subscription, Account]
Consumed = list[Callable[[Any, int], None]]


def witness(
    core: Core,
    stage: Any,
    callbacks: dict[str, Callable[..., Any]],
    tape: Tape,
    accounts: Accounts,
    on_consumed: Consumed,
) -> Express:
    """The express functions of a recorded stage. `accounts`: of the law; `on_consumed`: as of the recorder."""
    if type(core) is ConsumerCore:
        return Express(came=_consumer(core, stage, callbacks["handle_events"], tape, accounts, on_consumed))
    outlet = getattr(core, "outlet", None)
    if outlet is None or type(outlet.dispatcher) is not DemandDispatcher:
        return NO_EXPRESS
    if type(core) is ProducerCore:
        return Express(asked=_producer(core, outlet.dispatcher, stage, callbacks["handle_demand"], tape, accounts))
    if type(core) is ProducerConsumerCore:
        return between(core, outlet.dispatcher, stage, callbacks["handle_events"], tape, accounts)
    return NO_EXPRESS


def _producer(
    core: ProducerCore, dispatcher: DemandDispatcher, stage: Any, handle_demand: Any, tape: Tape, accounts: Accounts
) -> Asked:
    """As `express._producer`. What is asked for and given in one turn changes nothing in the law's account."""
    outlet, outstanding, buffer = core.outlet, dispatcher.outstanding, core.outlet.buffer
    buffered = buffer.events
    facts, write, clock, limit = tape.facts, tape.facts.extend, tape.clock, tape.limit
    listeners, moved = tape.listeners, tape.whereabouts.moved
    rest = (0, 0, 0, 0)
    since, taken = 0.0, Ask(Subscription(None, None), 1)  # of the turn under way

    def begun() -> None:
        write((ASKED, since, stage, taken.subscription.consumer, (), None, taken.count, rest))

    def break_off() -> None:
        accounts[taken.subscription].outstanding += taken.count
        tape.tell_begun()

    def asked(message: Ask) -> Rest | None:
        nonlocal rest, since, taken
        subscription, count = message.subscription, message.count
        if (
            listeners
            or moved
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
        since, taken, tape.begun = clock(), message, begun
        dispatcher.sole = subscription
        outstanding[subscription] = dispatcher.demand = outlet.remembered = count
        try:
            events = handle_demand(count)
        except BaseException:
            break_off()
            raise
        if events.__class__ is not list or len(events) != count:
            break_off()
            tape.acting[stage] = "handle_demand"
            return Rest(deque(), Call("handle_demand", (count,)), events)
        outstanding[subscription] = dispatcher.demand = outlet.remembered = 0
        consumer, batch = subscription.consumer, events.copy()
        if count == 1 and batch[0].__class__ in FIXED:
            ids = batch[0]
        else:
            ids = kept(batch)
            account = accounts[subscription]
            if account.batch is not None:
                account.older.append((account.batch, account.ids))
            account.batch, account.ids = batch, ids
        if tape.begun is None or listeners:
            tape.tell_begun()
            write((GIVEN, clock(), stage, consumer, ids, None, None, rest))
        else:
            tape.begun = None
            write((SERVED, since, stage, consumer, ids, clock(), count, rest))
        consumer._mailbox.post((subscription, batch))
        if listeners or len(facts) >= limit:
            tape.read(heard=True)
        return None

    return asked


def _consumer(
    core: ConsumerCore, stage: Any, handle_events: Any, tape: Tape, accounts: Accounts, on_consumed: Consumed
) -> Came:
    """As `express._consumer`."""
    windows, hand = core.inlet.windows, core.hand
    facts, write, clock, limit = tape.facts, tape.facts.extend, tape.clock, tape.limit
    listeners, moved = tape.listeners, tape.whereabouts.moved
    since, above, ids = 0.0, None, None  # of the turn under way

    def begun() -> None:
        write((CAME, since, stage, above, ids, None, None, ()))

    def came(subscription: Subscription, events: Sequence[Any]) -> Rest | None:
        nonlocal since, above, ids
        window, count = windows.get(subscription), len(events)
        if listeners or moved or window is None or window.manual or count > window.span:
            return CLEAR
        ask, left = 0, window.outstanding - count
        if left <= window.least:
            ask, left = window.most - left, window.most
        window.outstanding = left
        account = accounts.get(subscription)
        if count == 1 and events[0].__class__ in FIXED:
            ids = events[0]
        elif account is not None and account.batch is events and not account.older:
            ids, account.batch = account.ids, None
        else:
            ids = kept_of(account, events)
        since, above, tape.begun = clock(), subscription.producer, begun
        stage.source = subscription
        try:
            result = handle_events(events)
        except BaseException:
            hand.append(events)
            tape.tell_begun()
            raise
        if result is not None:
            hand.append(events)
            tape.tell_begun()
            tape.acting[stage], tape.hand[stage] = "handle_events", (events, ids)
            after: list[Effect] = [Send(above, Ask(subscription, ask))] if ask else []
            return Rest(deque(after), Call("handle_events", (events,), subscription), result)
        if tape.begun is None or listeners:
            tape.tell_begun()
            write((HANDLED, clock(), stage, None, ids, None, None, ()))
        else:
            tape.begun = None
            write((CONSUMED, since, stage, above, ids, clock(), None, ()))
        if listeners or len(facts) >= limit:
            tape.read(heard=True)
        for hear in on_consumed:
            hear(stage, count)
        if ask:
            again = window.again
            if again is None or again.count != ask:
                again = window.again = Ask(subscription, ask)
            subscription.producer._mailbox.post(again)
        return None

    return came
