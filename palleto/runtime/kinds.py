"""The three kinds of stage: what a producer, a producer-consumer and a consumer can be set to, told and asked.

class Counter(Producer[int]):
def init(self): self.next = 0
def handle_demand(self, demand):
self.next += demand
return list(range(self.next - demand, self.next))

class Printer(Consumer[int]):
def init(self): self.subscribe("Counter", max_demand=10, min_demand=5)
async def handle_events(self, events): print(events)
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Hashable, Iterable, Sequence
from itertools import islice
from typing import Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

import anyio

from palleto.core import (
    Buffer,
    CancelMode,
    ConsumerCore,
    DemandDispatcher,
    Dispatcher,
    Keep,
    Port,
    ProducerConsumerCore,
    ProducerCore,
    Reason,
    Subscription,
    Terms,
)
from palleto.errors import DemandError
from palleto.runtime.process import Home, Parent
from palleto.runtime.stage import Stage, do

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")

Given: TypeAlias = T | Awaitable[T]
"""What a plain callback returns, or what an `async` one does."""


class Emits(Stage):
    """The settings of a stage that others subscribe to."""

    dispatcher: ClassVar[Callable[[], Dispatcher]] = DemandDispatcher
    """Makes the dispatcher: `DemandDispatcher`, `BroadcastDispatcher`, `lambda: PartitionDispatcher(4)`."""
    buffer_size: ClassVar[int | None] = 10_000
    """Events kept that nobody has asked for, 0 or more; None: no bound."""
    buffer_keep: ClassVar[Keep] = "last"
    """What a full buffer keeps: "last" drops the oldest, "first" the newest."""


class Subscribes(Stage, Generic[In]):
    """What a stage that subscribes to others can do."""

    __subscriptions = 0

    def handle_events(self, events: list[In]) -> Any:
        """Take a batch of events. A producer-consumer returns the events to pass on; a consumer returns None."""
        raise NotImplementedError(f"expected {type(self).__name__} to have a handle_events")

    def subscribe(
        self,
        to: str | Stage,
        *,
        max_demand: int = 1000,
        min_demand: int | None = None,
        cancel: CancelMode = "permanent",
        manual: bool = False,
        partition: Hashable = None,
        selector: Callable[[Any], object] | None = None,
    ) -> Subscription:
        """Subscribe to a stage, by name or itself, from `init` or any time later. The terms are `Terms`'.

        Raises NotFoundError if nothing of that name runs, DemandError if the terms do not fit together or the stage is
        not one that emits events.
        """
        terms = Terms(max_demand, min_demand, cancel, manual, partition, selector)
        producer = self.system.whereis(to) if isinstance(to, str) else to
        if not isinstance(producer, Emits):
            raise DemandError(f"expected to subscribe to a producer or producer-consumer, got: {producer}")
        self.__subscriptions += 1
        subscription = Subscription(producer, self, terms, self.__subscriptions)
        do(self, lambda: self.core.subscribe(subscription))
        return subscription

    def ask(self, subscription: Subscription, count: int) -> None:
        """Ask for `count` events, 1 or more, where demand is manual; in vain if the subscription has ended.

        Raises DemandError for a broken count or a subscription of another stage, and asks for nothing then.
        """
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise DemandError(f"expected the events asked for to be a whole number of 1 or more, got: {count!r}")
        self.__own(subscription)
        do(self, lambda: self.core.ask(subscription, count) if subscription in self.core.windows else None)

    def resize(self, max_demand: int, min_demand: int | None = None) -> None:
        """Change the demand of this stage's subscriptions while they run; more is asked for when it is due.

        The numbers are `Terms`'; raises DemandError, and changes nothing, where they do not fit together.
        """
        terms = Terms(max_demand, min_demand)
        do(self, lambda: self.core.resize(terms))

    def cancel(self, subscription: Subscription, reason: Reason = "normal") -> None:
        """End a subscription: its producer is told and answers; then its terms say what becomes of this stage."""
        self.__own(subscription)
        do(self, lambda: self.core.cancel(subscription, reason))

    def __own(self, subscription: Subscription) -> None:
        if subscription.consumer is not self:
            raise DemandError(f"expected a subscription of {self}, got: {subscription!r}")


class Producer(Emits, Generic[Out]):
    """A source: `handle_demand(n)` returns events, now or (with `emit`, `cast`) later."""

    def handle_demand(self, demand: int) -> Given[Sequence[Out] | None]:
        """Hear that `demand` (1 or more) further events are wanted. Each is told once.

        Returns what there is of them, or None; what is owed beyond that is for the producer to remember.
        """
        raise NotImplementedError(f"expected {type(self).__name__} to have a handle_demand")

    def _make_core(self, port: Port) -> ProducerCore:
        return ProducerCore(port, type(self).dispatcher(), Buffer(self.buffer_size, self.buffer_keep))

    def demand(self, mode: Literal["accumulate", "forward"]) -> None:
        """GenStage's `demand/2`: "accumulate" keeps demand back from `handle_demand`, "forward" lets it through."""
        if mode not in ("accumulate", "forward"):
            raise DemandError(f"expected demand to be accumulate or forward, got: {mode!r}")
        do(self, lambda: self.core.forward(mode == "forward"))

    def drain(self) -> None:
        self.core.forwarding = False  # at once: what waits in the mailbox must not be told either

    @staticmethod
    def from_iterable(iterable: Iterable[T] | AsyncIterable[T], *, name: str | None = None) -> Producer[T]:
        """A producer of what an iterable or async iterable gives, on demand; it stops, normally, when that ends."""
        if isinstance(iterable, AsyncIterable):
            return AsyncIterableProducer(iterable, name=name)
        return IterableProducer(iterable, name=name)


class ProducerConsumer(Emits, Subscribes[In], Generic[In, Out]):
    """In the middle: `handle_events` returns the events to pass on. It handles only what somebody below wants."""

    buffer_size: ClassVar[int | None] = None

    def handle_events(self, events: list[In]) -> Given[Sequence[Out] | None]:
        """Take a batch of events, and return those to pass on, or None."""
        raise NotImplementedError(f"expected {type(self).__name__} to have a handle_events")

    def _make_core(self, port: Port) -> ProducerConsumerCore:
        return ProducerConsumerCore(port, type(self).dispatcher(), Buffer(self.buffer_size, self.buffer_keep))


class Consumer(Subscribes[In]):
    """A sink: `handle_events(events)` does something with them and returns None."""

    def handle_events(self, events: list[In]) -> Given[None]:
        """Take a batch of events."""
        raise NotImplementedError(f"expected {type(self).__name__} to have a handle_events")

    def _make_core(self, port: Port) -> ConsumerCore:
        return ConsumerCore(port)


class IterableProducer(Producer[Out]):
    """Emits what an iterable gives, on demand, and stops, normally, when that has no more."""

    def __init__(self, iterable: Iterable[Out], name: str | None = None) -> None:
        self.name = name
        self._iterator = iter(iterable)

    def handle_demand(self, demand: int) -> list[Out]:
        events: list[Out] = []
        try:
            events += islice(self._iterator, demand)  # event by event: those before an error are kept
        except Exception as error:  # a broken source is a crash of its producer
            self.stop(error)
        else:
            if len(events) < demand:
                self.stop()
        return events


class AsyncIterableProducer(Producer[Out]):
    """Emits what an async iterable gives, each event as soon as it is there, and reads no further than demand goes."""

    def __init__(self, iterable: AsyncIterable[Out], name: str | None = None) -> None:
        self.name = name
        self._iterator = aiter(iterable)
        self._wanted = 0

    def start(self, system: Home, parent: Parent) -> None:
        self._more = anyio.Event()
        self._reading = anyio.CancelScope()
        super().start(system, parent)
        self.system.tasks.start_soon(self._read, name=f"{self.label} reader")

    def handle_demand(self, demand: int) -> None:
        self._wanted += demand
        self._more.set()

    def drain(self) -> None:
        super().drain()
        self._reading.cancel()

    def terminate(self, reason: Reason) -> None:
        self._reading.cancel()

    async def _read(self) -> None:
        try:
            with self._reading:
                while True:
                    while not self._wanted:
                        self._more = anyio.Event()
                        await self._more.wait()
                    event = await anext(self._iterator)
                    self._wanted -= 1
                    self.emit([event])
        except StopAsyncIteration:
            self.stop()
        except Exception as error:  # a broken source is a crash of its producer
            self.stop(error)
        finally:
            if isinstance(self._iterator, AsyncGenerator):
                with anyio.move_on_after(self.patience, shield=True):
                    await self._iterator.aclose()
