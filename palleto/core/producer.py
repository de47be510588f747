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

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from palleto.core.buffer import Buffer
from palleto.core.dispatch import DemandDispatcher, Dispatcher
from palleto.core.machine import Core
from palleto.core.messages import ASK, CANCEL, DOWN, SUBSCRIBE, Events, Reason, Subscription
from palleto.core.port import Port
from palleto.errors import DemandError, ReturnError

FULL = "the buffer was full"
"""Why events are lost that had no room."""


class Producing(Core):
    """The producing side: a dispatcher, who is subscribed to it and what they are owed, and a buffer behind it."""

    def __init__(self, port: Port, dispatcher: Dispatcher | None = None, buffer: Buffer | None = None) -> None:
        super().__init__(port)
        self.dispatcher: Dispatcher = DemandDispatcher() if dispatcher is None else dispatcher
        self.buffer = Buffer() if buffer is None else buffer
        self.buffered = self.buffer.events
        self.remembered = 0
        """Demand that was told and has not been met, 0 or more."""
        self.holding = False
        """Whether events are kept back, in the buffer, as well as demand."""
        self.behind: deque[tuple[int, Events, Callable[[], object]]] = deque()
        """What waits behind the buffer: `(added to the buffer before it, events, what is called then)`."""
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
        dispatcher = self.dispatcher
        if subscription not in dispatcher.outstanding:
            self.send(subscription.consumer, (CANCEL, subscription, "unknown subscription"))
            return
        dispatcher.ask(subscription, count, self.send)
        if self.buffered or self.behind:
            self.flush()
        self.settle()

    def emit(self, events: Events) -> None:
        """Dispatch what is wanted, buffer the rest behind what is there already."""
        if not events:
            return
        try:
            rest = events if self.holding else self.dispatcher.dispatch(events, self.send)
        except Exception as error:
            self._buffer(self._sort_out(events, error))
            raise
        if self.remembered:
            left = self.remembered - len(events)
            self.remembered = left if left > 0 else 0
        if rest:
            self._buffer(rest)

    def _buffer(self, events: Events) -> None:
        if lost := self.buffer.add(events):
            self.port.lose(lost, FULL)

    def flush(self) -> None:
        """Serve demand from the buffer, oldest first, and then from what waits behind it."""
        if self.holding:
            return
        while self.buffered and (demand := self.dispatcher.demand) > 0:
            events: Events = self.buffer.take(demand)
            try:
                self.dispatcher.dispatch(events, self.send)
            except Exception as error:
                self._buffer(self._sort_out(events, error))
                raise
        while self.behind:
            before, events, then = self.behind[0]
            demand = self.dispatcher.demand
            if self.buffer.added - len(self.buffered) < before or (demand <= 0 if events else self.dispatcher.held):
                return
            if len(events) > demand > 0:
                self.behind[0] = before, events[demand:], then
                self.emit(events[:demand])
            else:
                self.behind.popleft()
                self.emit(events)
                then()

    def push(self, events: Events, then: Callable[[], object]) -> None:
        """Dispatch these events when there is demand, behind all that is in the buffer now; then call `then`.

        They are in nobody's buffer, and are not dropped. With no events, it is called when what is here now has gone
        on: GenStage's `async_info`.
        """
        self.behind.append((self.buffer.added, events, then))
        self.flush()

    def _emit(self, then: Callable[[], object] | None, events: Events) -> None:
        if then is None:
            self.emit(events)
        else:
            self.push(events, then)
        self.settle()

    def _sort_out(self, events: Events, error: Exception) -> list[Any]:
        """A key or selector raised over one of these events, which is a crash; but only that one is lost.

        The others are dispatched, in order; halves are tried, so that batches stay as large as they can be. Returns
        those left over, as `dispatch` does. (In GenStage a crash loses them all.)
        """
        if len(events) == 1:
            self.port.lose(events, f"the dispatcher cannot place it: {error!r}")
            return []
        half = len(events) // 2
        rest: list[Any] = []
        for part in (events[:half], events[half:]):
            try:
                rest += self.dispatcher.dispatch(part, self.send)
            except Exception as again:
                rest += self._sort_out(part, again)
        return rest

    def subscribed(self, subscription: Subscription, _: None) -> None:
        """A consumer subscribes."""
        if subscription in self.dispatcher.outstanding:
            self.send(subscription.consumer, (CANCEL, subscription, "duplicate subscription"))
            return
        self.port.call("handle_subscribe", ("consumer", subscription), partial(self._joined, subscription))

    def _joined(self, subscription: Subscription, result: Any) -> None:
        if result not in (None, "automatic"):  # how demand is asked for is its consumer's to choose, as in GenStage
            raise ReturnError(f"expected a producer's handle_subscribe to return automatic or None, got: {result!r}")
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
        events = self.given("handle_cancel", result)
        self.dispatcher.cancel(subscription)
        if kind == "cancel":
            self.send(subscription.consumer, (CANCEL, subscription, reason))
        self.flush()  # the slowest of a broadcast may be gone
        self.emit(events)

    def farewell(self, reason: Reason) -> None:
        for subscription in self.dispatcher.outstanding:
            self.send(subscription.consumer, (DOWN, subscription, reason))

    def accounts(self) -> tuple[int, int, int, int]:
        """What a rate holds back is remembered: by the stage, which tells it later."""
        remembered, wanted, buffered = self.remembered, self.dispatcher.wanted, len(self.buffered)
        if wanted != self.dispatcher.demand:
            remembered = max(remembered, wanted - buffered)
        return remembered, wanted, buffered, self.buffer.dropped

    def in_hand(self) -> list[Any]:
        waiting = [event for _, events, _ in self.behind for event in events]
        return [*self.dispatcher.held, *self.buffered, *waiting]


class ProducerCore(Producing):
    """A producer. `buffer` is GenStage's by default: 10,000 events, the oldest are dropped.

    forwarding: False keeps demand back: the dispatcher remembers it, and `handle_demand` is not called. A drain works
                this way. GenStage's `demand: :accumulate` is `forward(False)`, which keeps events back as well.
    """

    kind = "producer"

    def __init__(self, port: Port, dispatcher: Dispatcher | None = None, buffer: Buffer | None = None) -> None:
        super().__init__(port, dispatcher, buffer)
        self._given = self._demanded  # bound once, as it is used for each demand

    def forward(self, on: bool) -> None:
        """Let demand through to `handle_demand` and events to the dispatcher, or keep both back."""
        self.forwarding, self.holding = on, not on
        self.flush()
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
        if result.__class__ is list:
            self.emit(result)
        else:
            self.emit(self.given("handle_demand", result))
