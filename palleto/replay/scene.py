"""What a run looks like at one moment, built from its trace: the panels draw it.

Feed it trace events in order, from one thread; read it from another under its `lock`. The same trace gives the same
scene. Its memory is bounded by the number of stages, however long the run. Its parts come first: subscriptions, stages,
consumers or pipelines, server loops, the queue.
"""

from __future__ import annotations

import re
import threading
from collections import Counter, deque
from collections.abc import Callable
from typing import ClassVar, Literal

from palleto.errors import one_line
from palleto.replay.messages import PARTS, Messages
from palleto.replay.picture import Picture
from palleto.replay.series import Busy, Counts, Meter, Peaks, Series, Ticks
from palleto.trace import TraceEvent

LOOPS = 60
"""Server loops that are remembered one by one; of older ones only their number."""
LINES = 8
"""Lines said that are remembered."""
GONE = 12
"""Stages and subscriptions that have ended and are still remembered."""
_PIPELINE = re.compile(r"(.*\d|)(?:ProducerConsumer|Consumer)")


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
    """The queue as the trace has shown it. `known`: whether there was one at all."""

    def __init__(self) -> None:
        self.known = False
        self.sent = 0
        self.received = 0
        self.redelivered = 0
        self.requests: Counter[str] = Counter()
        self.errors = 0
        self.messages = Messages()
        self.over_time = {name: Series() for name in PARTS}

    @property
    def parts(self) -> dict[str, int]:
        """How many messages are deleted, in flight, visible and dead-lettered. They add up to all that were sent."""
        return self.messages.parts

    @property
    def deleted(self) -> int:
        """How many messages are deleted."""
        return self.parts["deleted"]

    def take(self, event: TraceEvent) -> None:
        """Take in one trace event of the kinds sent, message, queue, dead_lettered and those of the cloud's door."""
        data = event.data
        for t in self.messages.add(event):
            for name, count in self.parts.items():
                self.over_time[name].set(t, count)
        if event.kind == "sent":
            self.sent += len(event.ids)
            return
        self.known = True
        if event.kind in ("queue", "message", "dead_lettered"):
            return
        self.requests[OPERATIONS.get(event.kind) or data["operation"]] += 1
        self.errors += "error" in data
        if event.kind == "receive":
            self.received += len(data["counts"])
            self.redelivered += sum(count > 1 for count in data["counts"])


class Scene:
    """Everything that the panels show. `scene.add(event)` for each trace event; it may be a recorder's listener."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.events = 0
        self.last = 0.0
        self.last_ask = 0
        self.first_demand: int | None = None
        self.clock = 0.0
        self.subscriptions: dict[tuple[str, str], Subscription] = {}
        self.stages: dict[str, Stage] = {}
        self.groups: dict[str, Group] = {}
        self.others = Group("earlier ones", -1)
        self._numbers = 0
        self.counts = Counts()
        self.peaks = Peaks()
        self.loops: deque[Loop] = deque(maxlen=LOOPS)
        self.loops_started = 0
        self.loops_ended: Counter[End] = Counter()
        self.queue = Queue()
        self.picture = Picture()
        self.written = 0
        self.lines_written = 0
        self.bytes = 0
        self.crashes: deque[tuple[float, str, str]] = deque(maxlen=GONE)
        self.crash_count = 0
        self.restart_count = 0
        self.lost = 0
        self.said: deque[tuple[float, str]] = deque(maxlen=LINES)
        self.broken: str | None = None
        self.draining = False
        self._open: dict[str, Loop] = {}

    def __repr__(self) -> str:
        return f"<Scene {self.events} trace events, {self.now:.1f} s, {self.consumed} events consumed>"

    @property
    def now(self) -> float:
        """Seconds of run time: of the last event, or as `clock` was set."""
        return max(self.last, self.clock)

    @property
    def consumed(self) -> int:
        """Events that the last stages have consumed."""
        return self.others.consumed.total + sum(group.consumed.total for group in self.groups.values())

    @property
    def current(self) -> list[Subscription]:
        """The subscriptions that hold; once the run has ended, those that held last."""
        every = self.subscriptions.values()
        return [one for one in every if one.ended is None or one.ended > self.last_ask]

    @property
    def sources(self) -> list[Stage]:
        """The producers that are nobody's consumer."""
        return [stage for stage in self.stages.values() if stage.kind == "producer"]

    def add(self, event: TraceEvent) -> None:
        """Take one trace event in; events come in the order of their `seq`."""
        with self.lock:
            self.events += 1
            self.last = event.t
            ledger = event.ledger
            if ledger is not None and ledger["before"] != ledger["after"]:
                remembered, _, buffered, dropped = ledger["after"]
                stage = self._stage(event.stage)
                stage.remembered.set(event.t, remembered)
                stage.buffered.set(event.t, buffered)
                stage.dropped = dropped
            take = self._takes.get(event.kind)
            if take is not None:
                take(self, event)
            self.picture.add(event)

    def _stage(self, label: str) -> Stage:
        stage = self.stages.get(label)
        if stage is None:
            stage = self.stages[label] = Stage(label)
        return stage

    def group_of(self, label: str) -> Group:
        """The pipeline that a stage belongs to by its name, numbered or the only one; else a group of its own."""
        match = _PIPELINE.fullmatch(label)
        name = (match[1] or "Pipeline") if match else label
        group = self.groups.get(name)
        if group is None:
            group = self.groups[name] = Group(name, self._numbers)
            self._numbers += 1
        return group

    # ---- demand

    def _subscribe(self, event: TraceEvent) -> None:
        producer, consumer = event.stage, event.peer or ""
        subscription = self.subscriptions.setdefault((producer, consumer), Subscription(producer, consumer))
        subscription.asked = subscription.delivered = 0
        self.last_ask = event.seq
        subscription.ended = None
        self._stage(producer).emits = True
        stage = self._stage(consumer)
        stage.subscribes = True
        group = self.group_of(consumer)
        if stage not in group.stages:
            group.stages.append(stage)
        self._forget()

    def _ask(self, event: TraceEvent) -> None:
        subscription = self.subscriptions.get((event.stage, event.peer or ""))
        if self.first_demand is None:
            self.first_demand = event.data["count"]
        if subscription is not None:
            subscription.asked += event.data["count"]
            self.last_ask = event.seq
            subscription.over_time.set(event.t, subscription.outstanding)
            if not self._stage(event.stage).subscribes:
                self.peaks.add(event.t, sum(one.outstanding for one in self._of_sources()))

    def _of_sources(self) -> list[Subscription]:
        """The subscriptions to producers that are nobody's consumer, as far as they hold."""
        every = self.subscriptions.values()
        return [one for one in every if one.ended is None and not self._stage(one.producer).subscribes]

    def _emitted(self, event: TraceEvent) -> None:
        subscription = self.subscriptions.get((event.stage, event.peer or ""))
        if subscription is not None:
            subscription.delivered += len(event.ids)
            subscription.over_time.set(event.t, subscription.outstanding)

    def _unsubscribe(self, event: TraceEvent) -> None:
        here, there = event.stage, event.peer or ""
        subscription = self.subscriptions.get((here, there)) or self.subscriptions.get((there, here))
        if subscription is not None and subscription.ended is None:
            subscription.ended, subscription.ended_at = event.seq, event.t
            subscription.over_time.set(event.t, 0)

    def _forget(self) -> None:
        """Drop the oldest of what has ended long ago, so that restarts do not add up in memory."""
        ended = [key for key, subscription in self.subscriptions.items() if subscription.ended is not None]
        for key in ended[:-GONE]:
            del self.subscriptions[key]
        gone = [label for label, stage in self.stages.items() if not stage.running]
        for label in gone[:-GONE]:
            del self.stages[label]
        for name in [name for name, group in self.groups.items() if not group.running][:-GONE]:
            self.others.take_over(self.groups.pop(name))
            self.counts.rename(name, self.others.name)

    # ---- throughput

    def _handle_events(self, event: TraceEvent) -> None:
        self._stage(event.stage).busy.begin(event.t)

    def _handled(self, event: TraceEvent) -> None:
        stage = self._stage(event.stage)
        stage.busy.end(event.t)
        stage.handled.add(event.t, len(event.ids))
        if event.data["last"]:
            group = self.group_of(event.stage)
            group.consumed.add(event.t, len(event.ids))
            self.counts.add(group.name, event.t, len(event.ids))

    def _written(self, event: TraceEvent) -> None:
        self.group_of(event.stage).written.add(event.t, 1)
        self.written += 1
        self.lines_written += event.data["lines"]

    def _download(self, event: TraceEvent) -> None:
        self.bytes += event.data["bytes"]
        self._queue(event)

    # ---- server loops

    def _loop_started(self, event: TraceEvent) -> None:
        loop = self._open[event.stage] = Loop(event.stage, event.t)
        self.loops.append(loop)
        self.loops_started += 1

    def _loop_killed(self, event: TraceEvent) -> None:
        if event.stage in self._open:
            self._over(self._open[event.stage], "stopped" if self.draining else "killed")

    def _loop_crashed(self, event: TraceEvent) -> None:
        if event.stage in self._open:
            self._open[event.stage].crashes.append(event.t)

    def _loop_ended(self, event: TraceEvent) -> None:
        loop = self._open.pop(event.stage, None)
        if loop is not None:
            loop.end = event.t
            reason = event.data["reason"]
            stopped: End = "stopped" if self.draining else "killed"
            self._over(loop, "done" if reason == "normal" else stopped if reason == "shutdown" else "crashed")

    def _over(self, loop: Loop, how: End) -> None:
        """A loop runs no more: one that was killed does not from that moment on, though it may clear up a while."""
        if loop.ended == "running":
            loop.ended = how
            self.loops_ended[how] += 1

    def _said(self, event: TraceEvent) -> None:
        text = event.data["text"]
        self.said.append((event.t, one_line(text)))
        loop = self._open.get(event.stage)
        if loop is not None and ("Run " in text or "Looking for" in text):
            loop.said.add(event.t)

    # ---- queue

    def _queue(self, event: TraceEvent) -> None:
        self.queue.take(event)
        if event.kind == "receive" and event.stage in self._open:
            self._open[event.stage].received.add(event.t)

    # ---- life

    def _started(self, event: TraceEvent) -> None:
        if event.stage in self.stages:
            self.stages[event.stage].running = True

    def _stopped(self, event: TraceEvent) -> None:
        stage = self.stages.get(event.stage)
        if stage is not None:
            stage.running = False
            stage.busy.end(event.t)

    def _crash(self, event: TraceEvent) -> None:
        self._stopped(event)
        self.crash_count += 1
        self.crashes.append((event.t, event.stage, event.data["reason"]))
        if event.stage in self.stages:
            self.stages[event.stage].crashes += 1

    def _restart(self, event: TraceEvent) -> None:
        self.restart_count += 1

    def _lost(self, event: TraceEvent) -> None:
        self.lost += len(event.ids)

    def _drain(self, event: TraceEvent) -> None:
        self.draining = True

    def _law(self, event: TraceEvent) -> None:
        self.broken = event.data["text"]

    _takes: ClassVar[dict[str, Callable[[Scene, TraceEvent], None]]] = {
        "subscribe": _subscribe,
        "ask": _ask,
        "emitted": _emitted,
        "cancel": _unsubscribe,
        "down": _unsubscribe,
        "handle_events": _handle_events,
        "handled": _handled,
        "written": _written,
        "loop_started": _loop_started,
        "loop_killed": _loop_killed,
        "loop_crashed": _loop_crashed,
        "loop_ended": _loop_ended,
        "said": _said,
        **dict.fromkeys(("sent", "message", "queue", "receive", "delete", "visibility", "request"), _queue),
        "dead_lettered": _queue,
        "download": _download,
        "started": _started,
        "stopped": _stopped,
        "crash": _crash,
        "restart": _restart,
        "lost": _lost,
        "drain": _drain,
        "law": _law,
    }
