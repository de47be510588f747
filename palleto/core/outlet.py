"""The producing side of a stage: who subscribed, what they are owed, what waits in the buffer, what is remembered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from palleto.core.buffer import Buffer
from palleto.core.demand import whole
from palleto.core.dispatch import DemandDispatcher, Dispatcher
from palleto.core.messages import Ask, Cancel, Down, Drop, Effect, Events, Reason, Send, Subscription
from palleto.errors import DemandError


class Ledger(NamedTuple):
    """A stage's accounts at one moment, in events.

    The law: `0 <= remembered - max(0, demand - buffered) <= the demand of cancelled subscriptions`, for a producer
    that forwards its demand. Without cancellations remembered demand is exactly what is wanted and not there.
    """

    remembered: int = 0
    demand: int = 0
    buffered: int = 0
    dropped: int = 0


class Outlet:
    """A dispatcher and a buffer behind it; `remembered` is demand that was told and has not been met, 0 or more."""

    def __init__(self, dispatcher: Dispatcher | None, buffer: Buffer) -> None:
        self.dispatcher = DemandDispatcher() if dispatcher is None else dispatcher
        self.buffer = buffer
        self.remembered = 0

    def subscribed(self, subscription: Subscription) -> list[Effect]:
        """Take a subscription in, or cancel it if its terms do not fit the dispatcher."""
        try:
            self.dispatcher.subscribe(subscription)
        except DemandError as error:  # the terms do not fit this dispatcher: the consumer's fault, so it hears of it
            return [Send(subscription.consumer, Cancel(subscription, error))]
        return []

    def ask(self, message: Ask) -> list[Effect]:
        """Add to what a subscription is owed; send what was held for it."""
        subscription = message.subscription
        if subscription not in self.dispatcher.outstanding:
            return [Send(subscription.consumer, Cancel(subscription, "unknown subscription"))]
        count = whole("the events asked for", message.count, 1)
        return [Send(to.consumer, Events(to, events)) for to, events in self.dispatcher.ask(subscription, count)]

    def emit(self, events: Sequence[Any]) -> list[Effect]:
        """Dispatch what is wanted, buffer the rest behind what is there already."""
        effects: list[Effect] = []
        rest = events if self.buffer else self._dispatch(events, effects)
        self.remembered = max(0, self.remembered - len(events))
        lost = self.buffer.add(rest)
        if lost:
            effects.append(Drop(lost))
        return effects

    def flush(self) -> list[Effect]:
        """Serve demand from the buffer, oldest first."""
        effects: list[Effect] = []
        while self.buffer and (demand := self.dispatcher.demand) > 0:
            events = self.buffer.peek(demand)
            rest = self._dispatch(events, effects)
            self.buffer.take(len(events) - len(rest))
            if rest:
                break
        return effects

    def _dispatch(self, events: Sequence[Any], effects: list[Effect]) -> Sequence[Any]:
        deliveries, rest = self.dispatcher.dispatch(events)
        effects += [Send(to.consumer, Events(to, share)) for to, share in deliveries]
        return rest

    @property
    def wanted(self) -> int:
        """Events that somebody below has asked for and that are not in the buffer."""
        return self.dispatcher.demand - len(self.buffer)

    def farewell(self, reason: Reason) -> list[Effect]:
        """Tell every consumer that this stage is gone."""
        return [Send(to.consumer, Down(to, reason)) for to in self.dispatcher.outstanding]

    def ledger(self, remembered: int) -> Ledger:
        """The accounts of this moment, with what the stage remembers."""
        return Ledger(remembered, self.dispatcher.demand, len(self.buffer), self.buffer.dropped)
