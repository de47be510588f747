"""The producing side of a stage, and the machine of a producer. One rule makes it: a producer remembers demand.

`remembered` is what it has told `handle_demand` and has not emitted since. After every message, if

    demand of the dispatcher - events in the buffer - remembered

is above 0, `handle_demand` hears of that many and they are remembered. So demand is told once, what the buffer can
serve is not told at all, and the demand of a consumer that went away is used for the next one that asks. As demand is
served from the buffer at once, the buffer is empty wherever any is left: so the code need not subtract it.

>>> from palleto.core import ListPort, Terms
>>> port = ListPort()
>>> producer = ProducerCore(port)
>>> subscription = Subscription("producer", "consumer", Terms(max_demand=10, min_demand=0))
>>> producer.receive((SUBSCRIBE, subscription, None)); port.returns(producer)
>>> _ = port.read()
>>> producer.receive((ASK, subscription, 10)); port.read()
[('call', 'handle_demand', 10)]
>>> port.returns(producer, ["hey", "hey"]); port.read()
[('send', 'consumer', ('events', <Subscription 0: consumer to producer>, ['hey', 'hey']))]
>>> producer
<ProducerCore remembers 8, 8 outstanding, 0 buffered>
"""

from __future__ import annotations

from functools import partial
from typing import Any

from palleto.core.buffer import Buffer
from palleto.core.dispatch import DemandDispatcher, Dispatcher
from palleto.core.machine import Core, events_of
from palleto.core.messages import ASK, CANCEL, DOWN, SUBSCRIBE, Events, Reason, Subscription
from palleto.core.port import Port
from palleto.errors import DemandError


class Producing(Core):
    """The producing side: a dispatcher, who is subscribed to it and what they are owed, and a buffer behind it."""

    def __init__(self, port: Port, dispatcher: Dispatcher | None = None, buffer: Buffer | None = None) -> None:
        super().__init__(port)
        self.dispatcher: Dispatcher = DemandDispatcher() if dispatcher is None else dispatcher
        self.buffer = Buffer() if buffer is None else buffer
        self.buffered = self.buffer.events
        self.remembered = 0
        """Demand that was told and has not been met, 0 or more."""
        self.on |= {
            SUBSCRIBE: self.subscribed,
            ASK: self.asked,
            CANCEL: partial(self.left, "cancel"),
            DOWN: partial(self.left, "down"),
        }

    def __repr__(self) -> str:
        ledger = self.ledger()
        return (
            f"<{type(self).__name__} remembers {ledger.remembered}, {ledger.demand} outstanding, "
            f"{ledger.buffered} buffered>"
        )

    def asked(self, subscription: Subscription, count: int) -> None:
        """Demand comes up: add it to what the subscription is owed, and serve it from the buffer."""
        if subscription not in self.dispatcher.outstanding:
            self.send(subscription.consumer, (CANCEL, subscription, "unknown subscription"))
            return
        self.dispatcher.ask(subscription, count, self.send)
        if self.buffered:
            self.flush()
        self.settle()

    def emit(self, events: Events) -> None:
        """Dispatch what is wanted, buffer the rest behind what is there already."""
        if not events:
            return
        rest = self.dispatcher.dispatch(events, self.send)
        left = self.remembered - len(events)
        self.remembered = left if left > 0 else 0
        if rest and (lost := self.buffer.add(rest)):
            self.port.lose(lost, "the buffer was full")

    def flush(self) -> None:
        """Serve demand from the buffer, oldest first."""
        while self.buffered and (demand := self.dispatcher.demand) > 0:
            self.dispatcher.dispatch(self.buffer.peek(demand), self.send)  # if it raises, they are still in the buffer
            self.buffer.take(demand)

    def subscribed(self, subscription: Subscription, _: None) -> None:
        """A consumer subscribes."""
        if subscription in self.dispatcher.outstanding:
            self.send(subscription.consumer, (CANCEL, subscription, "duplicate subscription"))
            return
        self.port.call("handle_subscribe", ("consumer", subscription), partial(self._joined, subscription))

    def _joined(self, subscription: Subscription, result: Any) -> None:
        try:
            self.dispatcher.subscribe(subscription)
        except DemandError as error:  # the terms do not fit this dispatcher: the consumer's fault, so it hears of it
            self.send(subscription.consumer, (CANCEL, subscription, error))

    def left(self, kind: str, subscription: Subscription, reason: Reason) -> None:
        """A consumer goes away: it says so (`kind` is "cancel"), or it has ended ("down")."""
        if subscription in self.dispatcher.outstanding:
            self.port.call(
                "handle_cancel", ((kind, reason), subscription), partial(self._gone, kind, subscription, reason)
            )
            self.settle()

    def _gone(self, kind: str, subscription: Subscription, reason: Reason, result: Any) -> None:
        events = events_of("handle_cancel", result)
        self.dispatcher.cancel(subscription)
        if kind == "cancel":
            self.send(subscription.consumer, (CANCEL, subscription, reason))
        self.flush()  # the slowest of a broadcast may be gone
        self.emit(events)

    def farewell(self, reason: Reason) -> None:
        for subscription in self.dispatcher.outstanding:
            self.send(subscription.consumer, (DOWN, subscription, reason))

    def accounts(self) -> tuple[int, int, int, int]:
        return self.remembered, self.dispatcher.demand, len(self.buffered), self.buffer.dropped

    def in_hand(self) -> list[Any]:
        return [*self.dispatcher.held, *self.buffered]


class ProducerCore(Producing):
    """A producer. `buffer` is GenStage's by default: 10,000 events, the oldest are dropped.

    forwarding: False keeps demand back (GenStage's `demand: :accumulate`): it is remembered by the dispatcher and
                `handle_demand` is not called until `forward(True)`. A drain works this way.
    """

    kind = "producer"

    def __init__(self, port: Port, dispatcher: Dispatcher | None = None, buffer: Buffer | None = None) -> None:
        super().__init__(port, dispatcher, buffer)
        self._given = self._demanded  # bound once, as it is used for each demand

    def forward(self, on: bool) -> None:
        """Let demand through to `handle_demand`, or keep it back."""
        self.forwarding = on
        self.settle()

    def settle(self) -> None:
        """The rule: tell what is wanted beyond what is remembered already."""
        while self.forwarding:
            untold = self.dispatcher.demand - self.remembered
            if untold <= 0:
                return
            self.remembered += untold
            self.port.call("handle_demand", untold, self._given)

    def _demanded(self, result: Any) -> None:
        self.emit(result if result.__class__ is list else events_of("handle_demand", result))
