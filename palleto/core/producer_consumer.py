"""The machine of a producer-consumer: a consumer that emits. One rule more makes it.

It handles events only while somebody below wants some, one batch at a time; it passes on what came of the batch, and
then asks above for more. So it asks for what it can pass on, and its buffer holds only what a batch gave too much.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Any

from palleto.core.buffer import Buffer
from palleto.core.consumer import ConsumerCore
from palleto.core.dispatch import DemandDispatcher, Dispatcher
from palleto.core.messages import CANCEL, DOWN, Events, Reason, Subscription
from palleto.core.port import Port
from palleto.core.producer import Producing


class ProducerConsumerCore(ConsumerCore, Producing):
    """Both at once: `handle_events` returns the events to pass on. Its buffer has no bound by default."""

    kind = "producer-consumer"

    def __init__(self, port: Port, dispatcher: Dispatcher | None = None, buffer: Buffer | None = None) -> None:
        super().__init__(port)
        self.dispatcher = DemandDispatcher() if dispatcher is None else dispatcher
        self.buffer = Buffer(size=None) if buffer is None else buffer
        self.buffered = self.buffer.events
        self.holding = False
        self.behind = deque()
        self.on |= {CANCEL: partial(self._over, "cancel"), DOWN: partial(self._over, "down")}

    __repr__ = Producing.__repr__

    def wants(self) -> bool:
        """The rule: somebody below has asked for events, and the buffer had none left for them."""
        return self.dispatcher.demand > 0

    def may_end(self) -> bool:
        """What came of the events before has gone on, or there is nobody to take it."""
        return not (self.buffered and self.dispatcher.outstanding)

    def _sort_out(self, events: Events, error: Exception) -> list[Any]:
        """The batch that these came of is done: what cannot be sent of them is lost, and not the batch."""
        self.current = None
        return super()._sort_out(events, error)

    def _over(self, kind: str, subscription: Subscription, reason: Reason) -> None:
        """A subscription ends: one of this stage's own, or one of those to it."""
        (self.ended if subscription in self.windows else self.left)(kind, subscription, reason)

    def farewell(self, reason: Reason) -> None:
        ConsumerCore.farewell(self, reason)
        Producing.farewell(self, reason)

    def accounts(self) -> tuple[int, int, int, int]:
        """What it remembers is what is wanted: it has told nobody, and takes the next batch for it."""
        demand, buffered = self.dispatcher.demand, len(self.buffered)
        return max(0, demand - buffered), demand, buffered, self.buffer.dropped

    def in_hand(self) -> list[Any]:
        return [*Producing.in_hand(self), *ConsumerCore.in_hand(self)]
