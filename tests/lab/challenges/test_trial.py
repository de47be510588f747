"""The check of a learner's pipeline, which may do anything: it is one result, never an exception."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from palleto import Supervisor, child
from palleto.cloud import Simulation
from palleto.errors import SettingError
from palleto.lab import challenge, evidence, solved
from palleto.lab.challenges import Challenge, Goal, attempt, goal, trial
from palleto.lab.challenges.goal import MARK
from palleto.program import after_events, queue_empty
from palleto.replay import standstill
from steps import step1, step4, step8


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(trial, "_failed", type(trial._failed)())
    monkeypatch.setattr(trial, "PATIENCE", 60.0)  # a machine may be busy
    return tmp_path


@pytest.fixture
def make() -> Callable[..., Challenge]:
    """`make(judge, ...)`: a challenge; without settings its runs last 3 s under 5 seeds."""

    def challenged(
        judge: Callable[[Any], Any] = lambda trace: None, name: str = "step1.it", **settings: Any
    ) -> Challenge:
        made: Goal = getattr(goal("**Do** it.", **{"seconds": 3, "seeds": 5, **settings})(judge), MARK)
        return Challenge(made, name)

    return challenged


def test_it_shows_its_goal(make):
    one = make()
    assert repr(one) == "Challenge: **Do** it.\nTry your pipeline with .check(pipeline)."
    assert one._repr_html_() == (
        '<div id="challenge-step1.it"><p><strong>Challenge.</strong> <strong>Do</strong> it.</p></div>'
    )


def test_passed_says_under_how_many_seeds_and_why_and_is_kept(make):
    result = make(why="So it is.").check(step1.pipeline)
    assert result
    assert repr(result) == "✓ passed: under all 5 seeds. So it is."
    assert (result.tried, result.failures, result.trace) == (5, {}, None)
    assert result._repr_html_() == "<p><div>✓ passed: under all 5 seeds. So it is.</div></p>"
    assert solved.read()["challenges"] == ["step1.it"]


def test_not_yet_says_what_is_wrong_and_where(make):
    result = make(lambda trace: ("`10` are too few", evidence.first(trace, kind="handled"))).check(step1.pipeline)
    assert not result
    assert repr(result) == "✗ not yet, under 5 of 5 seeds: `10` are too few."
    assert result.failures == {"`10` are too few": 5}
    assert result.miss.event.kind == "handled"
    html = result._repr_html_()
    assert "<div>✗ not yet, under 5 of 5 seeds: <code>10</code> are too few.</div>" in html
    assert f'data-at="{result.miss.event.seq}"' in html
    assert f"Show me the shortest run that shows it, of seed {result.seed}" in html
    assert html.count("<iframe") == 1
    assert solved.read()["challenges"] == []


def test_without_an_event_the_last_one_is_shown(make):
    result = make(lambda trace: "no").check(step1.pipeline)
    assert f'data-at="{result.trace[-1].seq}"' in result._repr_html_()


def test_a_crash_over_a_mistake_in_the_code_is_said_in_place_of_what_comes_of_it(make):
    class Server(step4.Server):
        async def loop(self):
            return no_such_name  # noqa: F821

    def pipeline() -> Supervisor:
        return Supervisor([child(Server), child(step4.Producer), child(step4.Consumer)])

    result = make(lambda trace: "nothing is consumed").check(pipeline)
    assert "crashed: NameError: name 'no_such_name' is not defined" in repr(result)
    assert result.miss.event.kind == "crash"
    assert make().check(pipeline)  # a goal that is reached all the same is reached


def test_where_not_all_seeds_were_tried_it_says_so(make, monkeypatch):
    monkeypatch.setattr(trial, "PATIENCE", 0.0)
    seen: list[str | None] = ["no", "no", None, None]
    assert repr(make(lambda trace: seen.pop()).check(step1.pipeline)) == "✗ not yet, under 1 of the first 3 seeds: no."


def test_failures_that_differ_in_numbers_are_one(make):
    seen: list[int] = []

    def judge(trace):
        seen.append(1)
        return [None, "1 of 10 came", "2.5 of 11 came", "none came", "3 of 7 came"][len(seen) - 1]

    result = make(judge).check(step1.pipeline)
    assert repr(result) == "✗ not yet:\n- 1 of 10 came (3 of 5 seeds)\n- none came (1 of 5 seeds)"
    assert result.seed == 1  # of equal ones the first


def test_the_shortest_run_is_shown(make):
    lengths = []

    def judge(trace):
        lengths.append(len(standstill(trace)))
        return "no"

    unlike = Simulation(receive=(0.0, 0.5), get_object=(0.0, 3.0))
    result = make(judge, seeds=8, files=3, simulation=unlike, seconds=6).check(step8.pipeline)
    assert result.tried == len(lengths) == 8
    assert min(lengths) < lengths[0]
    assert result.seed == lengths.index(min(lengths))
    assert len(standstill(result.trace)) == min(lengths)


def test_a_hint_comes_when_it_has_failed_again(make):
    no = make(lambda trace: "no", hint="Look again.")
    assert "Hint" not in repr(no.check(step1.pipeline))
    assert "Hint" not in repr(no.check(None))  # that is no try
    assert repr(no.check(step1.pipeline)).endswith("\nHint: Look again.")
    assert "Hint" not in repr(make(lambda trace: "no", name="another", hint="Look again.").check(step1.pipeline))


def test_the_seeds_are_different_runs(make):
    seen = set()

    def judge(trace):
        seen.add(tuple(event.stage for event in evidence.every(trace, kind="handled")))

    def pipeline() -> Supervisor:
        return Supervisor([child(step1.Producer), *[child(step1.Consumer) for _ in range(3)]])

    assert make(judge, seeds=8).check(pipeline)
    assert len(seen) > 3
    before = set(seen)
    assert make(judge, seeds=8).check(pipeline)
    assert seen == before  # and the same seed is the same run


# ---- a scenario


def test_what_happens_during_a_run(make):
    def judge(trace):
        crash = evidence.first(trace, text="RuntimeError") or evidence.first(trace, kind="loop_ended", reason="crash")
        return None if crash or evidence.every(trace, kind="crash") else "no crash"

    crashing = make(judge, seconds=40, seeds=2, during={12: lambda run: run.crash_loop()})
    result = crashing.check(step4.pipeline)
    assert result, result.text
    assert not make(judge, seconds=40, seeds=2).check(step4.pipeline)
    when: list[float] = []
    assert make(
        seconds=40, seeds=1, during={31.5: lambda run: when.append(run.now), 2: lambda run: when.append(run.now)}
    ).check(step4.pipeline)
    assert when == pytest.approx([2, 31.5], abs=0.01)


def test_a_run_that_does_not_come_to_its_end_is_not_judged(make):
    result = make(lambda trace: 1 / 0, until=after_events(1000), seconds=5, seeds=2).check(step1.pipeline)
    assert repr(result).startswith("✗ not yet, under 2 of 2 seeds: nothing comes to an end: ")
    assert make(until=queue_empty, files=2, seconds=60, seeds=2).check(step8.pipeline)


def test_an_author_is_told_of_runs_without_an_end():
    with pytest.raises(SettingError, match="expected seconds="):
        goal("It.", until=queue_empty)


def test_a_judge_that_finds_nothing_to_judge(make):
    assert repr(make(lambda trace: trace[10**6]).check(step1.pipeline)) == (
        "✗ not yet, under 5 of 5 seeds: the pipeline does not do what the goal is about."
    )


# ---- odd pipelines


class Printing(step1.Consumer):
    async def handle_events(self, events):
        print("my own line")
        await anyio.sleep(1)


class Unborn(step1.Consumer):
    def init(self):
        raise ValueError("not today")


def of(consumer: type) -> Callable[[], Supervisor]:
    return lambda: Supervisor([child(step1.Producer), child(consumer)])


async def awaited() -> Supervisor:
    return step1.pipeline()


@pytest.mark.parametrize(
    ("pipeline", "line"),
    [
        (5, "expected a function that makes a pipeline, got: 5"),
        (None, "expected a function that makes a pipeline, got: None"),
        (Supervisor, "expected a function that makes a pipeline, got: <class"),
        (awaited, "expected a function that makes a pipeline, got: <function awaited"),
        (step1.pipeline(), "expected the function that makes the pipeline, without calling it: check(pipeline)"),
        (lambda: None, "the run failed: expected a function that returns a Supervisor, got one that returns: None"),
        (lambda: 1 / 0, "the run failed: ZeroDivisionError: division by zero"),
        (lambda other: None, "the run failed: TypeError: "),
        (of(Unborn), "the run failed: ValueError: not today"),
    ],
)
def test_what_is_no_pipeline_is_one_line(make, pipeline, line):
    result = make(seeds=2).check(pipeline)
    assert not result
    assert line in repr(result)
    assert "\n" not in repr(result)
    assert line.partition(":")[0] in result._repr_html_()


def test_what_cannot_even_be_looked_at_is_one_line(make):
    class Odd:
        def __call__(self):
            raise AssertionError

        def __getattr__(self, name):
            raise RuntimeError(f"no {name} here")

    assert repr(make().check(Odd())).startswith("✗ not yet: RuntimeError: no ")


def test_what_a_pipeline_prints_is_not_shown(make, capsys):
    assert make().check(of(Printing))
    assert capsys.readouterr() == ("", "")


class Busy(step1.Consumer):
    async def handle_events(self, events):
        while True:
            pass


class Turning(step1.Consumer):
    async def handle_events(self, events):
        pass  # and asks again at once, so that time never goes on


class Stubborn(step1.Consumer):
    async def handle_events(self, events):
        while not over.is_set():
            with suppress(BaseException):
                over.wait(0.01)
        await anyio.sleep(1)


over = threading.Event()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it is ended in the middle of things
@pytest.mark.parametrize("consumer", [Busy, Turning, Stubborn])
def test_a_run_that_goes_on_for_ever_is_given_up(make, monkeypatch, consumer):
    monkeypatch.setattr(attempt, "LONGEST", 0.1)
    monkeypatch.setattr(attempt, "GRACE", 0.1)
    over.clear()
    result = make().check(of(consumer))
    assert repr(result) == (
        "✗ not yet: the run did not end within 0.1 s of real time: something in it goes on for ever."
    )
    assert result.tried == 1
    over.set()
    deadline = time.monotonic() + 60
    while any(thread.name == "palleto attempt" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "expected the run's thread to end"
        time.sleep(0.01)
    gc.collect()  # what the run leaves half done is told of here, and in no other test


def test_an_interrupted_check_says_so(make):
    def judge(trace):
        raise KeyboardInterrupt

    assert repr(make(judge).check(step1.pipeline)) == "✗ not yet: the check was interrupted."


def test_a_name_that_there_is_not():
    with pytest.raises(SettingError, match=r"expected one of: .*step5\.faster.*did you mean step5\.faster\?"):
        challenge("step5.fastr")
