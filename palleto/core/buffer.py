"""What nobody has asked for yet: bounded, keeps the first or the last, and hands back what it had to give up.

>>> buffer = Buffer(size=3, keep="last")
>>> buffer.add([1, 2, 3, 4])
[1]
>>> buffer.take(2), buffer
([2, 3], <Buffer 1 of 3, 1 dropped>)

GenStage's sizes: 10,000 events for a producer (it drops the oldest), no bound for a producer-consumer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Any, Literal

from palleto.core.demand import whole
from palleto.errors import DemandError

Keep = Literal["first", "last"]
"""What a full buffer keeps: the events that came first, or those that came last."""


class Buffer:
    """A queue of at most `size` events (None: no bound) that drops the oldest (`keep="last"`) or the newest.

    Raises DemandError for a negative size or another word.
    """

    __slots__ = ("_keep", "_size", "added", "dropped", "events")

    def __init__(self, size: int | None = 10_000, keep: Keep = "last") -> None:
        self._size = None if size is None else whole("buffer_size", size, 0)
        if keep not in ("first", "last"):
            raise DemandError(f"expected buffer_keep to be first or last, got: {keep!r}")
        self._keep = keep
        self.events: deque[Any] = deque()
        self.added = 0  # also those that have left it since
        self.dropped = 0

    def __len__(self) -> int:
        return len(self.events)

    def __repr__(self) -> str:
        size = "any number" if self._size is None else self._size
        return f"<Buffer {len(self)} of {size}, {self.dropped} dropped>"

    def add(self, events: Sequence[Any]) -> list[Any]:
        """Put `events` at the end; what had no room is counted in `dropped` and returned."""
        excess = 0 if self._size is None else max(0, len(self.events) + len(events) - self._size)
        self.added += len(events)
        if not excess:
            self.events.extend(events)
            return []
        if self._keep == "first":
            room = len(events) - excess
            lost = list(events[room:])
            self.added -= excess
            self.events.extend(events[:room])
        else:
            self.events.extend(events)
            lost = [self.events.popleft() for _ in range(excess)]
        self.dropped += excess
        return lost

    def take(self, count: int) -> list[Any]:
        """The oldest `count` events, or fewer if there are fewer; they are gone from the buffer."""
        if count >= len(self.events):
            taken = list(self.events)
            self.events.clear()
            return taken
        return [self.events.popleft() for _ in range(count)]

    def peek(self, count: int) -> list[Any]:
        """The oldest `count` events, left where they are."""
        return list(islice(self.events, count))
