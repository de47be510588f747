"""The parts of a scene: subscriptions, stages, consumers or pipelines, server loops, the queue."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from palleto.lab.dashboard.series import Busy, Meter, Series, Ticks
from palleto.trace import TraceEvent

OPERATIONS = {
    "receive": "sqs.ReceiveMessage",
    "delete": "sqs.DeleteMessageBatch",
    "visibility": "sqs.ChangeMessageVisibilityBatch",
    "download": "s3.GetObject",
}
"""The operations of the cloud whose trace events have a kind of their own."""

End = Literal["running", "done", "killed", "stopped", "crashed"]
"""How a loop is; stopped: the run was over, which is no kill of the step's."""


class Subscription:
    """What a consumer has asked of a producer, and was given."""

    def __init__(self, producer: str, consumer: str) -> None:
        self.producer, self.consumer = producer, consumer
        self.asked = 0
        self.delivered = 0
        self.ended: int | None = None  # the seq of the trace event that ended it
        self.ended_at = 0.0
        self.over_time = Series()

    @property
    def outstanding(self) -> int:
        """Asked and not delivered."""
        return self.asked - self.delivered


class Stage:
    """One stage: what it remembers and buffers as a producer, what it consumed and how busy it was as a consumer."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.running = True
        self.emits = False
        self.subscribes = False
        self.remembered = Series()
        self.buffered = Series()
        self.dropped = 0
        self.handled = Meter()
        self.busy = Busy()
        self.crashes = 0

    @property
    def kind(self) -> str:
        """What it is, as far as the trace has shown."""
        if self.subscribes:
            return "producer-consumer" if self.emits else "consumer"
        return "producer" if self.emits else ""


class Group:
    """A consumer, or a pipeline with all its stages: what it has consumed and written. Its number is its colour."""

    def __init__(self, name: str, number: int) -> None:
        self.name, self.number = name, number
        self.stages: list[Stage] = []
        self.consumed = Meter()
        self.written = Meter()

    @property
    def title(self) -> str:
        """Its name, or that of its only stage."""
        return self.stages[0].label if len(self.stages) == 1 else self.name

    @property
    def running(self) -> bool:
        """Whether any of its stages runs."""
        return any(stage.running for stage in self.stages)

    def take_over(self, other: Group) -> None:
        """Count what another one did, which is no more, as this one's."""
        self.consumed.total += other.consumed.total
        self.written.total += other.written.total


class Loop:
    """One loop of a server: from start to end, with its runs."""

    def __init__(self, label: str, start: float) -> None:
        self.label, self.start = label, start
        self.end: float | None = None
        self.ended: End = "running"
        self.crashes: list[float] = []
        self.said = Ticks()
        self.received = Ticks()

    @property
    def runs(self) -> Ticks:
        """Its runs: the lines in which it said so, or else its polls."""
        return self.said if self.said.count else self.received


class Queue:
    """The queue as its looks and requests have shown it. `known`: whether there was one at all."""

    def __init__(self) -> None:
        self.known = False
        self.sent = 0
        self.deleted = 0
        self.received = 0
        self.redelivered = 0
        self.requests: Counter[str] = Counter()
        self.errors = 0
        self.over_time = {name: Series() for name in ("deleted", "in flight", "visible", "dead-lettered")}

    @property
    def parts(self) -> dict[str, int]:
        """Where the messages were at the last look: deleted, in flight, visible, dead-lettered. They add up."""
        return {name: int(series.last) for name, series in self.over_time.items()}

    def take(self, event: TraceEvent) -> None:
        """Take in one trace event of the kinds sent, queue (a look at it) and those of the cloud's door."""
        data = event.data
        if event.kind == "sent":
            self.sent += len(event.ids)
            return
        self.known = True
        if event.kind == "queue":
            # Deleted as of this look, so that the parts add up.
            found = (self.deleted, data["in_flight"], data["visible"], data["dead_lettered"])
            for series, value in zip(self.over_time.values(), found, strict=True):
                series.set(event.t, value)
            return
        self.requests[OPERATIONS.get(event.kind) or data["operation"]] += 1
        self.errors += "error" in data
        if event.kind == "receive":
            self.received += len(data["counts"])
            self.redelivered += sum(count > 1 for count in data["counts"])
        elif event.kind == "delete":
            self.deleted += data["deleted"]
