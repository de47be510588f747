"""The express of a recorded producer-consumer; witness.py has those of the others, and what they have in common.

As `express._between`, where only one subscription is owed anything, and what came of a batch is wanted by it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from palleto.core import Ask, Batch, Call, DemandDispatcher, ProducerConsumerCore, Subscription
from palleto.runtime.express import CLEAR, Asked, Came, Express, Rest
from palleto.trace.kept import FIXED, Kept, kept, kept_of
from palleto.trace.law import Account
from palleto.trace.tape import Tape
from palleto.trace.turn import CAME, HELD, PASSED, RESUMED, WANTED, Turn

Accounts = dict[Subscription, Account]
Handle = Callable[[int, Subscription, Sequence[Any], int, Kept], Rest | None]
"""How its turn begins, a batch, what to ask for after it, and what is kept of it."""
KNOWN = 1024
"""Turns of a stage that are kept for the next time."""


def ledger(demand: int) -> tuple[int, int, int, int]:
    """The accounts of a producer-consumer that has nothing in its buffer, and has dropped nothing."""
    return demand, demand, 0, 0


def between(
    core: ProducerConsumerCore,
    dispatcher: DemandDispatcher,
    stage: Any,
    handle_events: Any,
    tape: Tape,
    accounts: Accounts,
) -> Express:
    """The express functions of a recorded producer-consumer. `accounts`: of the law."""
    handle = _handle(core, dispatcher, stage, handle_events, tape, accounts)
    return Express(
        _asked(core, dispatcher, stage, tape, accounts, handle), _came(core, dispatcher, stage, tape, accounts, handle)
    )


def _asked(
    core: ProducerConsumerCore,
    dispatcher: DemandDispatcher,
    stage: Any,
    tape: Tape,
    accounts: Accounts,
    handle: Handle,
) -> Asked:
    """While somebody below wants events, batches that have waited are handled."""
    waiting, buffer, buffered = core.waiting, core.outlet.buffer, core.outlet.buffer.events
    outstanding, heap = dispatcher.outstanding, dispatcher.heap
    write, clock, listeners, moved = tape.facts.extend, tape.clock, tape.listeners, tape.whereabouts.moved

    @lru_cache(maxsize=KNOWN)
    def wanted(subscription: Subscription, count: int, before: int) -> Turn:
        return Turn(WANTED, None, stage, subscription.consumer, None, count, ledger(before))

    def asked(message: Ask) -> Rest | None:
        subscription, count = message.subscription, message.count
        before = outstanding.get(subscription)
        if (
            listeners
            or moved
            or before is None
            or buffered
            or buffer.dropped
            or heap
            or before != dispatcher.demand
            or count.__class__ is not int
            or count < 1
        ):
            return CLEAR
        write((wanted(subscription, count, before), tape.since or clock(), (), None, None))
        accounts[subscription].outstanding += count
        dispatcher.sole = subscription
        outstanding[subscription] = dispatcher.demand = before + count
        while waiting:
            item = waiting[0]
            if listeners or moved or not isinstance(item, tuple):
                return Rest(deque(core.settle([])))
            if dispatcher.demand <= 0:
                break
            waiting.popleft()
            above, events, ask = item
            rest = handle(RESUMED, above, events, ask, tape.in_hand(stage, events))
            if rest is not None:
                return rest
        return None

    return asked


def _came(
    core: ProducerConsumerCore,
    dispatcher: DemandDispatcher,
    stage: Any,
    tape: Tape,
    accounts: Accounts,
    handle: Handle,
) -> Came:
    """A batch is handled, or it waits until somebody below wants events."""
    windows, waiting, buffer, buffered = core.inlet.windows, core.waiting, core.outlet.buffer, core.outlet.buffer.events
    write, clock, listeners, moved = tape.facts.extend, tape.clock, tape.listeners, tape.whereabouts.moved

    @lru_cache(maxsize=KNOWN)
    def held(subscription: Subscription, demand: int) -> Turn:
        return Turn(HELD, None, stage, subscription.producer, before=ledger(demand))

    def came(subscription: Subscription, events: Sequence[Any], ids: Kept) -> Rest | None:
        window, demand, count = windows.get(subscription), dispatcher.demand, len(events)
        if (
            listeners
            or moved
            or window is None
            or window.manual
            or count > window.span
            or buffered
            or buffer.dropped
            or (demand > 0 and (dispatcher.sole is None or waiting))
        ):
            return CLEAR
        ask, left = 0, window.outstanding - count
        if left <= window.least:
            ask, left = window.most - left, window.most
        window.outstanding = left
        if ids is None:
            ids = kept_of(accounts.get(subscription), events)
        if demand <= 0:
            tape.hand[stage] = events, ids
            write((held(subscription, demand), tape.since or clock(), ids, None, None))
            waiting.append((subscription, events, ask))
            return None
        return handle(CAME, subscription, events, ask, ids)

    return came


def _handle(
    core: ProducerConsumerCore,
    dispatcher: DemandDispatcher,
    stage: Any,
    handle_events: Any,
    tape: Tape,
    accounts: Accounts,
) -> Handle:
    """A batch is handled, sent on, and asked for again."""
    windows, ending, outstanding = core.inlet.windows, core.ending, dispatcher.outstanding
    facts, write, clock, limit = tape.facts, tape.facts.extend, tape.clock, tape.limit
    listeners = tape.listeners

    @lru_cache(maxsize=KNOWN)
    def passed(beginning: int, subscription: Subscription, to: Subscription | None, demand: int, left: int) -> Turn:
        above, below = subscription.producer, to and to.consumer
        return Turn(beginning, PASSED, stage, above, below, before=ledger(demand), after=ledger(left))

    def handle(beginning: int, subscription: Subscription, events: Sequence[Any], ask: int, ids: Kept) -> Rest | None:
        window, to, demand = windows.get(subscription), dispatcher.sole, dispatcher.demand
        left = demand - len(events)  # most likely: as many go on as came
        turn, since = passed(beginning, subscription, to, demand, left), tape.since or clock()
        tape.begun = turn, since, ids
        stage.source = subscription
        try:
            result = handle_events(events)
        except BaseException:
            core.current = Batch(events, ask)
            tape.tell_begun()
            raise
        if to is None or result.__class__ is not list or not 0 < len(result) <= demand:
            core.current = Batch(events, ask)
            tape.tell_begun()
            tape.acting[stage], tape.hand[stage] = "handle_events", (events, ids)
            return Rest(deque(), Call("handle_events", (events,), subscription), result)
        batch = result.copy()
        if len(batch) != len(events):
            left = demand - len(batch)
            turn = passed(beginning, subscription, to, demand, left)
        outstanding[to] = dispatcher.demand = left
        accounts[to].outstanding -= demand - left
        others = batch[0] if len(batch) == 1 and batch[0].__class__ in FIXED else kept(batch)
        if tape.begun is None or listeners:
            tape.tell_begun()
            write((turn.end(), clock(), ids, None, others))
        else:
            tape.begun = None
            until = tape.since = clock()
            write((turn, since, ids, until, others))
        to.consumer._mailbox.post((to, batch, others))
        if ask and window is not None and not (ending and subscription in ending):
            again = window.again
            if again is None or again.count != ask:
                again = window.again = Ask(subscription, ask)
            subscription.producer._mailbox.post(again)
        if listeners or (limit and len(facts) >= limit):
            tape.read(heard=True)
        return None

    return handle
