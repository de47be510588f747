"""The three machines: a producer, a consumer, and a producer-consumer, as plain objects. Four rules make them.

1. **A producer remembers demand.** `remembered` is what it has told `handle_demand` and has not emitted since. After
   every message it settles: first its buffer goes to whoever has asked, then, if

       demand of the dispatcher - events in the buffer - remembered

   is above 0, `handle_demand` hears of that many and they are remembered. So demand is told once, what the buffer can
   serve is not told at all, and the demand of a consumer that went away is used for the next one that asks.
2. **A consumer handles first, then asks.** Ten events are answered with `[Call(handle_events), Send(Ask(10))]`.
3. **A producer-consumer handles events only while somebody below wants them**, one batch at a time; it passes on what
   came of the batch, and then asks above for more.
4. **Whoever stops says so** to everyone it is subscribed to or that subscribed to it.

>>> producer = ProducerCore()
>>> subscription = Subscription("producer", "consumer", Terms(max_demand=10, min_demand=0))
>>> producer.receive(Subscribe(subscription))[0].callback
'handle_subscribe'
>>> producer.returned(Call("handle_subscribe", (), Subscribe(subscription)), None)
[]
>>> producer.receive(Ask(subscription, 10))
[Call(callback='handle_demand', args=(10,), about=None)]
>>> producer.emit(["hey", "hey"])
[Send(to='consumer', message=Events(subscription=<Subscription 0: consumer to producer>, events=['hey', 'hey']))]
>>> producer
<ProducerCore remembers 8, 8 outstanding, 0 buffered>
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from palleto.core.buffer import Buffer
from palleto.core.demand import Batch, Terms
from palleto.core.dispatch import Dispatcher
from palleto.core.inlet import Inlet
from palleto.core.machine import Core, events_of
from palleto.core.messages import (
    Ask,
    Call,
    Cancel,
    Down,
    Effect,
    Events,
    Reason,
    Send,
    Subscribe,
    Subscription,
)
from palleto.core.outlet import Ledger, Outlet

__all__ = ["ConsumerCore", "Core", "Ledger", "ProducerConsumerCore", "ProducerCore", "Terms"]


class ProducerCore(Core):
    """A producer. `buffer` is GenStage's by default: 10,000 events, the oldest are dropped.

    forwarding: False keeps demand back (GenStage's `demand: :accumulate`): it is remembered by the dispatcher and
                `handle_demand` is not called until `forward(True)`. A drain works this way.
    """

    def __init__(self, dispatcher: Dispatcher | None = None, buffer: Buffer | None = None) -> None:
        super().__init__()
        self.outlet = Outlet(dispatcher, Buffer() if buffer is None else buffer)
        self.forwarding = True
        self._on |= {Subscribe: self._subscribe, Ask: self._ask, Cancel: self._ended, Down: self._ended}
        self._after |= {
            "handle_subscribe": self._subscribed,
            "handle_demand": lambda call, result: self.emit(events_of(call, result)),
        }

    def __repr__(self) -> str:
        ledger = self.ledger()
        return (
            f"<{type(self).__name__} remembers {ledger.remembered}, {ledger.demand} outstanding, "
            f"{ledger.buffered} buffered>"
        )

    def forward(self, on: bool) -> list[Effect]:
        """Let demand through to `handle_demand`, or keep it back."""
        self.forwarding = on
        return self.settle([])

    def emit(self, events: Sequence[Any]) -> list[Effect]:
        return self.settle(self.outlet.emit(events)) if events else []

    def farewell(self, reason: Reason) -> list[Effect]:
        return self.outlet.farewell(reason)

    def ledger(self) -> Ledger:
        return self.outlet.ledger(self.outlet.remembered)

    def in_hand(self) -> list[Any]:
        return [*self.outlet.dispatcher.held, *self.outlet.buffer.peek(len(self.outlet.buffer))]

    def settle(self, effects: list[Effect]) -> list[Effect]:
        """Rule 1: the buffer first, then tell what is wanted beyond what is remembered already."""
        outlet = self.outlet
        if outlet.buffer:
            effects += outlet.flush()
        untold = outlet.wanted - outlet.remembered
        if untold > 0 and self.forwarding:
            outlet.remembered += untold
            effects.append(Call("handle_demand", (untold,)))
        return effects

    def _subscribe(self, message: Subscribe) -> list[Effect]:
        subscription = message.subscription
        if subscription in self.outlet.dispatcher.outstanding:
            return [Send(subscription.consumer, Cancel(subscription, "duplicate subscription"))]
        return [Call("handle_subscribe", ("consumer", subscription), message)]

    def _subscribed(self, call: Call, result: Any) -> list[Effect]:
        return self.settle(self.outlet.subscribed(call.about.subscription))

    def _ask(self, message: Ask) -> list[Effect]:
        return self.settle(self.outlet.ask(message))

    def _ended(self, message: Cancel | Down) -> list[Effect]:
        subscription = message.subscription
        if subscription not in self.outlet.dispatcher.outstanding:
            return []
        kind = "cancel" if isinstance(message, Cancel) else "down"
        return [Call("handle_cancel", ((kind, message.reason), subscription), message)]

    def _cancelled(self, call: Call, result: Any) -> list[Effect]:
        message: Cancel | Down = call.about
        subscription = message.subscription
        events = events_of(call, result)
        self.outlet.dispatcher.cancel(subscription)
        effects: list[Effect] = []
        if isinstance(message, Cancel):
            effects.append(Send(subscription.consumer, Cancel(subscription, message.reason)))
        effects += self.outlet.flush()  # the slowest of a broadcast may be gone
        return self.settle(effects + self.outlet.emit(events))


class ConsumerCore(Core):
    """A consumer, of any number of producers."""

    def __init__(self) -> None:
        super().__init__()
        self.inlet = Inlet()
        self._on |= {Events: self._events, Cancel: self.inlet.ended, Down: self.inlet.ended}
        self._after |= {
            "handle_subscribe": lambda call, result: self.inlet.subscribed(call.about, result),
            "handle_events": self._handled,
        }
        self.hand: deque[Sequence[Any]] = deque()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {list(self.inlet.windows.values())}>"

    def subscribe(self, subscription: Subscription) -> list[Effect]:
        """Subscribe, and ask for the first `max_demand` unless demand is manual."""
        return self.inlet.subscribe(subscription)

    def ask(self, subscription: Subscription, count: int) -> list[Effect]:
        """Manual demand. Raises DemandError for a count below 1 or a subscription that is not this stage's."""
        return self.inlet.ask(subscription, count)

    def farewell(self, reason: Reason) -> list[Effect]:
        return self.inlet.farewell(reason)

    def in_hand(self) -> list[Any]:
        return [event for batch in self.hand for event in batch]

    def _handled(self, call: Call, result: Any) -> list[Effect]:
        self.emit(events_of(call, result))
        if self.hand:
            self.hand.popleft()
        return []

    def _events(self, message: Events) -> list[Effect]:
        subscription = message.subscription
        window = self.inlet.windows.get(subscription)
        if window is None:
            return [Send(subscription.producer, Cancel(subscription, "unknown subscription"))]
        effects: list[Effect] = []
        for events, ask in window.receive(message.events):
            self.hand.append(events)
            effects.append(Call("handle_events", (events,), subscription))
            if ask:
                effects.append(Send(subscription.producer, Ask(subscription, ask)))
        return effects

    def _cancelled(self, call: Call, result: Any) -> list[Effect]:
        return self.emit(events_of(call, result))


class ProducerConsumerCore(ProducerCore):
    """Both at once: `handle_events` returns the events to pass on. Its buffer has no bound by default."""

    def __init__(self, dispatcher: Dispatcher | None = None, buffer: Buffer | None = None) -> None:
        super().__init__(dispatcher, Buffer(size=None) if buffer is None else buffer)
        self.inlet = Inlet()
        self.waiting: deque[tuple[Subscription, Sequence[Any], int] | Cancel | Down] = deque()  # (.., events, ask)
        self.ending: set[Subscription] = set()
        self.current: Batch | None = None
        self._on[Events] = self._events
        self._after["handle_events"] = self._handled

    def subscribe(self, subscription: Subscription) -> list[Effect]:
        """Subscribe, and ask for the first `max_demand` unless demand is manual."""
        return self.inlet.subscribe(subscription)

    def ask(self, subscription: Subscription, count: int) -> list[Effect]:
        """Manual demand. Raises DemandError for a count below 1 or a subscription that is not this stage's."""
        return self.inlet.ask(subscription, count)

    def farewell(self, reason: Reason) -> list[Effect]:
        return self.inlet.farewell(reason) + self.outlet.farewell(reason)

    def ledger(self) -> Ledger:
        return self.outlet.ledger(max(0, self.outlet.wanted))

    def in_hand(self) -> list[Any]:
        current = [] if self.current is None else [self.current.events]
        batches = current + [item[1] for item in self.waiting if isinstance(item, tuple)]
        return [*super().in_hand(), *(event for batch in batches for event in batch)]

    def settle(self, effects: list[Effect]) -> list[Effect]:
        """Rule 3: the buffer first; then, if somebody still wants events, the next batch.

        The end of a subscription waits behind the events that came before it, and until what came of them has gone.
        """
        effects += self.outlet.flush()
        while self.waiting and self.current is None:
            item = self.waiting[0]
            if isinstance(item, tuple):
                if self.outlet.wanted <= 0:
                    break
                subscription, self.current = item[0], Batch(*item[1:])
                effects.append(Call("handle_events", (self.current.events,), subscription))
            elif self.outlet.buffer and self.outlet.dispatcher.outstanding:
                break
            else:
                self.ending.discard(item.subscription)
                effects += self.inlet.ended(item)
            self.waiting.popleft()
        return effects

    def _events(self, message: Events) -> list[Effect]:
        subscription = message.subscription
        window = self.inlet.windows.get(subscription)
        if window is None:
            return [Send(subscription.producer, Cancel(subscription, "unknown subscription"))]
        self.waiting += [(subscription, *batch) for batch in window.receive(message.events)]
        return self.settle([])

    def _handled(self, call: Call, result: Any) -> list[Effect]:
        effects = self.outlet.emit(events_of(call, result))
        assert self.current is not None, "a batch is being handled"
        subscription, ask, self.current = call.about, self.current.ask, None
        if ask and subscription in self.inlet.windows and subscription not in self.ending:
            effects.append(Send(subscription.producer, Ask(subscription, ask)))
        return self.settle(effects)

    def _subscribed(self, call: Call, result: Any) -> list[Effect]:
        if isinstance(call.about, Subscription):
            return self.inlet.subscribed(call.about, result)
        return super()._subscribed(call, result)

    def _ended(self, message: Cancel | Down) -> list[Effect]:
        if message.subscription not in self.inlet.windows:
            return super()._ended(message)
        self.waiting.append(message)
        self.ending.add(message.subscription)
        return self.settle([])

    def _cancelled(self, call: Call, result: Any) -> list[Effect]:
        if call.about.subscription in self.outlet.dispatcher.outstanding:
            return super()._cancelled(call, result)
        return self.emit(events_of(call, result))
