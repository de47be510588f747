"""Questions to a run: their states, what is put in, and the help."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from palleto import Recorder, SettingError, TraceEvent
from palleto.lab.questions import question, solve
from palleto.replay.evidence import moment, said

# ---- states


def test_right(five, kills):
    asked = kills(five, why="Each new demand kills.")
    assert asked.state == "not tried"
    assert str(asked.check()) == "○ not tried: not answered yet; one of: 0 / 1 / 2 / 3"
    verdict = asked.check(2)
    assert verdict
    assert str(verdict) == "✓ right: 2. Each new demand kills."
    assert asked.state == "right"


def test_wrong_says_which_trace_event_decides(five, kills):
    asked = kills(five)
    verdict = asked.check(3)
    assert not verdict
    event = asked.deciding
    assert event is not None
    assert (event.kind, event.t) == ("loop_killed", 0.0)
    assert str(verdict).startswith(f"✗ wrong: not 3. Look at trace event {event.seq}, at 0.000 s, #8: loop_killed")
    assert f"step5.py, line {event.line}: `task.kill()`" in str(verdict)


def test_answering_again_is_not_tried_until_checked(five, kills):
    asked = kills(five)
    asked.check(3)
    assert asked.answer(2).state == "not tried"
    assert asked.deciding is None
    assert asked.check()


def unset() -> Any:
    raise NameError("name 'run' is not defined")


@pytest.mark.parametrize("of", [None, [], Recorder(), SimpleNamespace(trace=Recorder()), "nonsense", 5, unset])
def test_before_there_is_a_run(of, kills):
    asked = kills(of)
    assert "run the cell above first" in str(asked.check(2))
    assert "run the cell above first" in str(asked.solution())
    assert asked.state == "not tried"
    asked.hint()
    assert asked.deciding is None


def test_a_run_that_failed_says_so(kills):
    failed = SimpleNamespace(trace=Recorder(), error="expected a place, got: moon")
    assert str(kills(failed).check(2)) == "○ not tried: the run failed: expected a place, got: moon"


def test_the_latest_run_is_asked(five, kills):
    run = SimpleNamespace(trace=SimpleNamespace(events=[]))
    asked = kills(run)
    assert not asked.check(2)
    run.trace = SimpleNamespace(events=five)
    assert asked.check()


def test_a_run_that_goes_on_is_said_to(five, kills):
    assert "The run still goes on" in str(kills(SimpleNamespace(trace=five, running=True)).check(3))


def test_what_the_run_did_not_show(five):
    early = [event for event in five if event.t < 50]
    late = question("When?", answer=lambda trace: said(trace, "Asking for 14").t, of=early)  # type: ignore[union-attr]
    assert str(late.check(86)).startswith("○ not tried: this run did not show the answer")
    none = question("When?", answer=lambda trace: moment(trace, text="Asking for 14"), of=early)
    assert str(none.check(86)).startswith("○ not tried: this run did not show the answer")


def test_an_answer_that_is_no_choice(kills):
    event = TraceEvent(0, 0.0, "#1", "loop_killed")
    assert "none of the choices" in str(kills([event] * 9).check(2))


# ---- input


@pytest.mark.parametrize("value", ["86", "86 s", " 86.2s ", 86, 85.5, "8.6e1", 86.0])
def test_numbers_with_a_tolerance(five, value):
    asked = question("When?", answer=lambda trace: said(trace, "Asking for 14"), of=five, unit="s", tolerance=0.5)
    assert asked.check(value), str(asked.check(value))


@pytest.mark.parametrize(
    "value", ["soon", "", "86 apples", "nan", "inf", float("nan"), True, [], {}, object(), "9" * 400]
)
def test_odd_input_is_one_clear_line(five, value, kills):
    number = question("When?", answer=lambda trace: said(trace, "Asking for 14"), of=five, unit="s")
    choice = kills(five)
    for asked in (number, choice):
        verdict = asked.check(value)
        assert str(verdict).startswith("○ not tried: expected ")
        assert "\n" not in str(verdict)
        assert asked.answer(value).state == "not tried"


def test_a_complaint_leaves_the_state(five, kills):
    asked = kills(five)
    asked.check(2)
    assert asked.check("many")
    assert asked.state == "right"


def test_thousands():
    asked = question("How many?", answer=43614)
    assert asked.check("43,614")
    assert not asked.check("43,615")


def test_choices_by_text_or_value():
    asked = question("Faster?", choices={"Yes, three times": 3, "No": 1}, answer=1)
    assert asked.check("no")
    assert asked.check(1)
    assert not asked.check("yes, three times")


def test_choices_are_mixed_always_alike():
    words = ["one", "two", "three", "four", "five", "six"]
    orders = {tuple(c.label for c in question("Which?", choices=words, answer="one").choices) for _ in range(3)}
    assert len(orders) == 1
    assert orders != {tuple(words)}
    assert [c.value for c in question("?", choices=[3, 1, 2], answer=1).choices] == [3, 1, 2]


@pytest.mark.parametrize("choices", [[], ["a"], ["a", "A"], ["a", "A", "b"]])
def test_an_author_is_told_of_choices_that_are_none(choices):
    with pytest.raises(SettingError, match="expected two or more different choices"):
        question("?", choices=choices, answer=1)


# ---- help


def test_hints_come_one_after_the_other(five, kills):
    asked = kills(five, hint=["Look.", "Count."])
    assert [str(asked.hint()) for _ in range(3)] == [
        "○ not tried: hint 1 of 2: Look.", "○ not tried: hint 2 of 2: Count.", "○ not tried: hint 2 of 2: Count.",
    ]  # fmt: skip
    assert "hint 1 of 2" in str(asked.reset().hint())
    assert str(kills(five).hint()) == "○ not tried: there is no hint for this one"


def test_the_solution_comes_from_the_run(five, kills):
    asked = kills(five)
    assert "the answer is 2. Decided by trace event" in str(asked.solution())
    assert asked.state == "not tried"


def test_solve(five, kills):
    first_one, second = kills(five), question("When?", answer=lambda trace: said(trace, "Asking for 14"), of=five)
    assert solve({"q1": first_one, "q2": second, "other": 5}) == []
    assert first_one.state == second.state == "right"
    assert solve(kills(five)) == []
    assert len(solve([kills(None)])) == 1
    assert solve([]) == ["expected one or more questions, got: []"]
    assert solve(5) == ["expected one or more questions, got: 5"]
