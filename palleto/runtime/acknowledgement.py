"""Acknowledgement: what became of an event is told to whom it came from, success or failure, exactly once.

    class Orders(Producer[Delivery[Order]]):
        def handle_demand(self, demand):
            return [Delivery(order, self) for order in self.take(demand)]

        def ack(self, successful, failed):
            self.put_back(delivery.data for delivery in failed)

    async with running(top, observers=[Acknowledger()]):
        ...

These are Broadway's rules; its `Message` is a `Delivery` here, as a message is something else in GenStage.

1. An event that wants acknowledgement goes in an envelope, a Delivery, that says to whom it came from.
2. It has succeeded when no stage has it any more: a consumer's `handle_events` has returned, or a ConsumerSupervisor's
   child has ended normally.
3. It has failed when it is told as lost, when `fail` is called, or when a stage ends that took it and has not handed it
   on: a batcher with a batch that is not full, for example. What is still there when the run ends has failed.
4. A stage between hands it on, alone or in a list or tuple, as it is or with other data (`with_data`). If it is handed
   on more than once (a broadcast, two copies in one return), it has succeeded when all of these have, and failed when
   one has. A stage that drops it says so: `ack` or `fail`.

It is an observer, not a part of the core: it hears what is sent, handled and lost, as a recorder does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from palleto.core import EVENTS, Message, Reason
from palleto.errors import SettingError
from palleto.runtime.actor import actor
from palleto.runtime.consumer_supervisor import ConsumerSupervisor
from palleto.runtime.kinds import Consumer, Producer
from palleto.runtime.observer import Observer
from palleto.runtime.port import refuse_to_await
from palleto.runtime.process import Process, describe
from palleto.runtime.stage import Stage, do
from palleto.runtime.system import System

T = TypeVar("T")
U = TypeVar("U")


class Acknowledges(Protocol):
    """To whom a delivery came from: a producer, or what gives it its events and outlives it (a queue, say)."""

    def ack(self, successful: list[Delivery[Any]], failed: list[Delivery[Any]]) -> Any:
        """Hear what became of deliveries: each is in one of the lists, once.

        A plain function. A stage hears it when it is its turn, and what it raises is a crash of the stage. After the
        stage has ended it is called all the same, as one that is no stage is: at once; what it raises is reported then.
        """


class Delivery(Generic[T]):
    """An event, `data`, with the one to whom its end is told. Made inside a run that has an `Acknowledger`.

    source:  has a method `ack(successful, failed)`. A producer that is started anew is another object: what must go on
             counting over its crashes is better no stage.
    failure: None, or why it has failed, in one line.

    One that has failed is told to its source once and for all: who tries it again makes another Delivery.
    Raises SettingError for another source, or a run without an Acknowledger; NotFoundError outside of a run.
    """

    __slots__ = ("_outcome", "data")

    def __init__(self, data: T, source: Acknowledges) -> None:
        acknowledger = System.current().acknowledger
        if acknowledger is None:
            raise SettingError("expected a run with acknowledgement: running(..., observers=[Acknowledger()])")
        if not callable(getattr(source, "ack", None)):
            raise SettingError(f"expected a source with a method ack(successful, failed), got: {source!r:.80}")
        self.data = data
        self._outcome = acknowledger.expect(self, source)

    def __repr__(self) -> str:
        return f"Delivery({self.data!r})"

    @property
    def id(self) -> Any:
        """What a trace calls it: as its data."""
        return getattr(self.data, "id", self.data)

    @property
    def failure(self) -> str | None:
        """Why it has failed; None if it has not."""
        failure: str | None = self._outcome.failure
        return failure

    def with_data(self, data: U) -> Delivery[U]:
        """Other data in the same envelope: what becomes of it is told of this one (Broadway's `put_data`)."""
        other = object.__new__(Delivery)
        other.data, other._outcome = data, self._outcome
        return other

    def ack(self) -> None:
        """Tell its source now that it has succeeded (Broadway's `ack_immediately`). In vain if it was told already."""
        self._outcome.acknowledger.settle([self._outcome], None)

    def fail(self, why: str) -> None:
        """Tell its source now that it has failed, and why (Broadway's `failed`). In vain if it was told already."""
        self._outcome.acknowledger.settle([self._outcome], why)


class Outcome:
    """What all copies of a delivery share: what its source was given, and how many copies stages have."""

    __slots__ = ("acknowledger", "copies", "delivery", "failure", "settled", "source")

    def __init__(self, acknowledger: Acknowledger, delivery: Delivery[Any], source: Acknowledges) -> None:
        self.acknowledger, self.delivery, self.source = acknowledger, delivery, source
        self.copies = 0
        self.settled = False
        self.failure: str | None = None


class Due:
    """What a source is to hear."""

    def __init__(self, source: Acknowledges) -> None:
        self.source = source
        self.successful: list[Delivery[Any]] = []
        self.failed: list[Delivery[Any]] = []
        self.posted = False  # the source has a message that it will hear this


class Acknowledger(Observer):
    """Follows the deliveries of one run and tells their sources what became of them."""

    def __init__(self) -> None:
        self._open: dict[Outcome, None] = {}  # in order
        self._held: dict[Process, Counter[Outcome]] = {}
        self._batch: dict[Process, list[Outcome]] = {}  # that a consumer handles
        self._sent: dict[Process, list[Outcome]] = {}  # that a stage still counts as its own
        self._due: dict[int, Due] = {}  # by the source's id()

    def __repr__(self) -> str:
        return f"<Acknowledger: {len(self._open)} deliveries that are not acknowledged>"

    def expect(self, delivery: Delivery[Any], source: Acknowledges) -> Outcome:
        """A delivery is made: the stage that gives it out has it."""
        outcome = Outcome(self, delivery, source)
        self._open[outcome] = None
        maker = source if isinstance(source, Stage) else actor()
        if isinstance(maker, Stage) and maker.running:
            self._take(maker, outcome)
        return outcome

    def settle(self, outcomes: Iterable[Outcome], failure: str | None) -> None:
        """These have succeeded (`failure` is None) or failed; those that are settled stay as they are."""
        for outcome in outcomes:
            if outcome.settled:
                continue
            outcome.settled, outcome.failure = True, failure
            del self._open[outcome]
            if outcome.copies:
                for held in self._held.values():
                    held.pop(outcome, None)
            due = self._due.setdefault(id(outcome.source), Due(outcome.source))
            (due.successful if failure is None else due.failed).append(outcome.delivery)
        for due in list(self._due.values()):
            source = due.source
            if not (isinstance(source, Stage) and source.running):
                self._tell_now(due)
            elif not due.posted:
                due.posted = True
                do(source, partial(self._tell, due))

    # ---- an observer's

    def attached(self, system: Any) -> None:
        self._system = system
        system.acknowledger = self

    def sent(self, stage: Any, to: Any, message: Message) -> None:
        if message[0] != EVENTS:
            return
        for outcome in outcomes_of(message[2]):
            if not outcome.settled:
                self._take(to, outcome)
                self._sent.setdefault(stage, []).append(outcome)

    def settled(self, stage: Any) -> None:
        """What it has sent is not its own any more; but of two copies, one may still be in its buffer."""
        if sent := self._sent.pop(stage, None):
            core = stage.core
            if not isinstance(stage, Producer) and (core.buffered or core.dispatcher.held):
                kept = set(outcomes_of(core.in_hand()))
                if still := [outcome for outcome in sent if outcome in kept]:
                    self._sent[stage] = still
                    sent = [outcome for outcome in sent if outcome not in kept]
            self._done(stage, sent)

    def called(self, stage: Any, callback: str, argument: Any) -> None:
        if callback == "handle_events" and isinstance(stage, Consumer) and not isinstance(stage, ConsumerSupervisor):
            self._batch[stage] = list(outcomes_of(argument))  # now: the list is the user's

    def returned(self, stage: Any, callback: str, argument: Any) -> None:
        if callback == "handle_events":
            self._done(stage, self._batch.pop(stage, []))

    def handled(self, stage: Any, events: Any) -> None:
        self._done(stage, outcomes_of(events))

    def lost(self, process: Process, events: Any) -> None:
        self.settle(outcomes_of(events), events.why)

    def ended(self, process: Process, reason: Reason) -> None:
        self._batch.pop(process, None)
        self._done(process, self._sent.pop(process, ()))
        held = self._held.pop(process, Counter())
        self.settle(held, f"{process.label} has ended: {describe(reason)}")
        if (due := self._due.get(id(process))) is not None:
            self._tell_now(due)
        if not self._system.processes:
            self.settle(list(self._open), "the run has ended")

    # ---- who has which copies

    def _take(self, process: Process, outcome: Outcome) -> None:
        self._held.setdefault(process, Counter())[outcome] += 1
        outcome.copies += 1

    def _give_up(self, process: Process, outcome: Outcome) -> bool:
        """A stage has a copy less. False if it had none."""
        held = self._held.get(process)
        if held is None or outcome not in held:
            return False
        held[outcome] -= 1
        if not held[outcome]:
            del held[outcome]
        outcome.copies -= 1
        return True

    def _done(self, process: Process, outcomes: Iterable[Outcome]) -> None:
        """A stage is through with these: those that nobody has any more have succeeded."""
        self.settle([one for one in outcomes if self._give_up(process, one) and not one.copies], None)

    # ---- telling

    def _tell(self, due: Due) -> None:
        if self._due.get(id(due.source)) is due:
            del self._due[id(due.source)]
            result = due.source.ack(due.successful, due.failed)
            if hasattr(result, "__await__"):
                refuse_to_await("ack", result)

    def _tell_now(self, due: Due) -> None:
        """Outside of the source's turn: what it raises is nobody's crash."""
        try:
            self._tell(due)
        except Exception as error:
            line = f"ack of {due.source!r:.80} failed: {describe(error)}"
            self._system.report(line)
            self._system.log(None, line, error)


def outcomes_of(events: Any) -> Iterator[Outcome]:
    """Of the deliveries among these events, and in lists and tuples of them."""
    for event in events:
        if isinstance(event, Delivery):
            yield event._outcome
        elif isinstance(event, list | tuple):
            yield from outcomes_of(event)
