"""The closing figures: what they say of a run, and that they leave matplotlib's own settings alone."""

from __future__ import annotations

import base64
import re
import threading
from typing import Any

import matplotlib as mpl
import pytest

from palleto import Trace, TraceEvent
from palleto.cloud import Simulation
from palleto.lab import figures
from palleto.program import after_events
from palleto.replay.evidence import loops

DOWNLOADS = Simulation(get_object=(1.0, 2.0))


@pytest.fixture
def four(play) -> Any:
    return play(4, until=after_events(60)).trace


@pytest.fixture
def five(play) -> Any:
    return play(5, until=after_events(60)).trace


def nine(play, pipelines: int, files: int = 12) -> Trace:
    return play(9, simulation=DOWNLOADS, files=files, pipelines=pipelines).trace


def texts(figure: figures.Picture) -> list[str]:
    """What the legends of a figure say."""
    legends = [axes.get_legend() for axes in figure.axes] + figure.legends
    return [text.get_text() for legend in legends if legend is not None for text in legend.get_texts()]


def test_demand_adds_up_to_what_the_producer_remembers(five):
    figure = figures.demand_over_time(five)
    assert figure.palleto_title == "Demand adds up: 3 subscriptions, 30 events owed at most (at 0 s)"
    assert texts(figure)[:3] == ["for consumer #4", "for consumer #5", "for consumer #6"]
    line = next(line for line in figure.axes[0].lines if str(line.get_label()).startswith("remembered"))
    # the top of the stack is the producer's account, at every moment
    tops = figure.axes[0].collections[-1].get_paths()[0].vertices[:, 1]
    assert max(line.get_ydata()) == max(tops) == 30


def test_demand_of_one_subscription_is_paid_off_or_stays(four):
    assert figures.demand_over_time(four).palleto_title == "Demand is asked once and paid off: 10 events owed at most"
    trace = [
        TraceEvent(0, 0.0, "P", "ask", "C", data={"count": 10}),
        TraceEvent(1, 1.0, "P", "emitted", "C", tuple("abcdefg")),
        TraceEvent(2, 20.0, "", "queue", data={}),
    ]
    title = figures.demand_over_time(trace).palleto_title
    assert title == "Demand is asked once: 3 of 10 events stay owed for the last 19 s"


def test_loops_that_are_killed_are_marked_and_named(four, five):
    figure = figures.loop_restarts(five)
    assert figure.palleto_title == "7 loops started, 6 were killed, each for one that looks for all that is owed"
    assert "10, 20, 30, 14, 14, 14, 14" in figure.palleto_alt
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words == ["killed"] * 6 + ["end of run"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()][2] == "#9  to find 30"
    assert figure.axes[0].get_xlabel() == "run time (s)"
    assert figures.loop_restarts(four).palleto_title == "6 loops started, none was killed"


def test_a_loop_alone_has_a_name_that_fits():
    started = TraceEvent(0, 0.0, "#5", "loop_started", data={})
    figure = figures.loop_restarts([started, TraceEvent(1, 9.0, "#5", "loop_ended", data={"reason": "normal"})])
    figure.png()  # lays it out
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
    width = min(bar.get_width() for bar in rates.patches) / 0.94
    assert sum(bar.get_height() for bar in rates.patches) * width == pytest.approx(22)


def test_which_of_two_runs_is_faster(four, five):
    title = figures.consumed_over_time({"step 4": four, "step 5": five}).palleto_title
    assert title == "Step 4 and step 5 are equally fast: 10 events in 46 s"
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
    assert {text.get_text() for text in axes.texts} == {"cast", "download", "written", "delete"}


def test_requests_per_file_against_pipelines(play):
    figure = figures.requests_per_file({1: nine(play, 1), 6: nine(play, 6)})
    left, right = figure.axes
    assert (left.get_ylabel(), right.get_ylabel()) == ("SQS requests per file", "files a second")
    speeds = right.lines[1].get_ydata()
    assert speeds[1] > 3 * speeds[0]
    assert "1: " in figure.palleto_alt
    assert "6: " in figure.palleto_alt


def test_the_queue_of_a_run_that_was_not_watched(play):
    figure = figures.queue_over_time(play(7).trace)
    assert figure.palleto_title == "13 messages received, 13 deleted, with 7 requests"
    assert "in hand" in texts(figure)


def test_the_queue_of_a_watched_run_adds_up():
    def event(seq: int, t: float, kind: str, ids: tuple[str, ...] = (), **data: Any) -> TraceEvent:
        return TraceEvent(seq, t, "", kind, ids=ids, data=data)

    trace = [
        event(0, 0.0, "queue", visible=3, in_flight=0, dead_lettered=0),
        event(1, 0.2, "receive", ("a", "b"), counts=[1, 1]),
        event(2, 0.5, "queue", visible=1, in_flight=2, dead_lettered=0),
        event(3, 0.7, "delete", deleted=1, failed=0),
        event(4, 1.0, "queue", visible=1, in_flight=0, dead_lettered=1),
        event(5, 1.2, "receive", ("c",), counts=[2]),
    ]
    figure = figures.queue_over_time(trace)
    assert figure.palleto_title == "3 messages received, 1 deleted, 1 redelivered, 1 dead-lettered, with 3 requests"
    assert {"deleted", "dead-lettered", "in flight", "waiting", "redelivered: 1"} <= set(texts(figure))
    assert max(figure.axes[0].collections[-1].get_paths()[0].vertices[:, 1]) == 3


@pytest.mark.parametrize(
    ("draw", "nothing"),
    [
        *((draw, []) for draw in (figures.demand_over_time, figures.loop_restarts)),
        *((draw, []) for draw in (figures.throughput, figures.queue_over_time)),
        (figures.requests_per_file, {}),
        (figures.requests_per_file, {1: []}),
        (figures.consumed_over_time, {}),
    ],
)
def test_before_there_is_a_run_a_figure_says_so(draw, nothing):
    figure = draw(nothing)
    assert figure.palleto_title == "Nothing to show yet"
    assert re.search("run the cells? above first", figure.palleto_alt)
    assert figure.png().startswith(b"\x89PNG")


def test_a_figure_is_an_image_with_words(five):
    figure = figures.loop_restarts(five)
    data, about = figure._repr_mimebundle_()
    assert data["text/plain"] == about["image/png"]["alt"] == figure.palleto_alt
    assert figure.palleto_alt.split(".")[0] in data["text/html"]
    png = base64.b64decode(data["image/png"])
    assert png.startswith(b"\x89PNG")
    assert b"Description" in png
    assert len(png) < 200_000


def test_no_global_setting_of_matplotlib_is_read_or_changed(five):
    before = dict(mpl.rcParams)
    plain = figures.throughput(five).png()
    with mpl.rc_context({"figure.facecolor": "black", "text.color": "white", "axes.facecolor": "black",
                         "axes.labelcolor": "white", "xtick.color": "white"}):  # fmt: skip
        assert figures.throughput(five).png() == plain
    assert dict(mpl.rcParams) == before


def test_figures_are_made_in_threads(five):
    made: list[bytes] = []
    threads = [threading.Thread(target=lambda: made.append(figures.loop_restarts(five).png())) for _ in range(3)]
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
