"""What a learner may answer with."""

from __future__ import annotations

import pytest

from palleto import SettingError
from palleto.lab.questions import question
from palleto.lab.questions.definition import MARK
from palleto.replay.evidence import said

DEMAND = {"unit": "s", "tolerance": 0.5}


def asked_for_14(trace):
    return said(trace, "Asking for 14")


@pytest.mark.parametrize("value", ["86", "86 s", " 86.2s ", 86, 85.5, 86.5, "8.6e1", 86.0, "86 S"])
def test_numbers_with_a_tolerance(five, asked, value):
    question = asked(asked_for_14, five, **DEMAND)
    assert question.check(value), question.status


@pytest.mark.parametrize("value", [85.4, 86.6, -86, "0"])
def test_numbers_beyond_it(five, asked, value):
    assert asked(asked_for_14, five, **DEMAND).check(value).state == "wrong"


@pytest.mark.parametrize(
    "value", ["soon", "", "86 apples", "nan", "inf", float("nan"), True, [], {}, object(), "9" * 400]
)
def test_odd_input_is_one_clear_line(five, asked, kills, value):
    for one, wanted in ((asked(asked_for_14, five, unit="s"), "a number (s)"), (kills(five), "one of: 0 / 1 / 2 / 3")):
        verdict = one.check(value)
        assert str(verdict).startswith(f"○ open: expected {wanted}; got: ")
        assert "\n" not in str(verdict)
        assert one.answer(value).given is None


def test_a_complaint_leaves_the_state(five, kills):
    asked = kills(five)
    asked.check(2)
    for odd in ("many", 10**400):  # no float holds the latter
        assert asked.check(odd)
    assert asked.state == "right"
    assert asked.given == 2


def test_thousands(asked):
    question = asked(43614)
    assert question.check("43,614")
    assert not question.check("43,615")


@pytest.mark.parametrize(
    ("value", "shown"), [("1234567", "1234567"), ("1e300", "1e+300"), (str(2**53), f"{2**53:.6g}"), ("0.5", "0.5")]
)
def test_a_number_is_shown_as_it_was_meant(asked, value, shown):
    assert str(asked(46).check(value)) == f"✗ wrong: not {shown}."


@pytest.mark.parametrize(
    ("value", "right"), [("5 mb", True), ("5 M", True), ("5MB", True), ("5 kb", False), ("5 b", False)]
)
def test_a_unit_is_its_name_or_its_first_letter(asked, value, right):
    assert bool(asked(5, unit="MB").check(value)) is right


def test_a_number_for_an_answer_that_is_none(asked):
    assert str(asked("five").check(5)) == "✗ wrong: not 5."


def test_choices_by_text_or_value(asked):
    question = asked(1, choices={"Yes, three times": 3, "No": 1})
    assert question.check("no")
    assert str(question.check(3)) == "✗ wrong: not Yes, three times."
    assert question.check(1)
    assert not question.check("yes, three times")
    assert str(question.check(True)).startswith("✗ wrong: expected one of")  # which is no 1, though it equals it


def test_choices_are_mixed_always_alike_unless_they_are_numbers(asked):
    words = ["one", "two", "three", "four", "five", "six"]

    def order(choices, **more):
        return [choice.value for choice in asked(1, choices=choices, text="Which?", **more).choices]

    assert order(words) == order(words) != words
    assert sorted(order(words)) == sorted(words)
    assert order(words, shuffle=False) == words
    assert order([3, 1, 2]) == [3, 1, 2]
    assert order([1, 2, 3, 4, 5], shuffle=True) != [1, 2, 3, 4, 5]


@pytest.mark.parametrize("choices", [[], ["a"], ["a", "A"], ["a", "A", "b"], {"Yes": 1, "yes": 2}])
def test_an_author_is_told_of_choices_that_are_none(choices):
    with pytest.raises(SettingError, match="expected two or more different choices"):
        question("?", choices=choices)(lambda trace: 1)


@pytest.mark.parametrize("tolerance", [-1, "much", float("nan"), True])
def test_an_author_is_told_of_a_tolerance_that_is_none(tolerance):
    with pytest.raises(SettingError, match="expected a tolerance of 0 or more"):
        question("?", tolerance=tolerance)(lambda trace: 1)


def test_a_decorated_function_is_a_question_and_still_a_function():
    @question("When?", look="the lanes.", hint=["One.", "", "Two."], why="So.", unit="s", tolerance=1, under="Predict")
    def when(trace):
        return 5

    made = getattr(when, MARK)
    assert when([]) == made.answer([]) == 5
    assert made.help == ("Look at the lanes.", "One.", "Two.")
    assert (made.text, made.why, made.unit, made.tolerance, made.under) == ("When?", "So.", "s", 1, "Predict")
    assert getattr(question("?", hint="One.")(lambda trace: 1), MARK).help == ("One.",)
    assert getattr(question("?")(lambda trace: 1), MARK).under == "Run"
