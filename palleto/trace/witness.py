"""The express of a recorded stage: what express.py does, with a fact on the tape where the clear form tells of it.

Only what is plain goes this way: one subscription is owed something, nothing is buffered, nobody listens, and nobody
has to be looked at for where it stands. For all else there is the clear form, which the recorder hears step by step.
tests/test_witness.py holds the two traces equal.

A turn is one fact, written when the callback has returned: two would take twice as long, and twice the memory, which
costs as much again. If the callback tells of something itself, the turn's beginning (`begun`) goes on the tape first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from palleto.core import (
    Ask,
    Call,
    ConsumerCore,
    Core,
    DemandDispatcher,
    Effect,
    ProducerConsumerCore,
    ProducerCore,
    Send,
    Subscription,
)
from palleto.runtime.express import CLEAR, NO_EXPRESS, Asked, Came, Express, Rest
from palleto.trace.kept import FIXED, Kept, kept, kept_of
from palleto.trace.law import Account
from palleto.trace.tape import Tape
from palleto.trace.turn import ASKED, CAME, GIVEN, HANDLED, Turn
from palleto.trace.witness_between import between

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

    def served(account: Account, message: Ask) -> Turn:
        """The turn that this message leads to, noted in the account."""
        peer, count, rest = message.subscription.consumer, message.count, (0, 0, 0, buffer.dropped)
        turn = account.served
        if turn is None or turn.count != count or turn.before != rest:
            turn = account.served = Turn(ASKED, GIVEN, stage, peer, peer, count, rest, rest)
        account.ask = message
        return turn

    def asked(message: Ask) -> Rest | None:
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
        account = accounts[subscription]
        turn = account.served
        if message is not account.ask or turn is None or buffer.dropped != turn.before[3]:
            turn = served(account, message)
        since = tape.since or clock()
        tape.begun = turn, since, ()
        dispatcher.sole = subscription
        outstanding[subscription] = dispatcher.demand = outlet.remembered = count
        try:
            events = handle_demand(count)
        except BaseException:
            account.outstanding += count
            tape.tell_begun()
            raise
        if events.__class__ is not list or len(events) != count:
            account.outstanding += count
            tape.tell_begun()
            tape.acting[stage] = "handle_demand"
            return Rest(deque(), Call("handle_demand", (count,)), events)
        outstanding[subscription] = dispatcher.demand = outlet.remembered = 0
        batch = events.copy()
        ids = batch[0] if count == 1 and batch[0].__class__ in FIXED else kept(batch)
        if tape.begun is None or listeners:
            tape.tell_begun()
            write((turn.end(), clock(), ids, None, None))
        else:
            tape.begun = None
            until = tape.since = clock()
            write((turn, since, ids, until, None))
        subscription.consumer._mailbox.post((subscription, batch, ids))
        if listeners or (limit and len(facts) >= limit):
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
    known, turn = None, Turn(CAME, HANDLED, stage)  # of the batch before

    def came(subscription: Subscription, events: Sequence[Any], ids: Kept) -> Rest | None:
        nonlocal known, turn
        window, count = windows.get(subscription), len(events)
        if listeners or moved or window is None or window.manual or count > window.span:
            return CLEAR
        ask, left = 0, window.outstanding - count
        if left <= window.least:
            ask, left = window.most - left, window.most
        window.outstanding = left
        if ids is None:
            ids = kept_of(accounts.get(subscription), events)
        if subscription is not known:
            known, turn = subscription, Turn(CAME, HANDLED, stage, subscription.producer)
        since = tape.since or clock()
        tape.begun = turn, since, ids
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
            after: list[Effect] = [Send(subscription.producer, Ask(subscription, ask))] if ask else []
            return Rest(deque(after), Call("handle_events", (events,), subscription), result)
        if tape.begun is None or listeners:
            tape.tell_begun()
            write((turn.end(), clock(), ids, None, None))
        else:
            tape.begun = None
            until = tape.since = clock()
            write((turn, since, ids, until, None))
        if listeners or (limit and len(facts) >= limit):
            tape.read(heard=True)
        if on_consumed:
            for hear in on_consumed:
                hear(stage, count)
            tape.since = None
        if ask:
            again = window.again
            if again is None or again.count != ask:
                again = window.again = Ask(subscription, ask)
            subscription.producer._mailbox.post(again)
        return None

    return came
