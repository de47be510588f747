"""The controls: what they show before a run, what they do in any order, and what they say of it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from palleto import Supervisor, TraceEvent, child, say
from palleto.experiment import Experiment
from palleto.lab.dashboard import Dashboard
from palleto.lab.dashboard.controls import CALM, NOTHING_RUNS
from palleto.lab.dashboard.nature import Nature
from palleto.program import queue_empty
from palleto.replay.scene import Scene
from steps import step1, step3, step5, step6, step7, step9

Make = Callable[..., Dashboard]


def until(dashboard: Dashboard, act: Callable[[], object], kind: str, times: int = 1, **data: Any) -> None:
    """Do that, and wait until the run has made so many such trace events."""
    found, left = threading.Event(), [times]

    def hear(event: TraceEvent) -> None:
        left[0] -= event.kind == kind and data.items() <= event.data.items()
        if left[0] == 0:
            found.set()

    run = dashboard.experiment
    (run.trace.listeners if run.running else run.listeners).append(hear)
    act()
    assert found.wait(60)


def ended(dashboard: Dashboard) -> None:
    """Wait until the buttons' threads and the run have ended, and the last frame is shown."""
    joined("palleto button")
    dashboard.experiment.join(60)
    joined("palleto dashboard")


def joined(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(60)


def line(dashboard: Dashboard, name: str) -> str:
    """What is said of what was asked for ("answers"), or of what cannot be done ("why")."""
    return re.sub("<[^>]*>", "", dashboard.controls.lines[name].value)


# ---- before a run


def test_the_glance_at_a_pipeline_says_nothing_and_leaves_nothing(capfd: pytest.CaptureFixture[str]):
    class Sink(step1.Consumer):
        def init(self) -> None:
            say("up")
            super().init()

    nature = Nature(Experiment(lambda: Supervisor([child(step1.Producer), child(Sink), child(Sink)])))
    assert (nature.max_demand, nature.copies, nature.noun, nature.error) == (10, 2, "consumers", "")
    assert capfd.readouterr() == ("", "")
    assert not [thread for thread in threading.enumerate() if "palleto" in thread.name]


def test_what_is_not_known_before_is_shown_when_it_runs(dash: Make):
    class Needs(step7.Consumer):
        def __init__(self, warehouse: Any) -> None:
            self.warehouse = warehouse

        def init(self) -> None:
            assert self.warehouse.bucket, "a real one"
            self.subscribe("SQS.Producer", max_demand=6)

    def pipeline(warehouse: Any) -> Supervisor:
        children = [child(step7.Server, warehouse), child(step7.Producer), child(Needs, warehouse)]
        return Supervisor(children)

    made = dash(pipeline, virtual=True, files=2, until=queue_empty)
    assert made.nature.error.startswith("AttributeError")
    made.start()
    ended(made)
    assert (made.controls.max_demand.value, made.controls.copies.value) == (6, 1)


def test_a_pipeline_that_cannot_be_made_shows_its_error_when_it_runs(dash: Make):
    def broken() -> Supervisor:
        raise ValueError("no pipeline")

    made = dash(broken)
    assert made.nature.error == "ValueError: no pipeline"
    made.controls.start.click()
    ended(made)
    assert made.state == "failed"
    assert "asked: start → ✕ failed, ValueError: no pipeline" in line(made, "answers")


def test_a_speed_is_shown_as_it_is(dash: Make):
    for speed, label in ((5, "5"), (0.5, "0.5"), (35, "35")):
        slider = dash(step5.pipeline, speed=speed).controls.speed
        assert (slider.value, slider.label) == (speed, label)


def test_what_is_set_before_start_holds_and_is_answered(dash: Make):
    made = dash(step5.pipeline, virtual=True, seconds=60)
    controls = made.controls
    controls.copies.value, controls.max_demand.value = 2, 4
    assert line(made, "answers") == (
        "asked: max_demand 4 → from the next start on · asked: 2 consumers → from the next start on"
    )
    controls.copies.value = 1
    assert line(made, "answers").startswith("asked: 1 consumer → from the next start on · ")
    controls.copies.value = 2
    made.start()
    ended(made)
    assert [command.state for command in made.experiment.commands] == ["done"] * 4
    assert (controls.copies.value, controls.max_demand.value) == (2, 4)


# ---- what cannot be done


def test_before_a_run_what_needs_one_is_disabled_and_says_so(dash: Make):
    made = dash(step9.pipeline)
    controls = made.controls
    needs = (controls.pause, controls.stop, controls.kill_stage, controls.kill_loop, controls.crash_loop, controls.drop)
    assert all(button.disabled and button.tooltip == NOTHING_RUNS for button in needs)
    assert line(made, "why") == NOTHING_RUNS
    free = (controls.start, controls.speed, controls.max_demand, controls.copies, controls.rate)
    assert not any(control.disabled for control in free)


def test_virtual_time_has_neither_pause_nor_speed(dash: Make):
    made = dash(step5.pipeline, virtual=True)
    assert (
        line(made, "why") == f"{NOTHING_RUNS} · Pause: virtual time cannot be paused · speed: virtual time has no speed"
    )
    assert made.controls.pause.tooltip == "virtual time cannot be paused"


def test_while_it_runs_the_rest_says_why(dash: Make):
    made = dash(step3.pipeline, speed=100)
    controls = made.controls
    until(made, made.start, "handled")
    made.experiment.pause()
    scene = Scene()  # no loop in it, as between two of step 3's, which last no longer than a blink
    for _ in range(CALM + 1):
        controls.update(scene)
    assert controls.crash_loop.disabled
    assert controls.crash_loop.tooltip == "no loop runs"
    assert not controls.stop.disabled
    assert line(made, "why") == "Kill the loop, Crash the loop: no loop runs"
    scene.loops_started = 1
    controls.update(scene)
    assert not controls.crash_loop.disabled
    assert controls.crash_loop.tooltip == "as an error in it would"
    assert line(made, "why") == ""
    scene.loops_started = 0
    controls.update(scene)
    assert not controls.crash_loop.disabled, "it does not flicker"
    scene.draining = True
    controls.update(scene)
    assert line(made, "why") == "Resume, Stop, Kill this stage, Kill the loop, Crash the loop: the run is stopping"


def test_the_rate_of_files_that_are_all_there_is_no_matter(dash: Make):
    made = dash(step6.pipeline, speed=50, files=2, place="simulated")
    until(made, made.start, "queue", 3)
    made._frame()
    assert line(made, "why").startswith("arrivals: all files have arrived")
    made.stop()
    assert not made.controls.rate.disabled, "for the next run"


# ---- in any order


def test_start_plays_until_stop_and_each_answers(dash: Make):
    made = dash(step9.pipeline, speed=200, files=2, until=queue_empty, place="simulated")
    until(made, made.controls.start.click, "written", 5)
    assert made.experiment.running
    made.controls.stop.click()
    ended(made)
    assert made.state == "ended"
    assert made.panels["throughput"].value == made.snapshot().canvases[2].svg(), "the last frame is that of the end"
    assert re.match(r"asked: stop → done at [\d.]+ s · asked: start → done", line(made, "answers"))


def test_a_frame_of_a_long_run_waits_for_nothing_that_waits_for_it(dash: Make, monkeypatch: pytest.MonkeyPatch):
    """The recorder holds its lock while it tells the scene: a frame must not hold the scene's and want that one."""
    monkeypatch.setattr("palleto.experiment.experiment.EVENTS", 20)
    made = dash(step5.pipeline, speed=200)
    stuck, done = [], threading.Event()

    def frame_meanwhile(event: TraceEvent) -> None:
        if event.seq == 40:
            frame = threading.Thread(target=made._frame, daemon=True)
            frame.start()
            wanted = threading.Event()
            wanted.wait(0.2)  # so long it may take to come to the locks
            got = made.scene.lock.acquire(timeout=5)
            stuck.append(not got)
            if got:
                made.scene.lock.release()
            done.set()

    made.experiment.listeners.append(frame_meanwhile)
    made.play()
    assert done.wait(60)
    assert stuck == [False]
    made._frame()
    assert "figures and the player show what was until" in made.alarms.value


def test_stop_before_start_and_start_twice(dash: Make):
    made = dash(step5.pipeline, speed=200)
    made.controls.stop.click()
    ended(made)
    assert made.state == "not started"
    made.controls.start.click()
    made.controls.start.click()
    joined("palleto button")
    assert made.experiment.running
    assert sum(thread.name == "palleto experiment" for thread in threading.enumerate()) == 1
    assert sum(thread.name == "palleto dashboard" for thread in threading.enumerate()) == 1


def test_buttons_when_nothing_runs(dash: Make):
    """A front-end that lags behind may send them."""
    made = dash(step9.pipeline, rate=5.0)
    made.controls.kill_loop.click()
    assert line(made, "answers") == "asked: kill the loop → ✕ failed, nothing runs"
    made.controls.drop.click()
    assert line(made, "answers").startswith("asked: drop packrat/data/bad-1.gz → ✕ failed, nothing runs · ")
    made.controls.kill_stage.click()
    assert made.controls.stage.value is None


def test_a_rate_of_none_is_all_files_at_once(dash: Make):
    made = dash(step9.pipeline, rate=5.0)
    assert made.controls.rate.label == "5 files/s"
    made.controls.rate.value = 0.0
    assert made.experiment.rate is None


def test_sliders_change_the_run_that_goes_on(dash: Make):
    made = dash(step5.pipeline, speed=100)
    until(made, made.start, "loop_started")
    made.controls.copies.value = 5
    made.controls.speed.value = 50.0
    until(made, lambda: setattr(made.controls.max_demand, "value", 25), "ask", count=25)
    assert made.experiment.copies == 5
    assert made.experiment.speed == 50
    made.controls.copies.value = 1
    made.stop()
    made.experiment.start(until_stopped=True).wait_ready()
    assert made.experiment.copies == 1


def test_pause_and_resume_are_answered(dash: Make):
    made = dash(step5.pipeline, speed=50)
    until(made, made.start, "loop_started")
    made.controls.pause.click()
    assert made.controls.pause.description == "Resume"
    made.controls.pause.click()
    assert made.controls.pause.description == "Pause"
    made.stop()
    assert [command.words for command in made.experiment.commands] == ["pause", "resume"]
    assert [command.state for command in made.experiment.commands] == ["done", "done"]


def test_words_of_an_answer_are_no_markup(dash: Make):
    made = dash(step5.pipeline)
    made.experiment.asked("kill <b>").failed("no <i>")
    made._frame()
    assert "kill &lt;b&gt;" in made.controls.lines["answers"].value
    assert "no &lt;i&gt;" in made.controls.lines["answers"].value
