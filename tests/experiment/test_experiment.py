"""A run in a thread of its own, and the handles that change it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from palleto import SettingError, Supervisor, child
from palleto.experiment import copies_of, numbered
from palleto.lab import Experiment, evidence
from palleto.program import queue_empty, second_time
from steps import step5, step6, step7, step8, step9


def eventually(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


@pytest.fixture
def start():
    made: list[Experiment] = []

    def begin(*args: Any, **settings: Any) -> Experiment:
        experiment = Experiment(*args, **settings).start()
        made.append(experiment)
        assert experiment.wait_ready()
        return experiment

    yield begin
    for experiment in made:
        experiment.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "palleto experiment"]


def test_virtual_run_ends_by_itself_and_leaves_nothing(start: Any) -> None:
    experiment = start(step9.pipeline, virtual=True, until=queue_empty)
    experiment.join(20)
    assert not experiment.running
    assert experiment.error is None
    assert "12 files" in experiment.summary[1]
    assert experiment.place.startswith("simulated")
    assert not experiment.performance.options.output.exists()


def test_step_6_on_virtual_time_shows_the_second_time(start: Any) -> None:
    experiment = start(step6.pipeline, virtual=True, until=second_time)
    experiment.join(20)
    counts = [count for event in experiment.trace.events if event.kind == "receive" for count in event.data["counts"]]
    assert max(counts) == 2


def test_starting_one_stops_the_one_before(start: Any) -> None:
    first = start(step5.pipeline, speed=50)
    second = start(step5.pipeline, speed=50)
    assert not first.running
    assert second.running


def test_pause_stands_still_and_resume_goes_on(start: Any) -> None:
    experiment = start(step5.pipeline, speed=100)
    eventually(lambda: any("Run 1" in line for line in experiment.said))
    experiment.pause()
    time.sleep(0.1)
    lines = len(experiment.said)
    time.sleep(0.2)  # 20 s of run time, four runs of the loop, if it were not paused
    assert len(experiment.said) == lines
    assert "paused" in repr(experiment)
    experiment.resume()
    eventually(lambda: len(experiment.said) > lines)


def test_consumers_come_and_go(start: Any) -> None:
    experiment = start(step5.pipeline, speed=100)
    assert experiment.copies == 3
    experiment.set_copies(5)
    eventually(lambda: experiment.copies == 5)
    experiment.set_copies(1)
    eventually(lambda: experiment.copies == 1)


def test_a_smaller_demand_is_asked_for_when_it_is_due(start: Any) -> None:
    experiment = start(step5.pipeline, speed=500)
    experiment.resize(4)
    eventually(lambda: any(event.kind == "ask" and event.data["count"] == 4 for event in experiment.trace.events))


def test_a_killed_stage_starts_again(start: Any) -> None:
    experiment = start(step9.pipeline, speed=20, files=0, place="simulated")
    experiment.kill_stage("Pipeline2Consumer")
    eventually(lambda: "Pipeline2Consumer crashed: killed" in experiment.reported)
    eventually(lambda: "Pipeline2Consumer" in experiment.stages)


def test_a_crashed_loop_runs_again(start: Any) -> None:
    experiment = start(step9.pipeline, speed=20, files=0, place="simulated")
    experiment.crash_loop()
    eventually(lambda: any("is started again after PalletoError" in line for line in experiment.reported))


def test_an_error_is_kept(start: Any) -> None:
    def broken() -> Supervisor:
        raise RuntimeError("no pipeline")

    experiment = start(broken)
    experiment.join(5)
    assert experiment.error == "RuntimeError: no pipeline"


@pytest.mark.parametrize("setting", [{"speed": 0}, {"speed": -1.0}])
def test_bad_settings(setting: dict[str, float]) -> None:
    with pytest.raises(SettingError, match="above 0"):
        Experiment(step5.pipeline, **setting)


def test_bad_changes(start: Any) -> None:
    experiment = start(step5.pipeline, speed=10)
    for change in (experiment.resize, experiment.set_copies, experiment.set_speed):
        with pytest.raises(SettingError, match="got: 0"):
            change(0)


def test_copies_of_a_run_that_has_ended(start: Any) -> None:
    experiment = start(step5.pipeline, virtual=True, seconds=1)
    experiment.join(10)
    assert copies_of(experiment.system) == (None, [])  # a frame of the dashboard may still ask


def test_numbered() -> None:
    spec = numbered(child(Supervisor, "Pipeline3", 3, name="Pipeline3Consumer3"), 12)
    assert spec.args == ("Pipeline12", 3)
    assert spec.name == "Pipeline3Consumer12"


def test_an_empty_queue_does_not_end_a_run_whose_files_are_still_to_come(start: Any):
    run = start(step9.pipeline, virtual=True, files=4, rate=0.1, until=queue_empty)
    run.join(10)
    assert run.performance.summary.consumed.total() == 4


def test_files_arrive_though_the_place_has_them_from_a_run_before(start: Any):
    from palleto.cloud.places import EmbeddedServer

    embedded = EmbeddedServer()
    try:
        for _ in range(2):
            run = start(step8.pipeline, endpoint=embedded.url, files=2, speed=4, until=queue_empty)
            run.join(30)
            assert run.error is None
            assert evidence.count(run, kind="written") == 2
    finally:
        embedded.stop()


def test_fresh_changes_nothing_where_the_queue_is_new_anyway(start: Any) -> None:
    for fresh in (False, True):
        run = start(step7.pipeline, virtual=True, files=3, until=queue_empty, fresh=fresh)
        run.join(10)
        assert run.error is None
        assert evidence.consumed(run).value == 3


@pytest.mark.localstack
def test_a_fresh_run_on_localstack_finds_nothing_of_the_run_before(localstack: str) -> None:
    left = Experiment(step6.pipeline, place="localstack", speed=5, files=4, seconds=10).start()  # deletes nothing
    left.join()
    assert evidence.consumed(left).value == 4
    run = Experiment(step7.pipeline, place="localstack", speed=5, files=2, until=queue_empty, fresh=True).start()
    run.join()
    assert evidence.consumed(run).value == 2
    assert sum(len(event.ids) for event in evidence.every(run, kind="receive")) == 2
