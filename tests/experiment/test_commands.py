"""What a handle was asked for: it holds for later stages and runs, and says what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from palleto import Supervisor, TraceEvent
from palleto.experiment import Command, Experiment, Repetition
from palleto.lab import evidence
from palleto.program import queue_empty
from steps import step1, step5, step9


def played(
    pipeline: Callable[..., Supervisor], act: Callable[[Experiment, TraceEvent], None] | None = None, **settings: Any
) -> Experiment:
    """A run on virtual time, at its end; `act` is called in it, for each trace event."""
    run = Experiment(pipeline, **{"virtual": True, "seconds": 100, **settings})
    if act is not None:
        run.listeners.append(lambda event: act(run, event))
    run.start().join(60)
    assert run.error is None
    return run


def once(kind: str, *acts: Callable[[Experiment], None]) -> Callable[[Experiment, TraceEvent], None]:
    """At the first event of that kind the first act, at the second the next, and so on."""
    left = list(acts)

    def act(run: Experiment, event: TraceEvent) -> None:
        if event.kind == kind and left:
            left.pop(0)(run)

    return act


def asks_of(run: Experiment, after: int = 0) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for event in run.trace.events:
        if event.kind == "ask" and event.seq > after:
            found.setdefault(str(event.peer), []).append(event.data["count"])
    return found


@pytest.mark.parametrize("copies", [2, 5])
def test_what_is_set_before_the_start_holds_for_the_run_that_starts(copies: int):
    run = Experiment(step5.pipeline, virtual=True, seconds=100)
    run.resize(4)
    run.set_copies(copies, "consumers")
    assert list(map(repr, run.commands)) == [
        "max_demand 4: from the next start on",
        f"{copies} consumers: from the next start on",
    ]
    run.start().join(60)
    assert [command.outcome for command in run.commands] == ["done at 0.0 s", "done at 0.0 s"]
    asks = asks_of(run)
    assert {count for counts in asks.values() for count in counts} <= {1, 2, 3, 4}
    assert [counts[0] for counts in asks.values()] == [4] * copies
    assert [event.data["class"] for event in evidence.every(run, kind="started")].count("Consumer") == copies


def test_more_pipelines_before_the_start_are_like_the_last_one():
    run = Experiment(step9.pipeline, virtual=True, files=6, until=queue_empty)
    run.set_copies(5)
    run.start().join(60)
    names = {event.stage for event in evidence.every(run, kind="started")}
    assert {f"Pipeline{number}Consumer" for number in range(1, 6)} <= names
    assert "Pipeline6" not in names


def test_a_repetition_begins_with_what_was_set():
    run = Experiment(step5.pipeline, virtual=True, seconds=60)
    run.resize(3)
    run.set_copies(1)
    run.start().join(60)
    again = Repetition(run).perform()
    assert list(map(repr, again)) == list(map(repr, run.trace.events))


@pytest.mark.parametrize("pipeline", [step5.pipeline, step9.pipeline])
def test_a_demand_that_was_set_holds_for_stages_that_start_later(pipeline: Callable[..., Supervisor]):
    def restart(run: Experiment) -> None:
        run.kill_stage(run.stages[-1])

    run = played(pipeline, once("handled", lambda run: run.resize(7), restart, lambda run: run.set_copies(5)))
    last = evidence.last(run, kind="subscribe")
    restarted = evidence.first(run, kind="restart")
    assert last is not None
    asks = asks_of(run, after=restarted.seq)
    later = {event.peer for event in run.trace.events if event.kind == "subscribe" and event.seq > restarted.seq}
    assert len(later) >= 3, "the restarted one and two more"
    assert all(asks[str(consumer)][0] == 7 for consumer in later)
    assert [command.state for command in run.commands] == ["done"] * 3


def test_a_smaller_demand_is_asked_for_when_it_is_due():
    run = played(step5.pipeline, once("handled", lambda run: run.resize(4)))
    asks = asks_of(run, after=evidence.first(run, kind="handled").seq)
    assert list(asks.values()) == [[4]]


def test_consumers_come_and_go():
    left = [(10, 5), (40, 1)]

    def act(run: Experiment, event: TraceEvent) -> None:
        if left and event.t >= left[0][0]:
            run.set_copies(left.pop(0)[1])

    run = played(step5.pipeline, act)
    started = {event.stage for event in evidence.every(run, kind="started", **{"class": "Consumer"})}
    stopped = {event.stage for event in evidence.every(run, kind="stopped", before=99)}
    assert (len(started), len(started & stopped)) == (5, 4)


def test_a_command_is_done_at_a_moment_of_the_run():
    run = played(step5.pipeline, once("handled", lambda run: run.kill_loop()))
    (command,) = run.commands
    kill = evidence.first(run, kind="loop_killed", after=evidence.first(run, kind="handled").t)
    assert command.at == pytest.approx(kill.t)
    assert repr(command) == f"kill the loop: done at {kill.t:.1f} s"


def test_what_cannot_be_done_says_why_and_stops_nothing():
    def ask(run: Experiment) -> None:
        run.kill_stage("nobody")
        run.kill_loop()
        run.crash_loop()
        run.drop()
        run.pause()

    run = played(step1.pipeline, once("handled", ask), seconds=10)
    assert [repr(command) for command in run.commands] == [
        "kill nobody: failed, nobody does not run",
        "kill the loop: failed, no loop runs",
        "crash the loop: failed, no loop runs",
        "drop packrat/data/bad-1.gz: failed, this step has no queue",
        "pause: failed, virtual time cannot be paused",
    ]
    assert run.reported == []
    assert evidence.consumed(run).value > 10


def test_where_nothing_runs_a_command_fails():
    run = Experiment(step9.pipeline)
    for handle in (run.pause, run.kill_loop, run.crash_loop, run.drop):
        handle()
        assert run.commands[-1].outcome == "failed, nothing runs"
    assert not run.paused


def test_what_was_asked_while_the_run_started_is_done_once_it_has():
    run = Experiment(step5.pipeline, virtual=True, seconds=100)
    run.listeners.append(lambda event: run.kill_stage("SQS.Producer") if event.seq == 0 else None)
    run.start().join(60)
    assert run.commands[0].state == "done"
    assert evidence.first(run, kind="crash", stage="SQS.Producer") is not None


def test_what_was_asked_too_late_fails_or_is_kept():
    def late(run: Experiment, event: TraceEvent) -> None:
        if event.kind == "drain":
            run.kill_loop()
            run.resize(2)

    run = played(step5.pipeline, late, seconds=10)
    assert [command.outcome for command in run.commands] == ["failed, the run has ended", "from the next start on"]


def test_another_rate_counts_at_once():
    def faster(run: Experiment, event: TraceEvent) -> None:
        if event.kind == "queue" and event.t >= 2 and run.rate == 0.01:
            run.set_rate(10.0)

    run = played(step9.pipeline, faster, files=3, rate=0.01, until=queue_empty, seconds=None)
    sent = [event.t for event in evidence.every(run, kind="sent")]
    assert sent[0] < 1
    assert 2 < sent[1] < 3
    assert sent[2] - sent[1] == pytest.approx(0.1, abs=0.05)


@pytest.mark.parametrize("rate", [0, -1.0])
def test_a_rate_is_above_zero(rate: float):
    with pytest.raises(Exception, match="expected the rate to be above 0, got"):
        Experiment(step9.pipeline).set_rate(rate)


def test_the_states_of_a_command():
    command = Command("kill it")
    assert repr(command) == "kill it: asked"
    command.done()
    assert command.outcome == "done"
    command.missed("no run")
    assert (command.state, command.outcome) == ("failed", "failed, no run")
