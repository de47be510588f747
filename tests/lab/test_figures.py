"""The closing figures: what they say of a run, and that they leave matplotlib's own settings alone."""

from __future__ import annotations

import re
import threading
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from supervised import struck

from palleto import Trace, TraceEvent
from palleto.cloud import Simulation
from palleto.experiment import Experiment
from palleto.lab import figures
from palleto.lab.capacity import Load, Measured, Setting, Trial, sweep
from palleto.lab.figures.picture import SKY
from palleto.lab.overload import Account, shedding, unbounded, workers
from palleto.lab.shutdown import ladder, roll_out
from palleto.lab.supervision import one_floor, two_floors
from palleto.program import after_events
from palleto.replay.evidence import loops

DOWNLOADS = Simulation(get_object=(1.0, 2.0))
SIXTY = after_events(60)


RUNS: dict[str, Trace] = {}


def ran(play: Any, step: int, **options: Any) -> Trace:
    """The trace of a step, which is played once for all tests of this file."""
    key = f"{step} {options}"
    if key not in RUNS:
        RUNS[key] = play(step, **options).trace
    return RUNS[key]


@pytest.fixture
def four(play: Any) -> Trace:
    return ran(play, 4, until=SIXTY)


@pytest.fixture
def five(play: Any) -> Trace:
    return ran(play, 5, until=SIXTY)


def nine(play: Any, pipelines: int, files: int = 12) -> Trace:
    return ran(play, 9, simulation=DOWNLOADS, files=files, pipelines=pipelines)


def texts(figure: figures.Picture) -> list[str]:
    """What the legends of a figure say."""
    legends = [axes.get_legend() for axes in figure.axes] + figure.legends
    return [text.get_text() for legend in legends if legend is not None for text in legend.get_texts()]


def test_demand_adds_up_to_what_the_producer_remembers(five):
    figure = figures.demand_over_time(five)
    assert figure.palleto_title == "Demand adds up: 3 subscriptions, 30 events outstanding at most (at 0 s)"
    assert texts(figure)[:3] == ["for consumer #4", "for consumer #5", "for consumer #6"]
    line = next(line for line in figure.axes[0].lines if str(line.get_label()).startswith("remembered"))
    # the top of the stack is the producer's account, at every moment
    tops = figure.axes[0].collections[-1].get_paths()[0].vertices[:, 1]
    assert max(line.get_ydata()) == max(tops) == 30


def test_demand_of_one_subscription_is_paid_off_or_stays(four):
    assert (
        figures.demand_over_time(four).palleto_title
        == "Each demand is asked once and paid off: 10 events outstanding at most"
    )
    trace = [
        TraceEvent(0, 0.0, "P", "ask", "C", data={"count": 10}),
        TraceEvent(1, 1.0, "P", "emitted", "C", tuple("abcdefg")),
        TraceEvent(2, 20.0, "", "queue", data={}),
    ]
    title = figures.demand_over_time(trace).palleto_title
    assert title == "Demand is asked once: 3 of 10 events stay outstanding, the last 19 s"


def test_loops_that_are_killed_are_marked_and_named(four, five):
    figure = figures.loop_restarts(five)
    assert figure.palleto_title == "7 loops started, 6 killed, each for one that looks for all that is remembered"
    assert "10, 20, 30, 14, 14, 14, 14" in figure.palleto_alt
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words == ["killed"] * 6 + ["stopped"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()][2] == "#9  to find 30"
    assert figure.axes[0].get_xlabel() == "run time (s)"
    assert figures.loop_restarts(four).palleto_title == "6 loops started, none killed"


def test_a_loop_alone_has_a_name_that_fits():
    started = TraceEvent(0, 0.0, "#5", "loop_started", data={})
    figure = figures.loop_restarts([started, TraceEvent(1, 9.0, "#5", "loop_ended", data={"reason": "normal"})])
    figure.svg()  # lays it out
    axes = figure.axes[0]
    box = axes.yaxis.label.get_window_extent()
    assert box.y1 <= axes.get_window_extent().y1 + 2
    assert box.y1 <= figure._suptitle.get_window_extent().y0


def test_throughput_by_pipeline_in_order(play):
    trace = nine(play, 11, files=22)
    figure = figures.throughput(trace)
    assert figure.palleto_title.startswith("22 files in ")
    assert "by 11 pipelines" in figure.palleto_title
    assert texts(figure) == ["all 11", *(f"Pipeline{number}" for number in range(11, 0, -1))]
    rates = figure.axes[1]
    assert rates.get_ylabel() == "files a second"
    width = max(bar.get_width() for bar in rates.patches) / 0.94
    areas = [bar.get_height() * (bar.get_width() + 0.06 * width) for bar in rates.patches]
    assert sum(areas) == pytest.approx(22)


def test_a_steady_rate_is_drawn_as_that_rate():
    trace = [TraceEvent(n, 1.7 * n, "C", "handled", ids=("a", "b"), data={"last": True}) for n in range(1, 177)]
    bars = figures.throughput(trace).axes[1].patches
    assert [bar.get_height() for bar in bars] == pytest.approx([2 / 1.7] * len(bars))
    gaps = {round(after.get_x() - before.get_x() - bars[1].get_x(), 6) for before, after in pairwise(bars)}
    assert gaps == {0}


def test_which_of_two_runs_is_faster(four, five):
    title = figures.consumed_over_time({"step 4": four, "step 5": five}).palleto_title
    assert title == "Step 4 and step 5 are equally fast: 10 events in 46 s"
    slower = [replace(event, t=event.t * 1.03) for event in five]
    title = figures.consumed_over_time({"step 4": four, "step 5": slower}).palleto_title
    assert title == "Step 4 and step 5 are equally fast: 10 events in 46 s to 47 s"
    early = [event for event in five if event.t < 80]
    title = figures.consumed_over_time({"step 4": four, "start of step 5": early}).palleto_title
    assert title == "The last 10 events took 46 s in step 4, 25 s in start of step 5"


def test_one_message_over_time(play):
    trace = nine(play, 3)
    figure = figures.message_over_time(trace, "20160720.gz")
    assert figure.palleto_title == trace.message("20160720.gz").title
    assert "is done with it" in figure.palleto_alt
    (axes,) = figure.axes
    lanes = [label.get_text() for label in axes.get_yticklabels()]
    assert lanes[:2] == ["visible", "in flight"]
    assert len(axes.patches) == len(trace.message("20160720.gz").spans)
    assert set(texts(figure)) == {"cast", "download", "written", "delete"}


def test_requests_per_file_against_pipelines(play):
    figure = figures.requests_per_file({1: nine(play, 1), 6: nine(play, 6)})
    left, right = figure.axes
    assert (left.get_ylabel(), right.get_ylabel()) == ("SQS requests per file", "files a second")
    speeds = right.lines[1].get_ydata()
    assert speeds[1] > 3 * speeds[0]
    title = f"6 pipelines: {speeds[1] / speeds[0]:.1f} times the files a second of 1, "
    assert figure.palleto_title.startswith(title)
    assert "1: " in figure.palleto_alt
    assert "6: " in figure.palleto_alt


def test_the_queue_of_a_run_on_a_server_adds_up():
    def event(seq: int, t: float, kind: str, ids: tuple[str, ...] = (), **data: Any) -> TraceEvent:
        return TraceEvent(seq, t, "", kind, ids=ids, data=data)

    trace = [
        event(0, 0.0, "sent", ("k1", "k2", "k3")),
        event(1, 0.2, "receive", ("a", "b"), counts=[1, 1], visibility=0.5),
        event(2, 0.5, "queue", visible=1, in_flight=2, dead_lettered=0),
        event(3, 0.6, "delete", ("a",), deleted=1, failed=0),
        event(4, 0.6, "queue", visible=1, in_flight=2, dead_lettered=0),  # older than the deletion
        event(5, 1.0, "dead_lettered", ("b",)),
        event(6, 1.2, "receive", ("c",), counts=[2], visibility=0.5),
        event(7, 1.4, "request", operation="sqs.ReceiveMessage", error="the run ended before it was answered"),
    ]
    figure = figures.queue_over_time(trace)
    assert figure.palleto_title == (
        "3 messages at the end: 1 deleted, 1 dead-lettered, 1 in flight; received 3 times, 1 of them again; "
        "4 requests to SQS"
    )
    assert {"deleted", "dead-lettered", "in flight", "visible"} <= set(texts(figure))
    assert {"receive: 3", "redelivered: 1", "without a result: 1"} <= set(texts(figure))
    assert max(figure.axes[0].collections[-1].get_paths()[0].vertices[:, 1]) == 3


@pytest.mark.parametrize(
    ("draw", "nothing"),
    [
        *((draw, []) for draw in (figures.demand_over_time, figures.loop_restarts, figures.throughput)),
        *((draw, []) for draw in (figures.queue_over_time, figures.cascade_over_time)),
        *((draw, {}) for draw in (figures.requests_per_file, figures.consumed_over_time, figures.overload_over_time)),
        *((draw, {}) for draw in (figures.ends_side_by_side, figures.rollouts_side_by_side, figures.scaling)),
        (figures.requests_per_file, {1: []}),
    ],
)
def test_before_there_is_a_run_a_figure_says_so(draw, nothing):
    figure = draw(nothing)
    assert figure.palleto_title == "Nothing to show yet"
    assert re.search("run the cells? above first", figure.palleto_alt)
    assert "Nothing to show yet" in figure.svg()


def nameless(svg: str) -> str:
    """An SVG without the name that its ids have this time."""
    return re.sub(r"figure-[0-9a-f]{8}", "figure", svg)


def test_a_figure_is_an_svg_with_words(five):
    figure = figures.loop_restarts(five)
    data = figure._repr_mimebundle_()
    assert data["text/plain"] == figure.palleto_alt
    root = ElementTree.fromstring(data["text/html"])
    assert (root.get("role"), root.get("aria-label")) == ("img", figure.palleto_alt)
    written = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert figure.palleto_title in " ".join(filter(None, written)), "text is text"
    assert written.count("killed") == 7  # six loops, and the legend
    assert not re.search("NaN|nan|None", data["text/html"])
    assert len(data["text/html"]) < 40_000


def test_ids_are_a_figures_own_and_are_all_there(five):
    figure = figures.throughput(five)
    first, second = figure.svg(), figure.svg()
    found = [re.findall(r' id="([^"]+)"', svg) for svg in (first, second)]
    assert found[0]
    assert not set(found[0]) & set(found[1])
    assert len(found[0]) == len(set(found[0])) < 12
    assert set(re.findall(r"url\(#([^)]+)\)", first)) == set(found[0])
    assert nameless(first) == nameless(second)


def contrast(one: str, other: str) -> float:
    """Of two colours, as WCAG defines it: 1 to 21."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def test_inks_are_the_pages_and_colours_are_told_from_light_and_dark_paper(four, five, play):
    many = figures.throughput(nine(play, 11, files=22))
    made = [figures.demand_over_time(five), figures.loop_restarts(five), many]
    made += [figures.queue_over_time(ran(play, 7)), figures.consumed_over_time({"a": four, "b": five})]
    svg = "".join(figure.svg() for figure in made)
    for name, value in (("ui-font-color1", "#1a1a1a"), ("ui-font-color2", "#595959"), ("layout-color0", "#ffffff")):
        assert f"var(--jp-{name}, {value})" in svg
    fixed = set(re.findall(r"(?<!, )#[0-9a-f]{6}\b", svg))
    assert len(fixed) >= 6
    for colour in fixed:
        assert contrast(colour, "#ffffff") > 2.2, colour  # orange and sky, which have hatches and edges, too
        assert contrast(colour, "#111111") > 4, colour


def test_no_global_setting_of_matplotlib_is_read_or_changed(five):
    before = dict(mpl.rcParams)
    plain = nameless(figures.loop_restarts(five).svg())
    with mpl.rc_context({"figure.facecolor": "black", "text.color": "white", "axes.facecolor": "black",
                         "axes.labelcolor": "white", "xtick.color": "white"}):  # fmt: skip
        assert nameless(figures.loop_restarts(five).svg()) == plain
    assert dict(mpl.rcParams) == before


def test_figures_are_made_in_threads(five):
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.append(nameless(figures.loop_restarts(five).svg()))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 3
    assert len(set(made)) == 1


def test_many_loops_fit(play):
    trace = nine(play, 3, files=40)
    assert len(loops(trace)) > 24
    figure = figures.loop_restarts(trace)
    assert figure.get_figheight() <= 6.4
    assert any("its answer is kept" in text for text in texts(figure)), "the last poll of a killed loop is shown"


def overloaded(pipeline: Any, seconds: float) -> Any:
    run = Experiment(pipeline, virtual=True, seconds=seconds).start()
    run.join()
    return run


def test_overload_side_by_side():
    runs = {way.__name__: overloaded(way, 65) for way in (unbounded, shedding)}
    figure = figures.overload_over_time(runs)
    dropped = Account.of(runs["shedding"]).places["dropped"]
    most = "301 unbounded, 58 shedding"
    assert figure.palleto_title == f"Files in memory at most: {most}; dropped: {dropped} shedding"
    assert f"shedding: 58 in memory and 0 at the source at most, {dropped} dropped, " in figure.palleto_alt
    assert [axes.get_title() for axes in figure.axes[:2]] == ["unbounded", "shedding"]
    tops = [max(path.vertices[:, 1]) for axes in figure.axes[:2] for path in axes.collections[0].get_paths()]
    assert tops == pytest.approx([301, 58], abs=1)  # a series is thinned out
    assert len({axes.get_ylim() for axes in figure.axes[:2]}) == 1, "they share their axes"
    assert texts(figure) == ["from its arrival until it is done", "of these, in memory"]
    quiet = overloaded(lambda: unbounded(20, 0), 1)
    assert figures.overload_over_time({"quiet": quiet}).palleto_title == "Nothing to show yet"


def test_the_lanes_of_consumers():
    figure = figures.lanes_over_time(overloaded(lambda: workers(100, 10, 10), 130))
    assert figure.palleto_title == "120 files in 100 s: the lanes are idle for 60% of the time"
    lanes = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert lanes == ["consumer #3: 100 files", "consumer #4: 10 files", "consumer #5: 10 files"]
    assert figure.palleto_alt.endswith("Idle: consumer #3 0.5 s, consumer #4 90 s, consumer #5 90 s.")
    assert figures.lanes_over_time(overloaded(lambda: workers(1), 0.1)).palleto_title == "Nothing to show yet"


def test_ends_of_workers_side_by_side():
    found = ladder(deadline=2, seconds=8, rungs=["kill -9", "drain", "drain and give back"])
    figure = figures.ends_side_by_side(found)
    worst = found["kill -9"].left
    assert figure.palleto_title == f"kill -9 leaves {worst} messages in flight, drain and give back none"
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == list(found)
    assert [bar.get_width() for bar in figure.axes[0].patches] == [end.left for end in found.values()]
    assert all(f"{name}: {end.left} left" in figure.palleto_alt for name, end in found.items())


def test_deploys_side_by_side_and_over_time():
    one = roll_out("kill -9")
    quiet = roll_out("drain", 5, 2, deploys=0)
    figure = figures.rollouts_side_by_side({"kill -9": one, "none": quiet})
    assert figure.palleto_title == f"Dead letters: {len(one.dead)} kill -9"
    assert [bar.get_width() for bar in figure.axes[2].patches] == [len(one.dead), 0]
    over_time = figures.rollout_over_time(one)
    assert over_time.palleto_title == f"3 deploys, kill -9: {len(one.dead)} dead letters"
    assert [label.get_text() for label in over_time.axes[0].get_yticklabels()] == ["worker 1", "worker 2", "worker 3"]
    assert "no deploys" in figures.rollout_over_time(quiet).palleto_title


def test_the_cascade_and_the_budgets():
    trace, _ = struck(two_floors, "two in a row", strategy="one_for_one")
    figure = figures.cascade_over_time(trace)
    assert figure.palleto_title == "2 crashes, 6 starts anew, 6 events lost"
    lanes = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert lanes[:2] == ["Top: one_for_one, 3 in 5 s", "\u00a0" * 4 + "Source"]
    assert len(lanes) == 11
    assert {"restarts left", "crashes", "gives up: no restart is left", "is started anew"} <= {*texts(figure)}
    assert "cannot start" not in texts(figure)
    assert "Pipeline1 gives up: RestartError" in figure.palleto_alt
    assert figure.palleto_alt.endswith("Longest pauses: Writer1 3.5 s, Writer2 1 s, Writer3 1 s.")
    # the bars of a budget are as high as what is left of it
    colour = mpl.colors.to_rgba(SKY)
    heights = [bar.get_height() for bar in figure.axes[0].patches if bar.get_facecolor() == colour]
    full = max(heights)
    assert {round(3 * height / full) for height in heights} == {0, 1, 2, 3}


def test_a_cascade_that_ends_the_run_and_one_that_does_not_begin():
    trace, _ = struck(one_floor, "a crash at start", strategy="one_for_one")
    assert figures.cascade_over_time(trace).palleto_title == "1 crash, no starts anew; Top gives up after 3.5 s"
    assert figures.cascade_over_time(struck(one_floor, "nothing")[0]).palleto_title == "Nothing crashes"


def test_capacity_and_its_knees():
    tried = sweep(Load(files=20), [1, 6], [1, 10])
    figure = figures.capacity(tried)
    knees = {demand: tried.knee(demand) for demand in (1, 10)}
    assert figure.palleto_title == (
        f"The knee: {knees[1]} pipelines with max_demand 1, {knees[10]} pipeline with max_demand 10"
    )
    speed, age, idle, cost = figure.axes
    assert [list(line.get_ydata()) for line in speed.lines[:3:2]] == [
        [tried[number, demand].measured.throughput for number in (1, 6)] for demand in (1, 10)
    ]
    rings = [line.get_xydata().tolist() for line in speed.lines[1:4:2]]
    assert rings == [[[knee, tried[knee, demand].measured.throughput]] for demand, knee in knees.items()]
    assert list(age.lines[0].get_ydata()) == [tried[number, 1].measured.p99 for number in (1, 6)]
    assert list(idle.lines[0].get_ydata()) == [100 * tried[number, 1].measured.idle for number in (1, 6)]
    assert list(cost.lines[0].get_ydata()) == [tried[number, 1].measured.sqs for number in (1, 6)]
    assert texts(figure) == ["max_demand 1", "max_demand 10", "the knee", "what arrives"]
    assert f"{tried[knees[1], 1].measured.sqs:.2f} requests to SQS a file" in figure.palleto_alt


@pytest.mark.parametrize("logarithmic", [False, True])
def test_scaling_of_several_ways(logarithmic: bool):
    load = Load(rate=None, waits=1.0, files=8)
    runs = {number: Trial(load, Setting(number)) for number in (1, 4)}
    real = {1: Measured(8, 8, throughput=0.9, requests=Counter(receive=12))}
    figure = figures.scaling({"one loop": runs, "real": real, "not run": {}}, "pipelines", logarithmic=logarithmic)
    left, right = figure.axes
    assert list(left.lines[0].get_ydata()) == [trial.measured.throughput for trial in runs.values()]
    assert list(right.lines[1].get_ydata()) == [1.5]
    assert texts(figure) == ["one loop", "real"]
    assert figure.palleto_title.startswith("Receives a file with 4 pipelines: ")
