"""The three kinds of stage: what a producer, a producer-consumer and a consumer can be set to, told and asked.

class Counter(Producer):
def init(self): self.next = 0
def handle_demand(self, demand):
self.next += demand
return list(range(self.next - demand, self.next))

class Printer(Consumer):
def init(self): self.subscribe("Counter", max_demand=10, min_demand=5)
async def handle_events(self, events): print(events)
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable
from typing import Any, ClassVar

from palleto.core import (
    Buffer,
    Cancel,
    ConsumerCore,
    Core,
    DemandDispatcher,
    Dispatcher,
    Keep,
    ProducerConsumerCore,
    ProducerCore,
    Reason,
    Send,
    Subscription,
    Terms,
)
from palleto.errors import DemandError
from palleto.runtime.stage import Stage


class _Emits(Stage):
    """The settings of a stage that others subscribe to."""

    dispatcher: ClassVar[Callable[[], Dispatcher]] = DemandDispatcher
    """Makes the dispatcher: `DemandDispatcher`, `BroadcastDispatcher`, `lambda: PartitionDispatcher(4)`."""
    buffer_size: ClassVar[int | None] = 10_000
    """Events kept that nobody has asked for, 0 or more; None: no bound."""
    buffer_keep: ClassVar[Keep] = "last"
    """What a full buffer keeps: "last" drops the oldest, "first" the newest."""


class _Subscribes(Stage):
    """What a stage that subscribes to others can do."""

    core: ConsumerCore | ProducerConsumerCore

    def handle_events(self, events: list[Any]) -> Any:
        """Take a batch of events. A producer-consumer returns the events to pass on; a consumer returns None."""
        raise NotImplementedError(f"expected {type(self).__name__} to have a handle_events")

    def subscribe(
        self,
        to: str | Stage,
        *,
        max_demand: int = 1000,
        min_demand: int | None = None,
        cancel: Any = "permanent",
        manual: bool = False,
        partition: Any = None,
        selector: Callable[[Any], object] | None = None,
    ) -> Subscription:
        """Subscribe to a stage, by name or itself, from `init` or any time later. The terms are `Terms`'.

        Raises NotFoundError if nothing of that name runs, DemandError if the terms do not fit together or the stage is
        not one that emits events.
        """
        terms = Terms(max_demand, min_demand, cancel, manual, partition, selector)
        producer = self.system.whereis(to) if isinstance(to, str) else to
        if not isinstance(producer, _Emits):
            raise DemandError(f"expected to subscribe to a producer or producer-consumer, got: {producer}")
        self._subscriptions += 1
        subscription = Subscription(producer, self, terms, self._subscriptions)
        self.post(lambda: self.core.subscribe(subscription))
        return subscription

    def ask(self, subscription: Subscription, count: int) -> None:
        """Ask for `count` events, 1 or more, where demand is manual; in vain if the subscription has ended.

        Raises DemandError for a broken count or a subscription of another stage, and asks for nothing then.
        """
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise DemandError(f"expected the events asked for to be a whole number of 1 or more, got: {count!r}")
        self._own(subscription)
        self.post(lambda: self.core.ask(subscription, count) if subscription in self.core.inlet.windows else [])

    def resize(self, max_demand: int, min_demand: int | None = None) -> None:
        """Change the demand of this stage's subscriptions while they run; more is asked for when it is due.

        The numbers are `Terms`'; raises DemandError, and changes nothing, where they do not fit together.
        """
        terms = Terms(max_demand, min_demand)
        self.post(lambda: self.core.inlet.resize(terms))

    def cancel(self, subscription: Subscription, reason: Reason = "normal") -> None:
        """End a subscription: its producer is told and answers; then its terms say what becomes of this stage."""
        self._own(subscription)
        self.post(lambda: [Send(subscription.producer, Cancel(subscription, reason))])

    def _own(self, subscription: Subscription) -> None:
        if subscription.consumer is not self:
            raise DemandError(f"expected a subscription of {self}, got: {subscription!r}")


class Producer(_Emits):
    """A source: `handle_demand(n)` returns events, now or (with `emit`, `cast`) later."""

    core: ProducerCore

    def handle_demand(self, demand: int) -> Any:
        """Hear that `demand` (1 or more) further events are wanted. Each is told once.

        Returns what there is of them, or None; what is owed beyond that is for the producer to remember.
        """
        raise NotImplementedError(f"expected {type(self).__name__} to have a handle_demand")

    def _make_core(self) -> Core:
        return ProducerCore(type(self).dispatcher(), Buffer(self.buffer_size, self.buffer_keep))

    def demand(self, mode: str) -> None:
        """GenStage's `demand/2`: "accumulate" keeps demand back from `handle_demand`, "forward" lets it through."""
        if mode not in ("accumulate", "forward"):
            raise DemandError(f"expected demand to be accumulate or forward, got: {mode!r}")
        self.post(lambda: self.core.forward(mode == "forward"))

    def drain(self) -> None:
        self.core.forwarding = False  # at once: what waits in the mailbox must not be told either

    @staticmethod
    def from_iterable(iterable: Any, *, name: str | None = None) -> Producer:
        """A producer of what an iterable or async iterable gives, on demand; it stops, normally, when that ends."""
        from palleto.runtime.streams import AsyncIterableProducer, IterableProducer

        kind = AsyncIterableProducer if isinstance(iterable, AsyncIterable) else IterableProducer
        return kind(iterable, name=name)


class ProducerConsumer(_Emits, _Subscribes):
    """In the middle: `handle_events` returns the events to pass on. It handles only what somebody below wants."""

    core: ProducerConsumerCore
    buffer_size: ClassVar[int | None] = None

    def _make_core(self) -> Core:
        return ProducerConsumerCore(type(self).dispatcher(), Buffer(self.buffer_size, self.buffer_keep))


class Consumer(_Subscribes):
    """A sink: `handle_events(events)` does something with them and returns None."""

    core: ConsumerCore

    def _make_core(self) -> Core:
        return ConsumerCore()
