"""The window of one subscription, as its consumer keeps it: what may still come, and when to ask again.

1. A consumer asks once for `max_demand` when it subscribes.
2. Events are handled in batches of at most `max_demand - min_demand`.
3. Only after a batch was handled may the consumer ask again, and only once what is still to come has fallen to
   `min_demand` or below; then it asks for as many as bring it back to `max_demand`.

With 0/10 and two events at a time, five batches are handled before the next ask, which is for ten:

>>> window = Window(Terms(max_demand=10, min_demand=0))
>>> window.open()
10
>>> [window.received(2) for _ in range(5)]
[0, 0, 0, 0, 10]

With 500/1000, GenStage's own default, a thousand events are two batches, and the second half is asked for while
the first is still to come:

>>> window = Window(Terms())
>>> _ = window.open()
>>> [(len(batch), window.received(len(batch))) for batch in window.batches(range(1000))]
[(500, 500), (500, 500)]

The rule is GenStage's (`split_batches` in gen_stage.ex).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from palleto.errors import DemandError

CancelMode = Literal["permanent", "transient", "temporary"]
"""What the end of a subscription means to its consumer: see `Terms`."""


def whole(name: str, value: object, least: int) -> int:
    """`value`, if it is a whole number of `least` or more; else DemandError, in GenStage's words."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise DemandError(f"expected {name} to be a whole number of {least} or more, got: {value!r}")
    return value


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What a consumer subscribes on. Raises DemandError where the numbers do not fit together.

    max_demand: the most events that may be on their way, 1 or more; 1000 by default.
    min_demand: ask again at this many or fewer, from 0 to `max_demand - 1`; half of `max_demand` by default.
    cancel:     what the end of the subscription means to the consumer. `"permanent"`: it stops too (the default);
                `"transient"`: it stops if the producer crashed; `"temporary"`: it goes on without.
    manual:     True: never ask by itself; the consumer calls `ask`.
    partition:  which partition of a PartitionDispatcher; None elsewhere.
    selector:   which events of a BroadcastDispatcher (a function of the event to a truth value); None: all.
    """

    max_demand: int = 1000
    min_demand: int | None = None
    cancel: CancelMode = "permanent"
    manual: bool = False
    partition: Hashable = None
    selector: Callable[[Any], object] | None = None

    def __post_init__(self) -> None:
        most = whole("max_demand", self.max_demand, 1)
        if self.min_demand is not None and whole("min_demand", self.min_demand, 0) >= most:
            raise DemandError(f"expected min_demand to be below max_demand={most}, got: {self.min_demand}")
        if self.cancel not in ("permanent", "transient", "temporary"):
            raise DemandError(f"expected cancel to be permanent, transient or temporary, got: {self.cancel!r}")

    @property
    def least(self) -> int:
        """`min_demand`, or half of `max_demand` where none was given."""
        return self.max_demand // 2 if self.min_demand is None else self.min_demand


class Window:
    """The demand of one subscription: `outstanding` is what was asked for and has not come."""

    __slots__ = ("closing", "least", "manual", "most", "outstanding", "span")

    def __init__(self, terms: Terms) -> None:
        self.most = terms.max_demand
        self.least = terms.least
        self.span = self.most - self.least
        self.manual = terms.manual
        self.outstanding = 0
        self.closing = False  # its subscription has ended, but events that came before that wait to be handled

    def __repr__(self) -> str:
        return f"<Window {self.least}/{self.most}: {self.outstanding} outstanding>"

    def open(self) -> int:
        """How many to ask for at the start: `max_demand`, or 0 if demand is manual."""
        return 0 if self.manual else self.ask(self.most)

    def ask(self, count: int) -> int:
        """Count `count` (1 or more) as asked for. Raises DemandError for less."""
        self.outstanding += whole("the events asked for", count, 1)
        return count

    def resize(self, terms: Terms) -> int:
        """Take the numbers of other terms from now on. Returns how many (0: none) to ask for at once.

        A smaller window takes back nothing that was asked for: it asks again when enough has come.
        """
        self.most, self.least, self.span = terms.max_demand, terms.least, terms.max_demand - terms.least
        if self.manual or self.outstanding > self.least:
            return 0
        return self.ask(self.most - self.outstanding)

    def batches(self, events: Sequence[Any]) -> list[Sequence[Any]]:
        """Split what came into batches of `max_demand - min_demand`, or a smaller last one. Manual: one batch."""
        if self.manual or len(events) <= self.span:
            return [events]
        return [events[start : start + self.span] for start in range(0, len(events), self.span)]

    def received(self, count: int) -> int:
        """Count a batch as come. Returns how many (0: none) to ask for once it has been handled.

        They are counted as asked for at once, so the caller must ask for them.
        """
        left = self.outstanding - count
        if left > self.least or self.manual:
            self.outstanding = left
            return 0
        self.outstanding = self.most
        return self.most - left
