"""A producer-consumer that hands on batches: lists of events, by size or by time.

async with running(Supervisor([child(Rows), child(Batcher, "Rows", name="Batches", batch_size=500), child(Inserts)])):
    ...

class Inserts(Consumer[list[Row]]):
    def init(self): self.subscribe("Batches", max_demand=1)
    def handle_events(self, batches): ...
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Any, Generic

from palleto.core import Reason, Subscription, whole
from palleto.errors import SettingError
from palleto.runtime.kinds import In, ProducerConsumer
from palleto.runtime.process import describe
from palleto.runtime.stage import Stage
from palleto.runtime.timers import Timer


class Batch(Generic[In]):
    """A batch that is not full yet, and the message that its time is over."""

    __slots__ = ("events", "key", "timer")

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.events: list[In] = []
        self.timer: Timer | None = None

    def __repr__(self) -> str:
        key = "" if self.key is None else f" of {self.key!r}"
        return f"<Batch{key}: {len(self.events)} events>"


class Batcher(ProducerConsumer[In, list[In]]):
    """Broadway's batcher: takes events of `to`, and hands on lists of them, in their order.

    to:            the stage that it subscribes to in its `init`, by name or itself. It asks for `batch_size` events,
                   and again when half of them are handled, as in Broadway. A subclass's `init` may subscribe otherwise.
    batch_size:    events in a full batch, 1 or more; 100 by default.
    batch_timeout: seconds, above 0, from a batch's first event on until it is handed on as it is; 1 by default.
                   None: it waits until it is full. Nothing is timed while there is no event.
    key:           a function of an event: only events of an equal key come into the same batch; None: all of them do.

    To a stage below, a batch is one event: `max_demand=1` is one batch at a time. While nobody below wants a batch, no
    more events are taken; of those that came before, a batch of each key may then wait in the buffer. A drain
    (`handle_drain`) and the end of a subscription to a producer flush what is not full. What it holds when it crashes
    or is stopped is lost, and told so.
    Raises DemandError and SettingError for broken settings. A subclass's `handle_cast` hands a Batch on to this one's.
    """

    shown = ("held",)

    def __init__(
        self,
        to: str | Stage,
        *,
        batch_size: int = 100,
        batch_timeout: float | None = 1.0,
        key: Callable[[In], Hashable] | None = None,
        name: str | None = None,
    ) -> None:
        self.to, self.key = to, key
        self.batch_size = whole("batch_size", batch_size, 1)
        if batch_timeout is not None and (
            isinstance(batch_timeout, bool)
            or not isinstance(batch_timeout, int | float)
            or not 0 < batch_timeout < math.inf
        ):
            raise SettingError(
                f"expected batch_timeout to be a number of seconds above 0 or None, got: {batch_timeout!r:.60}"
            )
        if key is not None and not callable(key):
            raise SettingError(f"expected key to be a function of an event or None, got: {key!r:.60}")
        self.batch_timeout = batch_timeout
        if name is not None:
            self.name = name
        self._batches: dict[Hashable, Batch[In]] = {}

    def init(self) -> None:
        self.subscribe(self.to, max_demand=self.batch_size)

    @property
    def held(self) -> int:
        """How many events are in batches that are not full."""
        return sum(len(batch.events) for batch in self._batches.values())

    def handle_events(self, events: list[In]) -> list[list[In]]:
        # All keys first: where one cannot be made, no event of these is in a batch yet, and each is told as lost once.
        keys = [None if self.key is None else self.key(event) for event in events]
        for key in keys:
            hash(key)
        return [full for key, event in zip(keys, events, strict=True) if (full := self._add(key, event))]

    def _add(self, key: Hashable, event: In) -> list[In] | None:
        """Put an event into the batch of its key. Returns the batch if it is full now."""
        batch = self._batches.get(key)
        if batch is None:
            batch = self._batches[key] = Batch(key)
            if self.batch_timeout is not None and self.batch_size > 1:
                batch.timer = self.after(self.batch_timeout, batch)
        batch.events.append(event)
        return self._close(batch) if len(batch.events) >= self.batch_size else None

    def _close(self, batch: Batch[In]) -> list[In]:
        del self._batches[batch.key]
        if batch.timer is not None:
            batch.timer.cancel()
        return batch.events

    def _flush(self) -> list[list[In]]:
        return [self._close(batch) for batch in list(self._batches.values())]

    def handle_cast(self, message: Any) -> Any:
        if not isinstance(message, Batch):
            return super().handle_cast(message)
        # It may have filled up when its time was over and this message was on its way.
        return [self._close(message)] if self._batches.get(message.key) is message else None

    def handle_drain(self) -> list[list[In]]:
        """Hand on what is not full: nothing comes any more."""
        return self._flush()

    def handle_cancel(self, reason: tuple[str, Reason], subscription: Subscription) -> list[list[In]]:
        return self._flush() if subscription.consumer is self else []

    def terminate(self, reason: Reason) -> None:
        lost = [event for batch in self._flush() for event in batch]
        self.system.lose(self, lost, f"they were in batches that were not full: {describe(reason)}")
