"""The express of a recorded producer-consumer; witness.py has those of the others, and what they have in common.

As `express._between`, where only one subscription is owed anything, and what came of a batch is wanted by it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from palleto.core import ProducerConsumerCore
from palleto.demand import Batch
from palleto.dispatch import DemandDispatcher
from palleto.express import CLEAR, Asked, Came, Express, Rest
from palleto.kept import FIXED, Kept, kept, kept_of
from palleto.law import Account
from palleto.messages import Ask, Call, Subscription
from palleto.narrator import CAME, HELD, PASSED, RELAYED, RESUMED, THROUGH, WANTED
from palleto.tape import Tape

Accounts = dict[Subscription, Account]
Handle = Callable[[int, Subscription, Sequence[Any], int, Kept], Rest | None]
"""How its fact begins, a batch, what to ask for after it, and what is kept of it."""
KNOWN = 1024
"""Passages, and ledgers, that are kept for the next time."""


@lru_cache(maxsize=KNOWN)
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
        write((WANTED, clock(), stage, subscription.consumer, (), None, count, ledger(before)))
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

    def came(subscription: Subscription, events: Sequence[Any]) -> Rest | None:
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
        account = accounts.get(subscription)
        if count == 1 and events[0].__class__ in FIXED:
            ids = events[0]
        elif account is not None and account.batch is events and not account.older:
            ids, account.batch = account.ids, None
        else:
            ids = kept_of(account, events)
        if demand <= 0:
            tape.hand[stage] = events, ids
            write((HELD, clock(), stage, subscription.producer, ids, None, None, ledger(demand)))
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
    passages: dict[Any, tuple[Any, ...]] = {}
    what, since, above, ids, owed = CAME, 0.0, None, None, 0  # of the turn under way

    def begun() -> None:
        write((what, since, stage, above, ids, None, None, ledger(owed)))

    def passage(key: tuple[Subscription, Subscription, int, int]) -> tuple[Any, ...]:
        if len(passages) >= KNOWN:
            passages.clear()
        subscription, to, demand, left = key
        found = passages[key] = subscription.producer, to.consumer, ledger(demand), ledger(left)
        return found

    def handle(
        beginning: int, subscription: Subscription, events: Sequence[Any], ask: int, kept_ids: Kept
    ) -> Rest | None:
        nonlocal what, since, above, ids, owed
        window, to, demand = windows.get(subscription), dispatcher.sole, dispatcher.demand
        what, ids = beginning, kept_ids
        since, above, owed, tape.begun = clock(), subscription.producer, demand, begun
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
        batch, left = result.copy(), demand - len(result)
        outstanding[to] = dispatcher.demand = left
        account = accounts[to]
        account.outstanding -= demand - left
        if len(batch) == 1 and batch[0].__class__ in FIXED:
            others = batch[0]
        else:
            others = kept(batch)
            if account.batch is not None:
                account.older.append((account.batch, account.ids))
            account.batch, account.ids = batch, others
        if tape.begun is None or listeners:
            tape.tell_begun()
            write((PASSED, clock(), stage, to.consumer, ids, None, others, ledger(left)))
        else:
            tape.begun, key = None, (subscription, to, demand, left)
            way = passages.get(key) or passage(key)
            write((THROUGH if what is CAME else RELAYED, since, stage, way, ids, clock(), others, None))
        to.consumer._mailbox.post((to, batch))
        if ask and window is not None and not (ending and subscription in ending):
            again = window.again
            if again is None or again.count != ask:
                again = window.again = Ask(subscription, ask)
            subscription.producer._mailbox.post(again)
        if listeners or len(facts) >= limit:
            tape.read(heard=True)
        return None

    return handle
