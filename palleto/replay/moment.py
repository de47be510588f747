"""The state of a run at one moment, folded from its trace: who runs, who owes whom, the loops, the queue.

Moment.of(trace)                    # at its end
Moment.of(trace.until(event))       # at an event
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from palleto.trace import Trace, TraceEvent

__all__ = ["Life", "Link", "Look", "Moment", "QueuedMessage", "standstill"]

_ASKING = re.compile(r"[Aa]sking for (-?\d+)")


@dataclass(slots=True)
class Life:
    """A process: the event at which it started, and that at which it ended (None: it runs)."""

    started: TraceEvent
    ended: TraceEvent | None = None

    @property
    def crashed(self) -> bool:
        """Whether it ended in a crash."""
        return self.ended is not None and self.ended.kind == "crash"


@dataclass(slots=True)
class Link:
    """A subscription: what the consumer asked of the producer, and what it was sent; the last ask."""

    asked: int = 0
    sent: int = 0
    ask: TraceEvent | None = None

    @property
    def outstanding(self) -> int:
        """Events that the consumer waits for."""
        return self.asked - self.sent


@dataclass(slots=True)
class Look:
    """A loop that looks for events: its life, and what it did last of each."""

    started: TraceEvent
    killed: TraceEvent | None = None
    crashed: TraceEvent | None = None  # and will run again, unless `ended`
    ended: TraceEvent | None = None
    receive: TraceEvent | None = None
    refused: TraceEvent | None = None  # a receive that failed
    cast: TraceEvent | None = None
    looks: int = 0  # receives, or times that it said it was looping


@dataclass(slots=True)
class QueuedMessage:
    """A message of the queue: its state as a trace has it, receives, when it is visible again, and what told it."""

    state: str
    receives: int
    until: float | None
    event: TraceEvent


@dataclass(slots=True)
class Moment:
    """See above. Names and ids are the trace's; `t` is in seconds of run time."""

    t: float = 0.0
    lives: dict[str, Life] = field(default_factory=dict)
    links: dict[tuple[str, str], Link] = field(default_factory=dict)  # by producer and consumer
    producers: set[str] = field(default_factory=set)  # who was ever subscribed to
    consumers: dict[str, str] = field(default_factory=dict)  # who ever subscribed, and to whom last
    ledgers: dict[str, list[int]] = field(default_factory=dict)
    handling: dict[str, TraceEvent] = field(default_factory=dict)  # batches begun and not done
    told: dict[str, TraceEvent] = field(default_factory=dict)  # the last `handle_demand` of each producer
    asking: tuple[int, TraceEvent] | None = None  # what a producer said last that it asks for
    last: dict[str, TraceEvent] = field(default_factory=dict)  # the last event of each, with a line
    looks: dict[str, Look] = field(default_factory=dict)
    messages: dict[str, QueuedMessage] = field(default_factory=dict)
    simulated: bool = False

    @classmethod
    def of(cls, events: Iterable[TraceEvent]) -> Moment:
        """The state after these events, which begin with a run's first."""
        moment = cls()
        for event in events:
            moment.add(event)
        return moment

    def add(self, event: TraceEvent) -> None:
        """Let one more event happen."""
        self.t = event.t
        if event.ledger is not None:
            self.ledgers[event.stage] = event.ledger["after"]
        if event.line is not None and event.kind != "shown":  # a supervisor's number is told where it was changed
            self.last[event.stage] = event
        change = getattr(self, f"_{event.kind}", None)
        if change is not None:
            change(event)

    def alive(self, name: str) -> bool:
        """Whether a process of that name runs."""
        return name in self.lives and self.lives[name].ended is None

    @property
    def sinks(self) -> list[str]:
        """The consumers at the end of the pipeline, in the order in which they subscribed; also those that ended."""
        return [name for name in self.consumers if name not in self.producers]

    @property
    def visible(self) -> list[str]:
        """The messages that a receive would find now."""
        return [name for name, one in self.messages.items() if self._state(one) == "visible"]

    @property
    def in_flight(self) -> list[str]:
        """The messages that were handed out, and are hidden."""
        return [name for name, one in self.messages.items() if self._state(one) == "in_flight"]

    def _state(self, message: QueuedMessage) -> str:
        return "visible" if message.until is not None and message.until <= self.t + 1e-6 else message.state

    # ---- what each kind changes

    def _started(self, event: TraceEvent) -> None:
        self.lives[event.stage] = Life(event)
        self.handling.pop(event.stage, None)

    def _stopped(self, event: TraceEvent) -> None:
        if event.stage in self.lives:
            self.lives[event.stage].ended = event
        self.handling.pop(event.stage, None)
        for link in [link for link in self.links if event.stage in link]:
            del self.links[link]

    _crash = _stopped

    def _subscribe(self, event: TraceEvent) -> None:
        consumer = event.peer or ""
        self.producers.add(event.stage)
        self.consumers[consumer] = event.stage
        self.links[event.stage, consumer] = Link()

    def _ask(self, event: TraceEvent) -> None:
        link = self.links.setdefault((event.stage, event.peer or ""), Link())
        link.asked += event.data["count"]
        link.ask = event

    def _emitted(self, event: TraceEvent) -> None:
        self.links.setdefault((event.stage, event.peer or ""), Link()).sent += len(event.ids)

    def _down(self, event: TraceEvent) -> None:
        self.links.pop((event.stage, event.peer or ""), None)
        self.links.pop((event.peer or "", event.stage), None)

    _cancel = _down

    def _handle_demand(self, event: TraceEvent) -> None:
        self.told[event.stage] = event

    def _handle_events(self, event: TraceEvent) -> None:
        self.handling[event.stage] = event

    def _handled(self, event: TraceEvent) -> None:
        self.handling.pop(event.stage, None)

    def _said(self, event: TraceEvent) -> None:
        if event.stage in self.looks:
            self.looks[event.stage].looks += "looping" in event.data["text"]
        elif match := _ASKING.match(event.data["text"]):
            self.asking = int(match[1]), event

    def _loop_started(self, event: TraceEvent) -> None:
        self.looks[event.stage] = Look(event)

    def _loop_killed(self, event: TraceEvent) -> None:
        if event.stage in self.looks:
            self.looks[event.stage].killed = event

    def _loop_crashed(self, event: TraceEvent) -> None:
        if event.stage in self.looks:
            self.looks[event.stage].crashed = event

    def _loop_ended(self, event: TraceEvent) -> None:
        if event.stage in self.looks:
            self.looks[event.stage].ended = event

    def _cast(self, event: TraceEvent) -> None:
        if event.stage in self.looks:
            self.looks[event.stage].cast = event

    def _request(self, event: TraceEvent) -> None:
        if event.stage in self.looks and event.data["operation"] == "sqs.ReceiveMessage" and "error" in event.data:
            self.looks[event.stage].refused = event

    def _receive(self, event: TraceEvent) -> None:
        if event.stage in self.looks:
            self.looks[event.stage].receive = event
            self.looks[event.stage].looks += 1
        if not self.simulated and event.ids:
            hidden = event.data.get("visibility")
            until = None if hidden is None else event.t + hidden
            for message, count in zip(event.ids, event.data["counts"], strict=True):
                self.messages[message] = QueuedMessage("in_flight", count, until, event)

    def _delete(self, event: TraceEvent) -> None:
        if not self.simulated:
            for message in event.ids:
                if message in self.messages:
                    self.messages[message].state, self.messages[message].until = "deleted", None

    def _dead_lettered(self, event: TraceEvent) -> None:
        for message in event.ids:
            if message in self.messages:
                self.messages[message].state, self.messages[message].until = "dead_lettered", None

    def _visibility(self, event: TraceEvent) -> None:
        if not self.simulated:
            for message, wait in zip(event.ids, event.data["seconds"], strict=False):
                if message in self.messages:
                    self.messages[message].until = event.t + wait

    def _message(self, event: TraceEvent) -> None:
        self.simulated = True
        data = event.data
        self.messages[event.ids[0]] = QueuedMessage(data["state"], data["receives"], data["until"], event)


def standstill(trace: Trace) -> Trace:
    """The events before a run's end began: up to the failure of its supervisor, or before it was drained or stopped.

    All of them, if the trace shows no end.
    """
    failed = [event for event in trace if event.kind == "crash" and _gave_up(event)]
    drain = next((event.seq for event in trace if event.kind == "drain"), None)
    if drain is not None:
        return trace.until(drain - 1)
    begun = max((event.seq for event in trace if event.kind == "started"), default=-1)
    stops = (e.seq for e in trace if e.kind == "stopped" and e.data.get("reason") == "shutdown" and e.seq > begun)
    stop = next(stops, None)
    if failed:
        return trace.until(failed[-1].seq)
    # A trace of another's making may show no "drain".
    return trace if stop is None else trace.until(stop - 1)


def _gave_up(event: TraceEvent) -> bool:
    return str(event.data.get("reason", "")).startswith("RestartError")
