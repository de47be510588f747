"""Who gets these events: the demand, broadcast and partition dispatchers.

A dispatcher knows the outstanding demand of each subscription as its producer sees it: what was asked for and
has not been sent. `demand` says how many events it could use now; `dispatch(events)` hands out as many as it
can, in order, and returns the rest, which the producer keeps in its buffer. None ever sends a subscription
more than it asked for.

>>> dispatcher = DemandDispatcher()
>>> a, b = Subscription("producer", "a"), Subscription("producer", "b")
>>> dispatcher.subscribe(a); dispatcher.subscribe(b)
>>> dispatcher.ask(a, 2) + dispatcher.ask(b, 3)
[]
>>> dispatcher.demand
5
>>> deliveries, rest = dispatcher.dispatch([1, 2, 3, 4, 5, 6])
>>> [(s.consumer, events) for s, events in deliveries], rest
([('b', [1, 2, 3]), ('a', [4, 5])], [6])
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import Any
from zlib import crc32

from palleto.core.demand import whole
from palleto.core.messages import Subscription
from palleto.errors import DemandError

Delivery = tuple[Subscription, Sequence[Any]]


class Dispatcher(ABC):
    """What every dispatcher does. `outstanding` maps each subscription to what it asked for and was not sent."""

    sole: Subscription | None = None
    """The only one that is owed anything, where the dispatcher knows that: if `demand` is above 0, it is owed all."""

    def __init__(self) -> None:
        self.outstanding: dict[Subscription, int] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {len(self.outstanding)} subscriptions, demand {self.demand}>"

    @property
    @abstractmethod
    def demand(self) -> int:
        """How many more events could be dispatched now; a producer is asked for these."""

    def subscribe(self, subscription: Subscription) -> None:
        """Begin a subscription with a demand of 0. Raises DemandError where its terms do not fit."""
        self.outstanding[subscription] = 0

    def cancel(self, subscription: Subscription) -> None:
        """End a subscription; what it was still owed is forgotten."""
        del self.outstanding[subscription]

    @abstractmethod
    def ask(self, subscription: Subscription, count: int) -> list[Delivery]:
        """Add `count` to what the subscription is owed. Returns what was kept for it and can go now."""

    @abstractmethod
    def dispatch(self, events: Sequence[Any]) -> tuple[list[Delivery], Sequence[Any]]:
        """Hand out events in order, as far as demand allows: the deliveries, and the events left over."""

    @property
    def held(self) -> list[Any]:
        """Events that the dispatcher keeps for a subscription that has not asked for them yet."""
        return []


class DemandDispatcher(Dispatcher):
    """Events go to the subscription with the most outstanding demand; GenStage's default.

    Ties go to the one that has waited longest: one that asked or was served goes behind its equals. Each ask and each
    delivery costs O(log n) of the number of subscriptions: a heap in which an outdated entry is skipped when met. Where
    only one of them is owed anything, as with a producer that keeps up, it needs no heap, and costs the same for any n.
    """

    demand: int = 0  # the sum of all outstanding demand

    def __init__(self) -> None:
        super().__init__()
        # `sole` has no entry in the heap.
        self.heap: list[tuple[int, int, Subscription]] = []  # (-outstanding, turn, subscription)
        self._turn: dict[Subscription, int] = {}  # the entry that counts; others are outdated
        self._turns = 0

    def cancel(self, subscription: Subscription) -> None:
        self.demand -= self.outstanding[subscription]
        self._turn.pop(subscription, None)
        if self.sole is subscription:
            self.sole = None
        super().cancel(subscription)

    def ask(self, subscription: Subscription, count: int) -> list[Delivery]:
        before = self.outstanding[subscription]
        self.outstanding[subscription] = before + count
        if self.demand == before:
            self.sole = subscription
            if self.heap:  # all outdated
                self.heap.clear()
                self._turn.clear()
        else:
            if self.sole is not None:
                self._queue(self.sole)
                self.sole = None
            self._queue(subscription)
        self.demand += count
        return []

    def _queue(self, subscription: Subscription) -> None:
        """Put a subscription that is owed something behind its equals."""
        self._turns += 1
        self._turn[subscription] = self._turns
        heappush(self.heap, (-self.outstanding[subscription], self._turns, subscription))
        if len(self.heap) > 64 + 4 * len(self.outstanding):  # mostly outdated entries: a long wait, many asks
            self.heap[:] = [entry for entry in self.heap if self._turn.get(entry[2]) == entry[1]]
            heapify(self.heap)

    def dispatch(self, events: Sequence[Any]) -> tuple[list[Delivery], Sequence[Any]]:
        if self.sole is not None:
            return self._dispatch_to_sole(self.sole, events)
        deliveries: list[Delivery] = []
        while events and self.heap:
            owed, turn, subscription = heappop(self.heap)
            if self._turn.get(subscription) != turn:
                continue
            share, events = events[:-owed], events[-owed:]
            deliveries.append((subscription, share))
            self.demand -= len(share)
            left = self.outstanding[subscription] = -owed - len(share)
            if left:
                self._queue(subscription)
            else:
                del self._turn[subscription]
        return deliveries, events

    def _dispatch_to_sole(self, sole: Subscription, events: Sequence[Any]) -> tuple[list[Delivery], Sequence[Any]]:
        share, rest = events[: self.demand], events[self.demand :]
        self.demand -= len(share)
        self.outstanding[sole] = self.demand
        return [(sole, share)] if share else [], rest


class BroadcastDispatcher(Dispatcher):
    """Every event goes to every subscription, as fast as the slowest asks; a `selector` may pass some over.

    An event that a subscription's selector passes over is not sent to it and uses up none of its demand.
    """

    @property
    def demand(self) -> int:
        """The smallest outstanding demand; 0 without subscriptions."""
        return min(self.outstanding.values(), default=0)

    def ask(self, subscription: Subscription, count: int) -> list[Delivery]:
        self.outstanding[subscription] += count
        return []

    def dispatch(self, events: Sequence[Any]) -> tuple[list[Delivery], Sequence[Any]]:
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
        return [(subscription, selected) for subscription, selected in shares.items() if selected], events


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
        self._total = 0

    @property
    def demand(self) -> int:
        """All outstanding demand less the events held back for partitions that have not asked."""
        return self._total

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
        self._total -= self.outstanding[subscription]
        del self._taken[subscription.terms.partition]
        super().cancel(subscription)

    def ask(self, subscription: Subscription, count: int) -> list[Delivery]:
        self.outstanding[subscription] += count
        self._total += count
        return self._release(subscription.terms.partition)

    def dispatch(self, events: Sequence[Any]) -> tuple[list[Delivery], Sequence[Any]]:
        room = max(0, self.demand)
        share, rest = events[:room], events[room:]
        partitions = [self._partition(event) for event in share]
        for partition, event in zip(partitions, share, strict=True):
            self._held[partition].append(event)
        self._total -= len(share)
        return [delivery for name in dict.fromkeys(partitions) for delivery in self._release(name)], rest

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

    def _release(self, partition: Hashable) -> list[Delivery]:
        subscription, held = self._taken.get(partition), self._held[partition]
        if subscription is None or not held:
            return []
        share = [held.popleft() for _ in range(min(len(held), self.outstanding[subscription]))]
        self.outstanding[subscription] -= len(share)
        return [(subscription, share)] if share else []
