"""The consuming side of a stage, and the machine of a consumer. Two rules make it.

1. **A consumer handles first, then asks.** A batch is handed to `handle_events`; when that has come back, and what is
   still to come has fallen to `min_demand`, it asks for more.
2. **One batch at a time.** What cannot be handled yet waits, in the order in which it came; the end of a subscription
   waits behind the events that came before it.

>>> from palleto.core.port import ListPort
>>> port = ListPort()
>>> consumer = ConsumerCore(port)
>>> subscription = Subscription("producer", "consumer", Terms(max_demand=10, min_demand=0))
>>> consumer.subscribe(subscription); port.returns(consumer)
>>> for line in port.read(): print(*line)
call handle_subscribe ('producer', <Subscription 0: consumer to producer>)
send producer ('subscribe', <Subscription 0: consumer to producer>, None)
send producer ('ask', <Subscription 0: consumer to producer>, 10)
>>> consumer.receive((EVENTS, subscription, ["ho"] * 10)); port.returns(consumer)
>>> for line in port.read(): print(*line)
call handle_events ['ho', 'ho', 'ho', 'ho', 'ho', 'ho', 'ho', 'ho', 'ho', 'ho']
send producer ('ask', <Subscription 0: consumer to producer>, 10)
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Any, TypeAlias

from palleto.core.demand import Terms, Window
from palleto.core.machine import Core, events_of
from palleto.core.messages import ASK, CANCEL, DOWN, EVENTS, NORMAL, SUBSCRIBE, Events, Reason, Subscription
from palleto.core.port import Port
from palleto.errors import DemandError, ReturnError

Work: TypeAlias = tuple[Subscription, Window, Events | None, Any]


class ConsumerCore(Core):
    """A consumer, of any number of producers.

    windows: the demand of each of its subscriptions.
    waiting: what came and cannot be handled yet: `(subscription, its window, events, how many to ask for then)`, or the
             end of a subscription, `(subscription, its window, None, (kind, reason))`.
    current: the one of these that is in hand.
    leaving: why it stops as soon as it may: a producer that it cannot be without has ended.
    """

    kind = "consumer"

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self.windows: dict[Subscription, Window] = {}
        self.waiting: deque[Work] = deque()
        self.current: Work | None = None
        self.leaving: Reason | None = None
        self._done = self._handled  # bound once, as it is used for each batch
        self.on |= {EVENTS: self.came, CANCEL: partial(self.ended, "cancel"), DOWN: partial(self.ended, "down")}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {list(self.windows.values())}>"

    # ---- what the stage itself wants

    def subscribe(self, subscription: Subscription) -> None:
        """Begin a subscription: first the stage's own `handle_subscribe` hears of it."""
        self.port.call("handle_subscribe", ("producer", subscription), partial(self._opened, subscription))

    def _opened(self, subscription: Subscription, mode: Any) -> None:
        if mode not in (None, "automatic", "manual"):
            raise ReturnError(f"expected handle_subscribe to return automatic, manual or None, got: {mode!r}")
        window = self.windows[subscription] = Window(subscription.terms)
        window.manual = window.manual or mode == "manual"
        self.send(subscription.producer, (SUBSCRIBE, subscription, None))
        if first := window.open():
            self.send(subscription.producer, (ASK, subscription, first))

    def ask(self, subscription: Subscription, count: int) -> None:
        """Manual demand. Raises DemandError for a count below 1 or a subscription that is not open here."""
        if subscription not in self.windows:
            raise DemandError(f"expected a subscription of this stage, got: {subscription!r}")
        self.send(subscription.producer, (ASK, subscription, self.windows[subscription].ask(count)))

    def resize(self, terms: Terms) -> None:
        """Give all windows other numbers; those that have fallen to their `min_demand` ask at once."""
        for subscription, window in self.windows.items():
            if count := window.resize(terms):
                self.send(subscription.producer, (ASK, subscription, count))

    def cancel(self, subscription: Subscription, reason: Reason) -> None:
        """Tell the producer to end a subscription; it answers with the end."""
        self.send(subscription.producer, (CANCEL, subscription, reason))

    # ---- events

    def came(self, subscription: Subscription, events: Events) -> None:
        """Events come down: they are split into batches, and handled when it is their turn."""
        window = self.windows.get(subscription)
        if window is None:
            self.send(subscription.producer, (CANCEL, subscription, "unknown subscription"))
            return
        count = len(events)
        if count <= window.span and self.wants():  # then nothing waits before it: at once
            self.current = subscription, window, events, window.received(count)
            self.port.call("handle_events", events, self._done)
            return
        self.waiting += [(subscription, window, batch, window.received(len(batch))) for batch in window.batches(events)]
        self.settle()

    def wants(self) -> bool:
        """Whether a batch may be handled now. A producer-consumer does not always want one."""
        return True

    def may_end(self) -> bool:
        """Whether a subscription whose events are all handled may end now, and the stage with it."""
        return True

    def settle(self) -> None:
        """Hand on what waits, as long as it may be and nothing is in hand."""
        if self.leaving is not None and self.may_end():
            reason, self.leaving = self.leaving, None
            self.port.stop(reason)
            return
        while self.waiting and self.current is None:
            subscription, _, events, what = self.waiting[0]
            if events is None:
                if not self.may_end():
                    return
                self.current = self.waiting.popleft()
                del self.windows[subscription]
                self.port.call("handle_cancel", (what, subscription), self._cancelled)
            else:
                if not self.wants():
                    return
                self.current = self.waiting.popleft()
                self.port.call("handle_events", events, self._done)

    def _handled(self, result: Any) -> None:
        """A batch is done: pass on what came of it, then ask for more."""
        if result is not None:
            self.emit(result if result.__class__ is list else events_of("handle_events", result))
        subscription, window, _, ask = self.current  # type: ignore[misc]  # a batch is in hand
        self.current = None
        if ask and not window.closing:
            send = self.send
            send(subscription.producer, (ASK, subscription, ask))

    # ---- the ends of subscriptions

    def ended(self, kind: str, subscription: Subscription, reason: Reason) -> None:
        """A subscription ends: the producer cancelled it ("cancel"), or it has ended itself ("down")."""
        window = self.windows.get(subscription)
        if window is not None and not window.closing:
            window.closing = True
            self.waiting.append((subscription, window, None, (kind, reason)))
            self.settle()

    def _cancelled(self, result: Any) -> None:
        """`handle_cancel` has come back; what the end means to the stage is for the subscription's terms to say."""
        self.emit(self.given("handle_cancel", result))
        subscription, _, _, (_, reason) = self.current  # type: ignore[misc]  # an end is in hand
        self.current = None
        mode = subscription.terms.cancel
        if mode == "permanent" or (mode == "transient" and reason not in NORMAL):
            self.leaving = reason  # once what `handle_cancel` has returned is with who wants it
            self.settle()

    def farewell(self, reason: Reason) -> None:
        for subscription in self.windows:
            self.send(subscription.producer, (DOWN, subscription, reason))

    def in_hand(self) -> list[Any]:
        batches = [] if self.current is None else [self.current[2]]
        batches += [events for _, _, events, _ in self.waiting]
        return [event for events in batches for event in events or ()]
