"""OpenTelemetry: an observer that writes spans and metrics of a run. It needs the extra `otel`.

    from palleto.trace.otel import OpenTelemetry

    async with running(top, observers=[OpenTelemetry()]):
        ...

Where they go is for the application to set up, with OpenTelemetry's SDK; without one, nothing is kept.

**Spans.** One for each callback, called `handle_events Printer`: the callback, and the stage's name or else its class.
It is the current span while the callback runs, so that spans of the user's own, and of instrumented libraries, stand
under it; it stands itself under the span in which the run was started. A span of `handle_events` has links to the spans
in which its events were emitted: so events can be followed upwards, also through a buffer. Events have none that a task
emitted, which is no callback, or that a PartitionDispatcher held for a partition which had not asked for them. A crash
is an exception of its span, whose status is an error then. Attributes: `palleto.stage`, `palleto.id`,
`palleto.callback`; `palleto.events` (how many were given to `handle_events`), `palleto.demand` (of `handle_demand`).

**Metrics**, each with `palleto.stage`, the name or class:

| name | instrument, unit | what |
|---|---|---|
| palleto.events.handled | counter, {event} | events that `handle_events` has handled |
| palleto.events.emitted | counter, {event} | events sent to a consumer; each of a broadcast's counts |
| palleto.events.lost | counter, {event} | events that a crash, an end or a full buffer has lost |
| palleto.demand.asked | counter, {event} | events that a consumer has asked for |
| palleto.callback.duration | histogram, s | from a callback's begin to its return; also `palleto.callback` |
| palleto.process.crashes | counter, {crash} | processes that crashed |
| palleto.process.restarts | counter, {restart} | processes that a supervisor has started again |
| palleto.process.running | up-down counter, {process} | processes that run |
| palleto.events.buffered | observable gauge, {event} | events in the buffers of stages |
| palleto.demand.outstanding | observable gauge, {event} | events that producers owe |

Times are the run's own: on virtual time, a second of the run is a second of the span.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextvars import Token
from itertools import groupby, islice
from typing import Any, NamedTuple

from palleto.core import ASK, EVENTS, Buffer, Message, Reason, Subscription
from palleto.runtime import Observer, Process, System, describe, is_crash

try:
    from opentelemetry import context, metrics, trace
except ImportError:
    raise ImportError("expected OpenTelemetry's API; install it with: pip install 'palleto[otel]'") from None

SCOPE = "palleto"
"""The instrumentation scope of all its spans and metrics."""


class Begun(NamedTuple):
    """A callback that runs."""

    span: trace.Span
    token: Token[context.Context]
    at: float
    attributes: dict[str, str]


class Waiting:
    """The spans in which the events in a stage's buffer were emitted: a second queue beside the buffer.

    No observer is told what goes into a buffer, but it is first in, first out: its length and the number that was ever
    added to it say what has come and what has gone since the last look.
    """

    def __init__(self, buffer: Buffer) -> None:
        self._buffer, self._added = buffer, buffer.added
        self._origins: deque[tuple[Any, trace.SpanContext]] = deque()
        self._gone: dict[int, tuple[Any, trace.SpanContext]] = {}  # by the event's id(), in the message that is handled

    def look(self, origin: trace.SpanContext) -> None:
        """Look at the buffer: what has come was emitted in the span `origin`."""
        events, new = self._buffer.events, self._buffer.added - self._added
        while len(self._origins) > max(0, len(events) - new):
            entry = self._origins.popleft()
            self._gone[id(entry[0])] = entry
        if new:
            self._added += new
            self._origins.extend((event, origin) for event in reversed([*islice(reversed(events), new)]))

    def origins(self, events: Iterable[Any], origin: trace.SpanContext) -> Iterable[tuple[int, trace.SpanContext]]:
        """Of events that are sent: how many in a row were emitted in which span; in `origin` if they did not wait."""
        self.look(origin)
        spans = (self._gone.get(id(event), (event, origin))[1] for event in events)
        return [(len([*same]), span) for span, same in groupby(spans)]

    def settled(self) -> None:
        """The stage is through with a message."""
        self.look(trace.INVALID_SPAN_CONTEXT)
        self._gone.clear()


class OpenTelemetry(Observer):
    """Writes spans and metrics; see the head of this file. One for each run.

    tracers: the provider of tracers, meters: that of meters; by default the global ones.
    """

    def __init__(
        self, *, tracers: trace.TracerProvider | None = None, meters: metrics.MeterProvider | None = None
    ) -> None:
        self._tracer = trace.get_tracer(SCOPE, tracer_provider=tracers)
        meter = metrics.get_meter(SCOPE, meter_provider=meters)
        self._handled = meter.create_counter("palleto.events.handled", "{event}")
        self._emitted = meter.create_counter("palleto.events.emitted", "{event}")
        self._lost = meter.create_counter("palleto.events.lost", "{event}")
        self._asked = meter.create_counter("palleto.demand.asked", "{event}")
        self._duration = meter.create_histogram("palleto.callback.duration", "s")
        self._crashes = meter.create_counter("palleto.process.crashes", "{crash}")
        self._restarts = meter.create_counter("palleto.process.restarts", "{restart}")
        self._running = meter.create_up_down_counter("palleto.process.running", "{process}")
        meter.create_observable_gauge("palleto.events.buffered", [self._observe(2)], "{event}")
        meter.create_observable_gauge("palleto.demand.outstanding", [self._observe(1)], "{event}")
        self._names: dict[Process, dict[str, str]] = {}  # of the processes that run: the attribute `palleto.stage`
        self._begun: dict[Process, Begun] = {}
        # Of each subscription: how many events were sent in which span, and have not been handled.
        self._sent: dict[Subscription, deque[tuple[int, trace.SpanContext]]] = {}
        self._waiting: dict[Process, Waiting] = {}  # of the stages that have a buffer
        self._clock: Callable[[], float] = time.monotonic
        self._epoch = 0.0

    def attached(self, system: System) -> None:
        self._clock = system.clock
        self._epoch = time.time() - system.clock()

    # ---- processes

    def started(self, process: Process) -> None:
        name = self._names[process] = {"palleto.stage": process.name or type(process).__name__}
        self._running.add(1, name)
        buffer = getattr(getattr(process, "core", None), "buffer", None)
        if buffer is not None:
            self._waiting[process] = Waiting(buffer)

    def ended(self, process: Process, reason: Reason) -> None:
        crash = is_crash(reason)
        begun = self._begun.pop(process, None)
        if begun is not None:  # it did not come back
            if crash:
                if isinstance(reason, BaseException):
                    begun.span.record_exception(reason, timestamp=self._now())
                begun.span.set_status(trace.StatusCode.ERROR, describe(reason))
            self._end(begun)
        for subscription in [sent for sent in self._sent if process in (sent.consumer, sent.producer)]:
            del self._sent[subscription]
        self._waiting.pop(process, None)
        name = self._names.pop(process, None)
        if name is not None:
            self._running.add(-1, name)
            if crash:
                self._crashes.add(1, name)

    def restarted(self, process: Process, supervisor: Process, reason: Reason) -> None:
        self._restarts.add(1, self._name(process))

    def lost(self, process: Process, events: Any) -> None:
        self._lost.add(len(events), self._name(process))

    # ---- callbacks

    def called(self, stage: Any, callback: str, argument: Any) -> None:
        name = self._name(stage)
        attributes: dict[str, Any] = {**name, "palleto.id": stage.id, "palleto.callback": callback}
        links: Iterable[trace.Link] = ()
        if callback == "handle_events":
            attributes["palleto.events"] = len(argument)
            links = [trace.Link(origin) for origin in self._origins(stage.core.current[0], len(argument))]
        elif callback == "handle_demand":
            attributes["palleto.demand"] = argument
        at = self._clock()
        span = self._tracer.start_span(
            f"{callback} {name['palleto.stage']}", attributes=attributes, links=tuple(links), start_time=self._now()
        )
        token = context.attach(trace.set_span_in_context(span))
        self._begun[stage] = Begun(span, token, at, {**name, "palleto.callback": callback})

    def returned(self, stage: Any, callback: str, argument: Any) -> None:
        begun = self._begun.pop(stage, None)
        if begun is not None:
            if (waiting := self._waiting.get(stage)) is not None:
                waiting.look(begun.span.get_span_context())
            self._end(begun)
        if callback == "handle_events":
            self._handled.add(len(argument), self._name(stage))

    def sent(self, stage: Any, to: Any, message: Message) -> None:
        kind, subscription, what = message
        if kind == EVENTS:
            self._emitted.add(len(what), self._name(stage))
            begun = self._begun.get(stage)
            origin = trace.INVALID_SPAN_CONTEXT if begun is None else begun.span.get_span_context()
            self._sent.setdefault(subscription, deque()).extend(self._waiting[stage].origins(what, origin))
        elif kind == ASK:
            self._asked.add(what, self._name(stage))

    def settled(self, stage: Any) -> None:
        if (waiting := self._waiting.get(stage)) is not None:
            waiting.settled()

    def _end(self, begun: Begun) -> None:
        context.detach(begun.token)
        begun.span.end(self._now())
        self._duration.record(self._clock() - begun.at, begun.attributes)

    def _origins(self, subscription: Subscription, count: int) -> list[trace.SpanContext]:
        """The spans in which the next `count` events of a subscription were sent."""
        sent, origins = self._sent.get(subscription), []
        while sent and count > 0:
            number, origin = sent.popleft()
            if number > count:
                sent.appendleft((number - count, origin))
            count -= number
            if origin.is_valid:
                origins.append(origin)
        return origins

    def _now(self) -> int:
        """The run's time, in nanoseconds since 1970."""
        return round((self._epoch + self._clock()) * 1e9)

    def _name(self, process: Process) -> dict[str, str]:
        return self._names.get(process) or {"palleto.stage": process.name or type(process).__name__}

    def _observe(self, account: int) -> Callable[[metrics.CallbackOptions], Iterable[metrics.Observation]]:
        """What reads one of the accounts of all stages: the sum of those of one name. It may run in another thread."""

        def observe(options: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
            sums: Counter[str] = Counter()
            for process, name in list(self._names.items()):
                core = getattr(process, "core", None)
                if core is not None:
                    sums[name["palleto.stage"]] += core.accounts()[account]
            return [metrics.Observation(number, {"palleto.stage": stage}) for stage, number in sums.items()]

        return observe
