"""Runs that last until they are stopped: fed with files as long, in bounded memory and on a bounded disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from palleto import Supervisor, TraceEvent
from palleto.experiment import Experiment, experiment
from palleto.lab import evidence
from palleto.program import queue_empty
from steps import step5, step6, step9

FAST = 500.0


@pytest.fixture
def play() -> Iterator[Callable[..., Experiment]]:
    """Plays a run until it has made `count` trace events of a kind, and stops it then."""
    made: list[Experiment] = []

    def begin(pipeline: Callable[..., Supervisor], kind: str, count: int, **settings: Any) -> Experiment:
        run = Experiment(pipeline, **{"speed": FAST, **settings})
        made.append(run)
        enough, left = threading.Event(), [count]

        def hear(event: TraceEvent) -> None:
            left[0] -= event.kind == kind
            if left[0] == 0:
                enough.set()

        run.listeners.append(hear)
        run.start(until_stopped=True)
        assert enough.wait(60), run
        assert run.running
        return run

    yield begin
    for run in made:
        run.stop()
        assert run.error is None


def test_files_come_for_as_long_and_no_two_have_one_key(play: Any):
    run = play(step9.pipeline, "written", 15, files=3, until=queue_empty, place="simulated", rate=20.0)
    sent = [event.ids[0] for event in evidence.every(run, kind="sent")]
    assert len(set(sent)) == len(sent) >= 15
    run.stop()
    assert not run.running


def test_seconds_do_not_end_it(play: Any):
    run = play(step5.pipeline, "loop_started", 9, seconds=1)
    assert run.now > 46
    assert run.kept is None


def test_the_queue_is_kept_at_a_bound(play: Any):
    run = play(step6.pipeline, "queue", 12, files=4, place="simulated")  # deletes nothing
    assert evidence.count(run, kind="sent") == 4


def test_old_files_and_results_are_removed(play: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(experiment, "FILES", 3)
    run = play(step9.pipeline, "sent", 12, files=2, place="simulated")
    output: Path = run.performance.options.output
    keys = [event.ids[0] for event in evidence.every(run, kind="sent")]
    removed = keys[:-6]
    assert len(removed) >= 4
    bucket = run.performance.warehouse.cloud.simulated.s3.buckets[run.performance.warehouse.bucket]
    assert not set(removed) & set(bucket.objects)
    assert not [key for key in removed if (output / key).with_suffix(".txt").exists()]


def test_results_in_a_folder_of_the_users_own_stay(play: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(experiment, "FILES", 2)
    run = play(step9.pipeline, "written", 8, files=2, place="simulated", output=tmp_path)
    run.stop()
    keys = [event.ids[0] for event in evidence.every(run, kind="written")]
    assert len(keys) >= 8
    assert all((tmp_path / key).with_suffix(".txt").exists() for key in keys)


def test_the_first_trace_events_are_kept_and_listeners_hear_all(play: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(experiment, "EVENTS", 50)
    run = play(step5.pipeline, "loop_started", 9)
    assert [event.seq for event in run.trace.events] == list(range(50))
    assert run.kept == run.trace.events[-1].t


def test_on_virtual_time_it_ends_as_always():
    run = Experiment(step9.pipeline, virtual=True, files=3, until=queue_empty).start(until_stopped=True)
    run.join(60)
    assert evidence.count(run, kind="written") == 3


def test_no_files_are_fed_where_none_were_to_come(play: Any):
    run = play(step9.pipeline, "queue", 4, files=0, place="simulated")
    assert evidence.count(run, kind="sent") == 0
    assert run.arrived
