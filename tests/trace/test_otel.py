"""OpenTelemetry's spans and metrics of a run, with the SDK's in-memory exporter."""

from __future__ import annotations

import subprocess
import sys
import time

import anyio
import pytest
from stage_members import Numbers, Passing, Quiet, Sink, idle, of

from palleto import BroadcastDispatcher, DemandDispatcher, Supervisor, cast, child, running

pytest.importorskip("opentelemetry.sdk", reason="no OpenTelemetry SDK here; pip install 'palleto[otel]'")

from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from palleto.trace.otel import OpenTelemetry


class Kept:
    """What the SDK keeps of a run."""

    def __init__(self):
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        meters = MeterProvider([self.reader], shutdown_on_exit=False)
        self.observer = OpenTelemetry(tracers=self.tracers, meters=meters)

    def spans(self, name=""):
        return [span for span in self.exporter.get_finished_spans() if name in span.name]

    def metrics(self):
        """`{(metric, stage): number}`; of a histogram, `(count, sum)` by `(metric, stage, callback)`."""
        found, data = {}, self.reader.get_metrics_data()
        for resource in data.resource_metrics if data is not None else ():
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                for point in metric.data.data_points:
                    key = (metric.name, *(point.attributes[name] for name in sorted(point.attributes, reverse=True)))
                    found[key] = point.value if hasattr(point, "value") else (point.count, point.sum)
        return found


@pytest.fixture
def kept():
    return Kept()


def ids(spans):
    return [span.context.span_id for span in spans]


class Working(Sink):
    """Takes a second for each batch, and makes a span of its own."""

    name = "working"

    def __init__(self, tracer, to="numbers", **terms):
        super().__init__(to, **terms)
        self.tracer = tracer

    async def handle_events(self, events):
        with self.tracer.start_as_current_span("insert"):
            await anyio.sleep(1)
        self.got += events


async def test_each_callback_is_a_span_with_links_to_where_its_events_come_from(kept):
    sink = Sink("passing", max_demand=2, min_demand=0)
    sink.name = "sink"
    async with running(of(Numbers(4), Passing(2, max_demand=2, min_demand=0), sink), observers=[kept.observer]):
        await idle()
    assert sink.got == [0, 0, 1, 1, 2, 2, 3, 3]

    demands = kept.spans("handle_demand numbers")
    assert [span.attributes["palleto.demand"] for span in demands] == [2, 2, 2]
    middle, below = kept.spans("handle_events passing"), kept.spans("handle_events sink")
    assert [span.attributes["palleto.events"] for span in middle] == [2, 2]
    assert [span.attributes["palleto.events"] for span in below] == [2, 2, 2, 2]
    origins = [[link.context.span_id for link in span.links] for span in middle]
    assert origins == [[origin] for origin in ids(demands[:2])]
    origins = [[link.context.span_id for link in span.links] for span in below]
    assert origins == [
        [origin] for origin in ids([middle[0], middle[0], middle[1], middle[1]])
    ]  # also of two in the buffer
    first = middle[0]
    assert (first.attributes["palleto.stage"], first.attributes["palleto.callback"]) == ("passing", "handle_events")
    assert first.attributes["palleto.id"].startswith("#")
    assert first.instrumentation_scope.name == "palleto"
    assert first.status.is_unset


def links(spans):
    return [[link.context.span_id for link in span.links] for span in spans]


def spread(kind, size=None):
    """A producer with a dispatcher of this kind, and a buffer of this size; it emits what is cast to it."""

    class Spread(Quiet):
        dispatcher, buffer_size = kind, size

    return Spread()


async def test_what_waited_in_a_buffer_has_links_to_where_it_came_from(kept):
    source, sink = spread(DemandDispatcher), Sink("quiet", max_demand=3, min_demand=0)
    async with running(of(source), observers=[kept.observer]) as top:
        for events in ("ab", "cde", "f"):
            cast("quiet", list(events))
        await idle()
        source.emit("g")  # in no span
        await idle()
        top.start_child(child(lambda: sink, restart="temporary"))
        await idle()
        cast("quiet", ["h"])
        await idle()
    assert sink.got == list("abcdefgh")
    first, second, third, last = ids(kept.spans("handle_cast quiet"))
    assert links(kept.spans("handle_events")) == [[first, second], [second, third], [], [last]]


async def test_so_it_is_with_the_parts_of_what_a_consumer_handles_in_parts(kept):
    sink = Sink(max_demand=4, min_demand=3)
    async with running(of(Numbers(6), sink), observers=[kept.observer]):
        await idle()
    assert sink.got == [0, 1, 2, 3, 4, 5]
    first, *others = ids(kept.spans("handle_demand"))
    assert links(kept.spans("handle_events")) == [[origin] for origin in (first, first, first, first, *others[:2])]


async def test_so_it_is_with_each_consumer_of_a_broadcast(kept):
    source, sinks = spread(BroadcastDispatcher), [Sink("quiet", max_demand=2, min_demand=0) for _ in range(2)]
    for number, sink in enumerate(sinks):
        sink.name = f"sink {number}"
    async with running(of(source, *sinks), observers=[kept.observer]):
        await idle()
        cast("quiet", [1, 2, 3])
        cast("quiet", [4])
        await idle()
    assert [sink.got for sink in sinks] == [[1, 2, 3, 4]] * 2
    first, second = ids(kept.spans("handle_cast quiet"))
    for number in range(2):
        assert links(kept.spans(f"handle_events sink {number}")) == [[first], [first, second]]


@pytest.mark.parametrize("keep", ["first", "last"])
async def test_so_it_is_after_a_full_buffer_has_dropped_some(kept, keep):
    source = spread(DemandDispatcher, 4)
    type(source).buffer_keep = keep
    async with running(of(source), observers=[kept.observer], report=lambda line: None) as top:
        for events in ("abc", "defghi", "j"):
            cast("quiet", list(events))
            await idle()
        top.start_child(child(lambda: Sink("quiet", max_demand=10), restart="temporary"))
        await idle()
    first, second, third = ids(kept.spans("handle_cast quiet"))
    assert links(kept.spans("handle_events")) == [[first, second] if keep == "first" else [second, third]]


async def test_what_goes_on_when_a_consumer_leaves_comes_from_where_it_was_emitted(kept):
    class Leaves(Sink):
        def handle_cast(self, message):
            self.cancel(self.subscription)

    source = spread(BroadcastDispatcher)
    slow, fast = Leaves("quiet", cancel="temporary", manual=True), Sink("quiet")
    slow.name, fast.name = "slow", "fast"
    async with running(of(source, slow, fast), observers=[kept.observer]):
        cast("quiet", [1, 2])
        await idle()
        assert fast.got == []
        cast("slow", "leave")
        await idle()
        assert fast.got == [1, 2]
    assert links(kept.spans("handle_events fast")) == [ids(kept.spans("handle_cast quiet"))]


async def test_spans_of_the_users_own_stand_under_the_callbacks_and_those_under_the_runs(kept):
    tracer = kept.tracers.get_tracer("users")
    with tracer.start_as_current_span("run") as run:
        sink = Working(tracer, max_demand=2, min_demand=0)
        async with running(of(Numbers(2), sink), observers=[kept.observer]):
            await anyio.sleep(5)
        assert trace.get_current_span() is run
    (insert,), (handled,) = kept.spans("insert"), kept.spans("handle_events working")
    assert insert.parent.span_id == handled.context.span_id
    assert handled.parent.span_id == run.get_span_context().span_id
    assert {span.context.trace_id for span in kept.spans()} == {run.get_span_context().trace_id}


async def test_a_span_takes_as_long_as_the_run_says(kept):
    before = time.time()
    sink = Working(kept.tracers.get_tracer("users"), max_demand=2, min_demand=0)
    async with running(of(Numbers(4), sink), observers=[kept.observer]):
        await anyio.sleep(10)
    first, second = kept.spans("handle_events working")
    assert (first.end_time - first.start_time, second.start_time - first.end_time) == (10**9, 0)
    assert before <= first.start_time / 1e9 <= time.time()
    assert kept.metrics()["palleto.callback.duration", "working", "handle_events"] == (2, 2.0)


@pytest.mark.parametrize("style", ["plain", "async"])
async def test_a_crash_is_an_error_of_its_span_and_the_next_span_stands_on_its_own(kept, style):
    class Plain(Quiet):
        def handle_cast(self, message):
            raise ValueError(message)

    class Async(Quiet):
        async def handle_cast(self, message):
            await anyio.sleep(1)
            raise ValueError(message)

    reported = []
    top = Supervisor([child(Plain if style == "plain" else Async)])
    async with running(top, observers=[kept.observer], report=reported.append):
        cast("quiet", "oh")
        await anyio.sleep(2)
        cast("quiet", "no")
        await anyio.sleep(2)
        assert trace.get_current_span() is trace.INVALID_SPAN
    assert len(reported) == 2
    for span, message in zip(kept.spans("handle_cast quiet"), ("oh", "no"), strict=True):
        assert (span.status.status_code, span.status.description) == (trace.StatusCode.ERROR, f"ValueError: {message}")
        assert [event.attributes["exception.message"] for event in span.events] == [message]
        assert span.parent is None
    metrics = kept.metrics()
    assert metrics["palleto.process.crashes", "quiet"] == 2
    assert metrics["palleto.process.restarts", "quiet"] == 2
    assert metrics["palleto.process.running", "quiet"] == 0


async def test_the_end_of_a_stage_in_the_middle_of_a_callback_ends_its_span_and_is_no_error(kept):
    sink = Working(kept.tracers.get_tracer("users"))
    sink.patience = 0.5
    async with running(of(Numbers(1), sink), observers=[kept.observer]):
        await anyio.sleep(0.25)
    (span,) = kept.spans("handle_events working")
    assert span.status.is_unset
    assert kept.metrics()["palleto.events.lost", "working"] == 1


async def test_the_metrics_count_what_happened_and_what_there_is(kept):
    class Small(Quiet):
        buffer_size = 3

    source, sink = Small(), Sink("quiet", max_demand=4, min_demand=0)
    sink.name = "sink"
    async with running(of(source, sink), observers=[kept.observer]):
        await idle()
        source.emit(range(3))
        await idle()
        during = kept.metrics()
        sink.cancel(sink.subscription)
        source.emit(range(5))
        await idle()
        full = kept.metrics()
    after = kept.metrics()
    assert during["palleto.demand.outstanding", "quiet"] == 1
    assert during["palleto.events.buffered", "quiet"] == 0
    assert during["palleto.process.running", "sink"] == 1
    assert full["palleto.events.buffered", "quiet"] == 3
    assert {key: value for key, value in after.items() if isinstance(value, int)} == {
        ("palleto.demand.asked", "sink"): 8,
        ("palleto.events.emitted", "quiet"): 4,
        ("palleto.events.handled", "sink"): 4,
        ("palleto.events.lost", "quiet"): 4,
        **{("palleto.process.running", name): 0 for name in ("Supervisor", "quiet", "sink")},
    }


async def test_nothing_of_a_run_is_kept_when_it_is_over(kept):
    async with running(of(Numbers(50), Passing(), Sink("passing")), observers=[kept.observer]):
        await idle()
    assert [getattr(kept.observer, name) for name in ("_names", "_begun", "_sent", "_waiting")] == [{}] * 4


def test_palleto_does_not_import_it_and_without_it_one_line_says_what_installs_it():
    program = """import sys, palleto
assert "opentelemetry" not in sys.modules
sys.modules["opentelemetry"] = None
import palleto.trace.otel"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == (
        "ImportError: expected OpenTelemetry's API; install it with: pip install 'palleto[otel]'"
    )
