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

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Hashable, Iterable, Sequence
from itertools import islice
from math import inf
from typing import Any, ClassVar, Generic, Literal, NamedTuple, TypeVar

import anyio

from palleto.core import (
    CANCEL,
    EMIT,
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
from palleto.errors import DemandError, NotFoundError, SettingError
from palleto.runtime.actor import act_as, actor
from palleto.runtime.process import Home, Parent, refuse_name, require_running
from palleto.runtime.rate import RatedDispatcher, require_rate
from palleto.runtime.request import Request
from palleto.runtime.stage import DO, Given, Stage, do
from palleto.runtime.timers import Timer

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")


class Emits(Stage):
    """The settings of a stage that others subscribe to."""

    dispatcher: ClassVar[Callable[[], Dispatcher]] = DemandDispatcher
    """Makes the dispatcher: `DemandDispatcher`, `BroadcastDispatcher`, `lambda: PartitionDispatcher(4)`."""
    buffer_size: ClassVar[int | None] = 10_000
    """Events kept that nobody has asked for, 0 or more; None: no bound."""
    buffer_keep: ClassVar[Keep] = "last"
    """What a full buffer keeps: "last" drops the oldest, "first" the newest."""

    @property
    def buffered(self) -> int:
        """How many events are in the buffer: GenStage's `estimate_buffered_count`. Only once it has begun."""
        return len(self.core.buffer)

    @buffered.setter
    def buffered(self, value: object) -> None:
        refuse_name(self, "buffered")

    def cancel(self, subscription: Subscription, reason: Reason = "normal") -> None:
        """End a subscription to this stage: its consumer's terms say what that means to it. GenStage's `cancel/3`.

        Raises DemandError for a subscription of other stages; one that has ended is left in peace.
        """
        if subscription.producer is not self:
            raise DemandError(f"expected a subscription to {self}, got: {subscription!r}")
        self.post((CANCEL, subscription, reason))  # as its consumer would

    async def emit_and_wait(self, events: Iterable[Any]) -> None:
        """Emit events from a task, and wait until all have been dispatched: a source that pushes is held back.

        They go on as there is demand for them, behind what is in the buffer, and are never dropped by it. As GenStage's
        documentation does it with `sync_notify` and `GenStage.reply`. If the caller is cancelled, they still go on.
        Raises NotFoundError if the stage is not running, or ends first (what it has not dispatched is told as lost
        then), DemandError in a callback of the stage itself, which would wait for ever.
        """
        if actor() is self:
            raise DemandError(f"expected emit_and_wait to be called by a task, not in a callback of {self} itself")
        if not self.running:
            raise NotFoundError(f"expected a stage that runs to emit {events!r:.80}, got: {self}")
        request = Request(self.core.port.requests)
        self.post((EMIT, lambda: request.answer(None), list(events)))
        await request

    def format_discarded(self, discarded: int) -> str | bool | None:
        """Say how the log tells that a full buffer has dropped `discarded` events (1 or more).

        Returns True for the usual line (the default), another line, or False or None for none: GenStage's
        `format_discarded/2`. `on_lost` hears of the events in any case.
        """
        return True


def _dispatcher_of(kind: Any) -> Dispatcher:
    """A dispatcher, as a class of stages says. Raises SettingError for what makes none, an instance for example."""
    dispatcher = kind.dispatcher() if callable(kind.dispatcher) else None
    if not isinstance(dispatcher, Dispatcher):
        got = kind.dispatcher if dispatcher is None else dispatcher
        raise SettingError(
            f"expected {kind.__name__}.dispatcher to be a dispatcher's class, or a function that makes one, as "
            f"`lambda: PartitionDispatcher(4)`, got: {got!r:.80}"
        )
    return dispatcher


class Renewal(NamedTuple):
    """How a subscription is made anew after its end: to whom, on which terms, after how many seconds."""

    to: str
    terms: Terms
    seconds: float


def require_renewable(to: object, cancel: CancelMode | None, seconds: object) -> None:
    """Hold `subscribe`'s arguments to what `resubscribe` needs. Raises DemandError."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < inf:
        raise DemandError(f"expected resubscribe to be seconds above 0, or None, got: {seconds!r:.60}")
    if not isinstance(to, str):
        raise DemandError(f"expected the name of a stage to resubscribe to, as it may run anew, got: {to!r:.60}")
    if cancel == "permanent":
        raise DemandError(
            'expected cancel to be temporary or transient beside resubscribe, got: "permanent", which ends the stage'
        )


class Subscribes(Stage, Generic[In]):
    """What a stage that subscribes to others can do."""

    __subscriptions = 0

    def start(self, system: Home, parent: Parent) -> None:
        self.__renewals: dict[Subscription, Renewal] = {}
        super().start(system, parent)

    def subscribe(
        self,
        to: str | Stage,
        *,
        max_demand: int = 1000,
        min_demand: int | None = None,
        cancel: CancelMode | None = None,
        manual: bool = False,
        partition: Hashable = None,
        selector: Callable[[Any], object] | None = None,
        resubscribe: float | None = None,
    ) -> Subscription:
        """Subscribe to a stage, by name or itself, from `init` or any time later. The terms are `Terms`'.

        resubscribe: None, or seconds of run time (above 0): so long after an end of the subscription, and once a stage
                     of that name runs, this stage subscribes anew, on the same terms (Broadway's
                     `resubscribe_interval`). Its `handle_subscribe` hears of each new subscription. The stage need not
                     run yet, and `cancel` is "temporary" if it is not given: a stage that stops with its producer
                     ("permanent") cannot subscribe anew. `cancel(subscription)` ends this, too.

        Raises NotFoundError if nothing of that name runs, or if this stage does not; DemandError if the terms do not
        fit together or the other stage is not one that emits events, or is this one.
        """
        require_running(self, "subscribe")
        if resubscribe is not None:
            require_renewable(to, cancel, resubscribe)
        terms = Terms(
            max_demand,
            min_demand,
            cancel or ("permanent" if resubscribe is None else "temporary"),
            manual,
            partition,
            selector,
        )
        if resubscribe is None or to in self.system.names:
            subscription = self.__open(to, terms)
        else:
            subscription = self.__next(to, terms)
            do(self, lambda: self.__renew(subscription))
        if resubscribe is not None:
            self.__renewals[subscription] = Renewal(str(to), terms, resubscribe)
        return subscription

    def __open(self, to: str | Stage, terms: Terms) -> Subscription:
        """Begin a subscription to a stage that runs."""
        producer = self.system.whereis(to) if isinstance(to, str) else to
        if producer is self or not isinstance(producer, Emits):  # its own events would keep it in one turn for ever
            raise DemandError(
                f"expected to subscribe to a producer or producer-consumer other than itself, got: {producer}"
            )
        if self.system.on_terms is not None:
            terms = self.system.on_terms(terms)
        subscription = self.__next(producer, terms)
        do(self, lambda: self.core.subscribe(subscription))
        return subscription

    def __next(self, to: Any, terms: Terms) -> Subscription:
        self.__subscriptions += 1
        return Subscription(to, self, terms, self.__subscriptions)

    def _resubscribe(self, subscription: Subscription) -> None:
        renewal = self.__renewals.get(subscription)
        if renewal is not None:
            self.system.timers.add(self, renewal.seconds, (DO, None, lambda: self.__renew(subscription)))

    def __renew(self, subscription: Subscription) -> None:
        """Subscribe anew, as soon as a stage of that name runs."""
        renewal = self.__renewals.get(subscription)
        if renewal is None:  # cancelled meanwhile
            return
        if renewal.to not in self.system.names:
            self.system.when_up(renewal.to, self, (DO, None, lambda: self.__renew(subscription)))
            return
        del self.__renewals[subscription]
        self.__renewals[self.__open(renewal.to, renewal.terms)] = renewal

    def ask(self, subscription: Subscription, count: int) -> None:
        """Ask for `count` events, 1 or more, where demand is manual; in vain if the subscription has ended.

        Raises DemandError for a broken count or a subscription of another stage, NotFoundError if this stage does not
        run, and asks for nothing then.
        """
        require_running(self, "ask")
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise DemandError(f"expected the events asked for to be a whole number of 1 or more, got: {count!r}")
        self.__own(subscription)
        do(self, lambda: self.core.ask(subscription, count) if subscription in self.core.windows else None)

    def resize(self, max_demand: int, min_demand: int | None = None) -> None:
        """Change the demand of this stage's subscriptions while they run; more is asked for when it is due.

        The numbers are `Terms`'; raises DemandError, and changes nothing, where they do not fit together, and
        NotFoundError if this stage does not run.
        """
        require_running(self, "resize its demand")
        terms = Terms(max_demand, min_demand)
        do(self, lambda: self.core.resize(terms))

    def cancel(self, subscription: Subscription, reason: Reason = "normal") -> None:
        """End a subscription: its producer is told and answers; then its terms say what becomes of this stage.

        Raises DemandError for a subscription of another stage, NotFoundError if this stage does not run.
        """
        require_running(self, "cancel a subscription")
        self.__own(subscription)
        self.__renewals.pop(subscription, None)
        do(self, lambda: self.core.cancel(subscription, reason) if subscription in self.core.windows else None)

    def __own(self, subscription: Subscription) -> None:
        if subscription.consumer is not self:
            raise DemandError(f"expected a subscription of {self}, got: {subscription!r}")


class Producer(Emits, Generic[Out]):
    """A source: `handle_demand(n)` returns events, now or (with `emit`, `cast`) later."""

    def handle_demand(self, demand: int) -> Given[Sequence[Out] | None]:
        """Hear that `demand` (1 or more) further events are wanted. Each is told once.

        Returns what there is of them, or None; what is owed beyond that is for the producer to remember. One that waits
        here is cancelled by a drain, as if it had returned None: what it has read until then it must keep, or emit.
        """
        raise NotImplementedError(f"expected {type(self).__name__} to have a handle_demand")

    def _make_core(self, port: Port) -> ProducerCore:
        return ProducerCore(port, _dispatcher_of(type(self)), Buffer(self.buffer_size, self.buffer_keep))

    def demand(self, mode: Literal["accumulate", "forward"]) -> None:
        """GenStage's `demand/2`: "accumulate" keeps back demand and events, "forward" lets both through.

        So a broadcast can wait until all have subscribed. Events that come meanwhile are in the buffer.
        Raises DemandError for another word, NotFoundError if this stage does not run.
        """
        require_running(self, "keep demand back or let it through")
        if mode not in ("accumulate", "forward"):
            raise DemandError(f"expected demand to be accumulate or forward, got: {mode!r}")
        do(self, lambda: self.core.forward(mode == "forward"))

    @property
    def demand_mode(self) -> Literal["accumulate", "forward"]:
        """GenStage's `demand/1`: what `demand` has set; "forward" by default. Only once it has begun."""
        return "accumulate" if self.core.holding else "forward"

    @demand_mode.setter
    def demand_mode(self, value: object) -> None:
        refuse_name(self, "demand_mode")

    def rate(self, allowed: int | None, interval: float = 1.0) -> None:
        """Let at most `allowed` events (1 or more) an `interval` of seconds go down; None: as many as are wanted.

        Broadway's `rate_limiting`, from `init` or any time later, as often as you like: another rate holds at once, and
        what was sent in the interval that goes on counts. An interval begins with the first event that is sent in it.
        Demand beyond the rate is told to `handle_demand` in a later interval; events beyond it wait in the buffer, and
        a drain waits for those of them that are wanted. Raises DemandError and SettingError for a broken rate,
        NotFoundError if this stage does not run.
        """
        require_rate(allowed, interval)
        require_running(self, "have a rate")
        do(self, lambda: self.__set_rate(allowed, interval))

    def __set_rate(self, allowed: int | None, interval: float) -> None:
        core, rated = self.core, self.core.dispatcher
        if allowed is None:
            if isinstance(rated, RatedDispatcher):
                rated.end()
                core.dispatcher = rated.inner
        else:
            if not isinstance(rated, RatedDispatcher):
                rated = core.dispatcher = RatedDispatcher(rated, self.__later, self.__go_on)
            rated.set(allowed, interval)
        self.__go_on()

    def __later(self, seconds: float, function: Callable[[], None]) -> Timer:
        timer: Timer = self.system.timers.add(self, seconds, (DO, None, function))
        return timer

    def __go_on(self) -> None:
        """The rate allows more: serve demand from the buffer, and tell what is wanted beyond it."""
        self.core.flush()
        self.core.settle()

    def is_busy(self) -> bool:
        """Also while events that are wanted wait for the rate."""
        if super().is_busy():
            return True
        core = self.core
        return (
            self.running and bool(core.buffered or core.behind) and core.dispatcher.demand <= 0 < core.dispatcher.wanted
        )

    def drain(self) -> None:
        self.core.forwarding = False  # at once: what waits in the mailbox must not be told either
        self.system.timers.quiet(self)
        super().drain()

    @staticmethod
    def from_iterable(
        iterable: Iterable[T] | AsyncIterable[T],
        *,
        name: str | None = None,
        dispatcher: Callable[[], Dispatcher] = DemandDispatcher,
        demand: Literal["accumulate", "forward"] = "forward",
        on_cancel: Literal["continue", "stop"] = "continue",
    ) -> Producer[T]:
        """A producer of what an iterable or async iterable gives, on demand: GenStage's `from_enumerable`.

        It stops, normally, when that ends and all that it gave has gone on.
        dispatcher: makes the dispatcher, as `Producer.dispatcher`.
        demand:     "accumulate" waits until `demand("forward")` is called, when all have subscribed.
        on_cancel:  "stop" stops it when its last subscription has ended. Raises DemandError for other words.
        """
        kind: Any = AsyncIterableProducer if isinstance(iterable, AsyncIterable) else IterableProducer
        producer: Finite[T] = kind(iterable, name=name)
        producer.set(dispatcher, demand, on_cancel)
        return producer


class ProducerConsumer(Emits, Subscribes[In], Generic[In, Out]):
    """In the middle: `handle_events` returns the events to pass on. It handles only what somebody below wants."""

    buffer_size: ClassVar[int | None] = None

    def cancel(self, subscription: Subscription, reason: Reason = "normal") -> None:
        """End a subscription, to this stage or of its own: what `Producer.cancel` and `Consumer.cancel` do."""
        (Subscribes if subscription.consumer is self else Emits).cancel(self, subscription, reason)

    def handle_events(self, events: list[In]) -> Given[Sequence[Out] | None]:
        """Take a batch of events, and return those to pass on, or None."""
        raise NotImplementedError(f"expected {type(self).__name__} to have a handle_events")

    def _make_core(self, port: Port) -> ProducerConsumerCore:
        return ProducerConsumerCore(port, _dispatcher_of(type(self)), Buffer(self.buffer_size, self.buffer_keep))


class Consumer(Subscribes[In]):
    """A sink: `handle_events(events)` does something with them and returns None."""

    def handle_events(self, events: list[In]) -> Given[None]:
        """Take a batch of events."""
        raise NotImplementedError(f"expected {type(self).__name__} to have a handle_events")

    def _make_core(self, port: Port) -> ConsumerCore:
        return ConsumerCore(port)


class Finite(Producer[Out]):
    """A producer that stops when it has no more. What can be set of it is `from_iterable`'s."""

    _settings: tuple[Callable[[], Dispatcher] | None, str, str] = None, "forward", "continue"

    def set(self, dispatcher: Callable[[], Dispatcher], demand: str, on_cancel: str) -> None:
        """Take the settings. Raises DemandError for words that are none."""
        if demand not in ("accumulate", "forward"):
            raise DemandError(f"expected demand to be accumulate or forward, got: {demand!r}")
        if on_cancel not in ("continue", "stop"):
            raise DemandError(f"expected on_cancel to be continue or stop, got: {on_cancel!r}")
        self._settings = dispatcher, demand, on_cancel

    def _make_core(self, port: Port) -> ProducerCore:
        core = super()._make_core(port)
        if self._settings[0] is not None:
            core.dispatcher = self._settings[0]()
        core.forwarding = self._settings[1] == "forward"
        core.holding = not core.forwarding
        return core

    def handle_cancel(self, reason: tuple[str, Reason], subscription: Subscription) -> None:
        if self._settings[2] == "stop" and [*self.core.dispatcher.outstanding] == [subscription]:
            self.stop()

    def stop_behind_buffer(self) -> None:
        """Stop, normally, when all that it has emitted has gone on, as GenStage's streamer does."""
        self.post((EMIT, self.stop, ()))


class IterableProducer(Finite[Out]):
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
                self.stop_behind_buffer()
        return events


class AsyncIterableProducer(Finite[Out]):
    """Emits what an async iterable gives, as soon as it is there, and reads no further than demand goes.

    Events that come without a wait between them are emitted together: the stage gets its turn when the reader waits.
    """

    def __init__(self, iterable: AsyncIterable[Out], name: str | None = None) -> None:
        self.name = name
        self._iterator = aiter(iterable)
        self._wanted = 0
        self._came: list[Out] = []

    def start(self, system: Home, parent: Parent) -> None:
        self._more = anyio.Event()
        self._reading = anyio.CancelScope()
        super().start(system, parent)
        self.system.expects(self, 1)
        self.system.tasks.start_soon(self._read, name=f"{self.label} reader")

    def handle_demand(self, demand: int) -> None:
        self._wanted += demand
        self._more.set()

    def drain(self) -> None:
        super().drain()
        self._reading.cancel()

    def terminate(self, reason: Reason) -> None:
        self._reading.cancel()
        self._emit_what_came()  # it is told as lost

    def _emit_what_came(self) -> None:
        events, self._came = self._came, []
        self.core.receive((EMIT, None, events))

    async def _read(self) -> None:
        act_as(self)  # what the iterable says or notes is told of its producer
        try:
            with self._reading:
                while True:
                    while not self._wanted:
                        self._more = anyio.Event()
                        await self._more.wait()
                    event = await anext(self._iterator)
                    self._wanted -= 1
                    self._came.append(event)
                    if len(self._came) == 1:
                        do(self, self._emit_what_came)
        except StopAsyncIteration:
            self.stop_behind_buffer()
        except Exception as error:  # a broken source is a crash of its producer
            self.stop(error)
        finally:
            self.system.expects(self, -1)
            if isinstance(self._iterator, AsyncGenerator):
                with anyio.move_on_after(self.patience, shield=True):
                    await self._iterator.aclose()
