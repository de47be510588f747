"""A run in a thread of its own, and the handles that change it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from palleto import Observer, SettingError, Supervisor, System, TraceEvent, cast, child
from palleto.experiment import Repetition, copies_of, numbered
from palleto.lab import Experiment, evidence
from palleto.program import queue_empty
from steps import step5, step6, step7, step8, step9


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


def settled(experiment: Experiment, change: Callable[[System], Any] = lambda system: None) -> None:
    """Wait until the run has made all changes that were passed to it, and this one."""
    done = threading.Event()

    def last(system: System) -> None:
        change(system)
        done.set()

    experiment._pass(last)
    assert done.wait(60)


def heard(experiment: Experiment, condition: Callable[[TraceEvent], bool]) -> None:
    """Wait for such a trace event, from the run's first on."""
    found = threading.Event()

    def hear(event: TraceEvent) -> None:
        if condition(event):
            found.set()

    settled(experiment, lambda system: experiment.trace.listeners.append(hear))
    if not any(map(condition, list(experiment.trace.events))):
        assert found.wait(60)


def test_virtual_run_ends_by_itself_and_leaves_nothing(start: Any) -> None:
    experiment = start(step9.pipeline, virtual=True, until=queue_empty, fresh=True)
    experiment.join(60)
    assert not experiment.running
    assert experiment.error is None
    assert "12 files" in experiment.summary[1]
    assert experiment.place.startswith("simulated")
    assert not experiment.performance.options.output.exists()


def test_starting_one_stops_the_one_before(start: Any) -> None:
    first = start(step5.pipeline, speed=50)
    second = start(step5.pipeline, speed=50)
    assert not first.running
    assert second.running


def test_paused_time_stands_and_no_stage_takes_a_message(start: Any) -> None:
    def taken(event: TraceEvent) -> bool:
        return event.kind == "handle_cast" and "from the test" in event.data["carried"]

    experiment = start(step5.pipeline, speed=100)
    heard(experiment, lambda event: event.kind == "said")
    experiment.pause()
    settled(experiment, lambda system: cast("SQS.Producer", ("enqueue", ["from the test"])))
    assert "paused" in repr(experiment)
    now = experiment.now
    for _ in range(20):  # turns enough for what is in the mailboxes
        settled(experiment)
    assert experiment.now == now
    assert not any(map(taken, experiment.trace.events))
    experiment.resume()
    heard(experiment, taken)
    settled(experiment)
    assert experiment.now > now


def test_a_killed_stage_and_a_crashed_loop_run_again(start: Any) -> None:
    experiment = start(step9.pipeline, speed=20, files=0, place="simulated")
    experiment.kill_stage("Pipeline2Consumer")
    heard(experiment, lambda event: (event.kind, event.stage) == ("restart", "Pipeline2Consumer"))
    assert "Pipeline2Consumer crashed: killed" in experiment.reported
    heard(experiment, lambda event: event.kind == "loop_started")
    experiment.crash_loop()
    heard(experiment, lambda event: event.kind == "loop_crashed" and event.data["again"] is not None)


@pytest.mark.parametrize(
    ("pipeline", "settings", "complaint"),
    [
        (None, {}, "expected a function that makes a pipeline, got: None"),
        (step5.pipeline, {"seconds": "x"}, "expected seconds to be a number above 0, got: 'x'"),
        (step5.pipeline, {"speed": 0}, "above 0"),
        (step5.pipeline, {"speed": -1.0}, "above 0"),
        (step5.pipeline, {"until": 5}, "expected until to be an ending, such as queue_empty, got: 5"),
        (step5.pipeline, {"colour": "red"}, "expected settings of an Experiment or options of a step, got: colour"),
    ],
)
def test_what_is_no_pipeline_or_setting_is_refused_at_once(pipeline, settings, complaint):
    with pytest.raises(SettingError, match=complaint):
        Experiment(pipeline, **settings)


def test_what_fails_is_told_in_one_line():
    async def ending(run: object) -> None:
        raise ValueError("mine")

    def broken() -> Supervisor:
        raise RuntimeError("no pipeline")

    for pipeline, until, complaint in (
        (broken, None, "RuntimeError: no pipeline"),
        (step5.pipeline, ending, "ValueError: mine"),
        (lambda: 5, None, "expected a function that returns a Supervisor, got one that returns: 5"),
    ):
        run = Experiment(pipeline, virtual=True, seconds=1, until=until).start()
        run.join()
        assert run.error == complaint


def test_bad_changes() -> None:
    experiment = Experiment(step5.pipeline)
    for change in (experiment.resize, experiment.set_copies, experiment.set_speed):
        with pytest.raises(SettingError, match="got: 0"):
            change(0)


def test_copies_of_a_run_that_has_ended(start: Any) -> None:
    experiment = start(step5.pipeline, virtual=True, seconds=1)
    experiment.join(60)
    assert copies_of(experiment.system) == (None, [])  # a frame of the dashboard may still ask


def test_numbered() -> None:
    spec = numbered(child(Supervisor, "Pipeline3", 3, name="Pipeline3Consumer3"), 12)
    assert spec.args == ("Pipeline12", 3)
    assert spec.name == "Pipeline3Consumer12"


def test_an_empty_queue_does_not_end_a_run_whose_files_are_still_to_come(start: Any):
    run = start(step9.pipeline, virtual=True, files=4, rate=0.1, until=queue_empty)
    run.join(60)
    assert run.performance.summary.consumed.total() == 4


def test_files_arrive_though_the_place_has_them_from_a_run_before(start: Any):
    from palleto.cloud.places import EmbeddedServer

    embedded = EmbeddedServer()
    try:
        for _ in range(2):
            run = start(step8.pipeline, endpoint=embedded.url, files=2, speed=4, until=queue_empty)
            run.join(60)
            assert run.error is None
            assert evidence.count(run, kind="written") == 2
    finally:
        embedded.stop()


def test_what_is_prepared_is_there_when_the_pipeline_starts_and_again_in_a_repetition(start: Any) -> None:
    async def prepare(cloud: Any, stack: Any) -> None:
        await cloud.monitor.sqs.purge_queue(QueueUrl=stack.queue_url)
        await cloud.monitor.sqs.send_message(QueueUrl=stack.queue_url, MessageBody="no JSON")

    run = start(step7.pipeline, virtual=True, files=0, seconds=1, prepare=prepare)
    run.join(60)
    again = Repetition(run)
    again.perform()
    for one in (run, again):
        first = evidence.first(one, kind="receive")
        assert (first.t, len(first.ids), first.data["names"]) == (0.0, 1, [[]])


def test_an_observer_hears_of_each_run_and_of_a_repetition_and_what_it_raises_is_a_crash() -> None:
    class Second(Observer):
        def attached(self, system: System) -> None:
            self.batches = 0

        def called(self, stage: Any, callback: str, argument: Any) -> None:
            self.batches += callback == "handle_events"
            if self.batches == 2:
                self.batches += 1
                raise RuntimeError("the second batch")

    run = Experiment(step5.pipeline, virtual=True, seconds=60, observers=[Second()])
    for _ in range(2):
        run.start().join(60)
        (crash,) = evidence.every(run, kind="crash")
        assert crash.data["reason"] == "RuntimeError: the second batch"
    assert list(Repetition(run).perform()) == list(run.trace.events)


@pytest.mark.localstack
def test_a_fresh_run_on_localstack_finds_nothing_of_the_run_before(localstack: str) -> None:
    left = Experiment(step6.pipeline, place="localstack", speed=5, files=4, seconds=10).start()  # deletes nothing
    left.join()
    assert evidence.consumed(left).value == 4
    run = Experiment(step7.pipeline, place="localstack", speed=5, files=2, until=queue_empty, fresh=True).start()
    run.join()
    assert evidence.consumed(run).value == 2
    assert sum(len(event.ids) for event in evidence.every(run, kind="receive")) == 2
