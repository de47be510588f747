"""Who gets these events: the demand, broadcast and partition dispatchers.

A dispatcher knows the outstanding demand of each subscription as its producer sees it: what was asked for and
has not been sent. `demand` says how many events it could use now; `dispatch(events, send)` sends out as many as it
can, in order, and returns the rest, which the producer keeps in its buffer. None ever sends a subscription
more than it asked for.

>>> dispatcher = DemandDispatcher()
>>> a, b = Subscription("producer", "a"), Subscription("producer", "b")
>>> dispatcher.subscribe(a); dispatcher.subscribe(b)
>>> dispatcher.ask(a, 2, print); dispatcher.ask(b, 3, print)
>>> dispatcher.demand
5
>>> dispatcher.dispatch([1, 2, 3, 4, 5, 6], print)
b ('events', <Subscription 0: b to producer>, [1, 2, 3])
a ('events', <Subscription 0: a to producer>, [4, 5])
[6]
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeAlias
from zlib import crc32

from palleto.core.demand import whole
from palleto.core.messages import EVENTS, Address, Events, Message, Subscription
from palleto.errors import DemandError

Send: TypeAlias = Callable[[Address, Message], None]
"""The port's `send`."""


class Dispatcher(ABC):
    """What every dispatcher does.

    outstanding: what each subscription asked for and was not sent.
    demand:      how many more events could be dispatched now; a producer is asked for these.
    """

    def __init__(self) -> None:
        self.outstanding: dict[Subscription, int] = {}
        self.demand = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {len(self.outstanding)} subscriptions, demand {self.demand}>"

    def subscribe(self, subscription: Subscription) -> None:
        """Begin a subscription with a demand of 0. Raises DemandError where its terms do not fit."""
        self.outstanding[subscription] = 0

    def cancel(self, subscription: Subscription) -> None:
        """End a subscription; what it was still owed is forgotten."""
        del self.outstanding[subscription]

    @abstractmethod
    def ask(self, subscription: Subscription, count: int, send: Send) -> None:
        """Add `count` to what the subscription is owed. Sends what was kept for it and can go now."""

    @abstractmethod
    def dispatch(self, events: Events, send: Send) -> Events:
        """Send out events in order, as far as demand allows: of so many as `demand` says, all. Returns those left over.

        Each subscription is sent a list of its own. Where this raises (a key or selector does), nothing was sent and
        nothing has changed: the producer then finds out over which event, gives that one up, and sends the others.
        """

    @property
    def wanted(self) -> int:
        """What `demand` would be without a rate, which holds a part of it back."""
        return self.demand

    @property
    def held(self) -> list[Any]:
        """Events that the dispatcher keeps for a subscription that has not asked for them yet."""
        return []


class DemandDispatcher(Dispatcher):
    """Events go to the subscription with the most outstanding demand; GenStage's default.

    Ties go to the one that has waited longest: one that asked or was served goes behind its equals. Those that are owed
    something stand sorted, so each ask and each delivery costs O(log n) of their number; where only one is owed
    anything, as with a producer that keeps up, it needs no place among others.
    """

    def __init__(self) -> None:
        super().__init__()
        self._alone: Subscription | None = None  # while it is the only one that is owed anything; None: see the queue
        # (outstanding, -turn, subscription): the last is served next. Turns count up, so no two are equal.
        self._queue: list[tuple[int, int, Subscription]] = []
        self._entries: dict[Subscription, tuple[int, int, Subscription]] = {}
        self._turn = 0

    def _enter(self, subscription: Subscription) -> None:
        """Put a subscription that is owed something behind its equals."""
        self._turn -= 1
        entry = self._entries[subscription] = self.outstanding[subscription], self._turn, subscription
        insort(self._queue, entry)

    def _leave(self, subscription: Subscription) -> None:
        """Take out a subscription that is owed something."""
        if subscription is not self._alone:
            del self._queue[bisect_left(self._queue, self._entries.pop(subscription))]

    def cancel(self, subscription: Subscription) -> None:
        owed = self.outstanding[subscription]
        if owed:
            self._leave(subscription)
            self.demand -= owed
        super().cancel(subscription)

    def ask(self, subscription: Subscription, count: int, send: Send) -> None:
        before = self.outstanding[subscription]
        if before:
            self._leave(subscription)
        self.outstanding[subscription] = before + count
        if before == self.demand:
            self._alone = subscription
        else:
            if self._alone is not None:
                self._enter(self._alone)
                self._alone = None
            self._enter(subscription)
        self.demand += count

    def dispatch(self, events: Events, send: Send) -> Events:
        while events and self.demand:
            subscription = self._alone
            if subscription is None:
                subscription = self._queue.pop()[2]
                del self._entries[subscription]
            owed = self.outstanding[subscription]
            share = events[:owed]
            count = len(share)
            self.demand -= count
            self.outstanding[subscription] = left = owed - count
            if left and self._alone is None:
                self._enter(subscription)
            send(subscription.consumer, (EVENTS, subscription, share))
            if count == len(events):
                return ()
            events = events[count:]
        return events


class BroadcastDispatcher(Dispatcher):
    """Every event goes to every subscription, as fast as the slowest asks; a `selector` may pass some over.

    An event that a subscription's selector passes over is not sent to it and uses up none of its demand. A consumer has
    one subscription at most, or it would get each event twice: DemandError for another, as in GenStage.
    """

    def subscribe(self, subscription: Subscription) -> None:
        if any(other.consumer == subscription.consumer for other in self.outstanding):
            raise DemandError(f"expected one subscription to a broadcast, but {subscription.consumer} has one already")
        super().subscribe(subscription)
        self._count()

    def cancel(self, subscription: Subscription) -> None:
        super().cancel(subscription)
        self._count()

    def ask(self, subscription: Subscription, count: int, send: Send) -> None:
        self.outstanding[subscription] += count
        self._count()

    def _count(self) -> None:
        """The demand of all is the smallest; 0 without subscriptions."""
        self.demand = min(self.outstanding.values(), default=0)

    def dispatch(self, events: Events, send: Send) -> Events:
        left = dict(self.outstanding)
        shares: dict[Subscription, list[Any]] = {subscription: [] for subscription in left}
        while events and (count := min(left.values(), default=0)) > 0:  # again for what all selectors passed over
            share, events = events[:count], events[count:]
            for subscription, selected in shares.items():
                selector = subscription.terms.selector
                chosen = share if selector is None else [event for event in share if selector(event)]
                left[subscription] -= len(chosen)
                selected += chosen
        self.outstanding.update(left)  # only now: a selector may have raised
        self._count()
        for subscription, selected in shares.items():
            if selected:
                send(subscription.consumer, (EVENTS, subscription, selected))
        return events


def by_text(partitions: Sequence[Hashable]) -> Callable[[Any], Hashable]:
    """The partition of an event by the CRC-32 of its repr: the same in every process, unlike `hash`."""
    return lambda event: partitions[crc32(repr(event).encode()) % len(partitions)]


class PartitionDispatcher(Dispatcher):
    """Each event goes to the one partition that `key` names; each partition has at most one subscription.

    partitions: how many (named 0, 1, ...), or their names.
    key:        a function of an event to the name of its partition; by default a hash of the event's repr.

    Events for a partition that has not asked for them are held for it, also while it has no subscription (GenStage
    throws those away). They count against demand: a partition that has fallen behind slows the others down.
    Raises DemandError for no partitions, an unknown or a taken one, and from `dispatch` for a key of no partition.
    """

    def __init__(self, partitions: int | Iterable[Hashable], key: Callable[[Any], Hashable] | None = None) -> None:
        super().__init__()
        names = list(range(partitions)) if isinstance(partitions, int) else list(partitions)
        whole("the number of partitions", len(names), 1)
        self._held: dict[Hashable, deque[Any]] = {name: deque() for name in names}
        self._taken: dict[Hashable, Subscription] = {}
        self._key = by_text(names) if key is None else key

    @property
    def held(self) -> list[Any]:
        """Events held for partitions that have not asked for them, partition by partition."""
        return [event for events in self._held.values() for event in events]

    def subscribe(self, subscription: Subscription) -> None:
        partition = subscription.terms.partition
        if not self._known(partition):
            raise DemandError(f"expected partition to be one of {list(self._held)}, got: {partition!r}")
        if partition in self._taken:
            raise DemandError(f"the partition {partition!r} is already taken by {self._taken[partition].consumer}")
        self._taken[partition] = subscription
        super().subscribe(subscription)

    def cancel(self, subscription: Subscription) -> None:
        self.demand -= self.outstanding[subscription]
        del self._taken[subscription.terms.partition]
        super().cancel(subscription)

    def ask(self, subscription: Subscription, count: int, send: Send) -> None:
        self.outstanding[subscription] += count
        self.demand += count
        self._release(subscription.terms.partition, send)

    def dispatch(self, events: Events, send: Send) -> Events:
        room = max(0, self.demand)
        share, rest = events[:room], events[room:]
        partitions = [self._partition(event) for event in share]
        for partition, event in zip(partitions, share, strict=True):
            self._held[partition].append(event)
        self.demand -= len(share)
        for name in dict.fromkeys(partitions):
            self._release(name, send)
        return rest

    def _partition(self, event: Any) -> Hashable:
        partition = self._key(event)
        if not self._known(partition):
            raise DemandError(
                f"expected the partition of {event!r} to be one of {list(self._held)}, got: {partition!r}"
            )
        return partition

    def _known(self, partition: Any) -> bool:
        try:
            return partition in self._held
        except TypeError:  # unhashable
            return False

    def _release(self, partition: Hashable, send: Send) -> None:
        """Send what is held for a partition, as far as it has asked."""
        subscription, held = self._taken.get(partition), self._held[partition]
        if subscription is None:
            return
        share = [held.popleft() for _ in range(min(len(held), self.outstanding[subscription]))]
        self.outstanding[subscription] -= len(share)
        if share:
            send(subscription.consumer, (EVENTS, subscription, share))
