"""The dashboard without a front-end: its controls act on the run, and what it shows at the end is what is saved."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from palleto import Supervisor, TraceEvent, child
from palleto.lab import evidence
from palleto.lab.dashboard.panels import PANELS
from steps import step1, step5, step7, step9


def wait_for(reached: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "expected it to happen in time"
        time.sleep(0.01)


def test_before_it_runs_it_says_so(dash: Any):
    made = dash(step5.pipeline)
    assert repr(made).splitlines()[0] == "not started · 0 s · speed 1 · 0 events"
    bundle = made._repr_mimebundle_()
    assert bundle["text/plain"] == repr(made)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    changes: list[Any] = []
    for widget in (*made.panels.values(), made.status, made.log):
        widget.observe(changes.append, "value")
    made._frame()
    assert changes == [], "what did not change is not sent"


@pytest.mark.parametrize(
    ("step", "settings", "panels", "demand", "copies"),
    [
        (step1, {}, ["demand", "throughput"], 10, (1, "consumers")),
        (step5, {}, ["demand", "loops", "throughput"], 10, (3, "consumers")),
        (step7, {}, ["demand", "loops", "throughput", "queue"], 10, (1, "consumers")),
        (step9, {}, ["demand", "loops", "throughput", "queue"], 1, (3, "pipelines")),
        (step9, {"pipelines": 14, "max_demand": 40}, [*PANELS], 40, (14, "pipelines")),
    ],
)
def test_panels_and_controls_are_those_of_the_pipeline(
    dash: Any, step: Any, settings: dict[str, int], panels: list[str], demand: int, copies: tuple[int, str]
):
    made = dash(step.pipeline, **settings)
    assert list(made.panels) == panels
    controls = made.controls
    assert controls.max_demand.value == demand
    assert (controls.copies.value, controls.copies.description) == copies
    assert (controls.kill_loop is not None) == ("loops" in panels) == (controls.crash_loop is not None)
    assert (controls.rate is not None) == ("queue" in panels) == (controls.drop is not None)
    labelled = [one for one in vars(controls).values() if hasattr(one, "description") and one is not controls.status]
    assert all(one.description for one in labelled)


def test_run_is_the_same_within_a_cell(dash: Any):
    made = dash(step5.pipeline, speed=200)
    words = asyncio.run(made.run(seconds=60))
    assert words.split() == repr(made).split()
    assert max(map(len, words.splitlines())) <= 100
    assert words.startswith("ended")
    assert made.scene.events == len(made.experiment.trace.events)  # how many depends on the machine's load
    assert made.experiment.seconds is None
    assert made.frames > 2


def test_two_runs_in_a_row_begin_anew(dash: Any):
    made = dash(step5.pipeline, virtual=True, seconds=40)
    for _ in range(2):
        assert asyncio.run(made.run()).startswith("ended")
        assert made.scene.events == len(made.experiment.trace.events)
        assert made.scene.consumed == evidence.consumed(made).value > 0
    made.experiment.seconds, made.experiment.virtual, made.experiment.speed = None, False, 200
    made.start()
    made.controls.start.click()
    wait_for(lambda: made.scene.consumed)
    wait_for(lambda: sum(thread.name == "palleto dashboard" for thread in threading.enumerate()) == 1)
    assert made.state == "running"


def test_stopping_is_shown_until_what_is_in_hand_is_done(dash: Any):
    made = dash(step1.pipeline, speed=1)  # a batch takes a second
    made.start()
    wait_for(lambda: made.scene.events and any(e.kind == "handle_events" for e in made.experiment.trace.events))
    made.controls.stop.click()
    wait_for(lambda: "stopping</b>, finishing what is in hand" in made.status.value)
    assert made.controls.stop.disabled
    assert made.controls.pause.disabled
    assert not made.controls.start.disabled
    wait_for(lambda: "ended" in made.status.value)
    assert made.scene.consumed == 10


def test_killing_a_stage_and_the_loop(dash: Any):
    made = dash(step5.pipeline, speed=100)
    made.start()
    wait_for(lambda: made.controls.stage.value is not None)  # set last, when the options are whole
    made.controls.stage.value = "#5"
    made.controls.kill_stage.click()
    wait_for(lambda: "killed" in made.alarms.value)
    wait_for(lambda: made.scene.restart_count and "#5" not in made.controls.stage.options)
    assert "1 crash" in made.line
    killed = made.scene.loops_ended["killed"]
    made.controls.kill_loop.click()
    wait_for(lambda: made.scene.loops_ended["killed"] > killed)


def test_an_error_is_shown(dash: Any):
    class Bad(step1.Producer):
        def handle_demand(self, demand: int) -> list[str]:
            raise ValueError("no <more>")

    made = dash(lambda: Supervisor([child(Bad), child(step1.Consumer)]), speed=100)
    words = asyncio.run(made.run())
    assert made.state == "failed"
    assert "\nerror: expected at most 3 restarts" in words
    assert "no &lt;more&gt;" in made.alarms.value
    assert "✕" in made.status.value


def test_a_frame_that_fails_says_so(dash: Any, monkeypatch: pytest.MonkeyPatch):
    made = dash(step5.pipeline, speed=100)

    def fail(**_: object) -> None:
        raise ValueError("no")

    monkeypatch.setattr(made, "_frame", fail)
    made.start()
    wait_for(lambda: "stands still: ValueError: no" in made.alarms.value)


def test_a_long_line_that_was_said_ends_with_a_sign_that_more_follows(dash: Any):
    made = dash(step1.pipeline)
    made.scene.said.append((1.0, "a" * 90))
    made.scene.said.append((2.0, "b" * 91))
    made._frame()
    assert f"{'a' * 90}\n" in made.log.value
    assert f"{'b' * 89}…\n" in made.log.value
    assert "b" * 90 not in made.log.value


def test_the_panels_are_drawn_in_every_third_frame_and_the_pipeline_in_each(dash: Any):
    made = dash(step5.pipeline)
    made.scene.add(TraceEvent(0, 0.0, "P", "subscribe", "C"))
    shown = []
    for seq in range(1, 7):
        made.scene.add(TraceEvent(seq, float(seq), "C", "handled", ids=("a",), data={"last": True}))
        made._next_frame()
        shown.append((made.panels["throughput"].value, made.pipeline.words))
    panels, pipelines = zip(*shown, strict=True)
    assert [len(set(panels[at : at + 4])) for at in (0, 1, 2)] == [2, 2, 2]
    assert len(set(pipelines)) == 6
