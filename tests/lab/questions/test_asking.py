"""Questions by their names: the files they stand in, what a notebook calls, and the line of those that are open."""

from __future__ import annotations

import json

import pytest

from palleto import SettingError
from palleto.lab import ask, exercises, open_questions, solve
from palleto.lab.questions import answers, asking

FILE = """
from palleto.lab.questions import question

@question("<b>How</b> many `loops`?", choices=[1, 2], hint="Not {0}.", why="{0} it is.")
def how_many(trace):
    return {0}

@question("When?", unit="s")
def when(trace):
    return helper(trace)

def helper(trace):
    return trace[0]
"""


@pytest.fixture(autouse=True)
def nothing_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_asked", {})
    monkeypatch.setattr("palleto.lab.questions.solutions._asked", asking._asked)


@pytest.fixture
def own(folder):
    """A learner's own file of questions, in the folder of the notebook."""
    (folder / "questions").mkdir()
    path = folder / "questions" / "step5.py"
    path.write_text(FILE.format(2))
    return path


def test_the_package_has_those_of_the_notebooks(five):
    asked = ask("step5.kills", of=five)
    assert asked.text.startswith("Three consumers ask")
    assert asked.check(2)


def test_a_learners_own_file_comes_first_and_is_read_anew(own, five):
    assert ask("step5.how_many", of=five).check(2)
    own.write_text(FILE.format(1))
    assert ask("step5.how_many", of=five).check(1)
    assert ask("step5.when", of=five).check(0)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("step5.how_mny", r"expected one of: step5\.how_many, step5\.when; got: 'step5\.how_mny'; did you mean step5"),
        ("step5.zzz", r"got: 'step5\.zzz'$"),
        ("step5.helper", "got: 'step5.helper'"),
        ("step5", "got: 'step5'"),
        ("step77.kills", r"expected a name such as step5\.kills, as there are questions of .*step5.*; got: 'step77'"),
        ("../step5.kills", "expected a name such as"),
        ("", "expected a name such as"),
        (5, "expected a name such as"),
    ],
)  # fmt: skip
def test_a_name_that_there_is_not(own, name, complaint):
    with pytest.raises(SettingError, match=complaint):
        ask(name)


def test_where_there_are_no_files(folder, monkeypatch):
    monkeypatch.setattr(exercises, "BESIDE", ())
    assert exercises.names("questions", "any") == []
    with pytest.raises(SettingError, match=r"^expected a name such as step5\.kills; got: 'step5'$"):
        ask("step5.kills")


def test_a_file_that_does_not_run(own):
    own.write_text("1 / 0")
    with pytest.raises(SettingError, match=r"expected Python that runs in .*step5.py, got ZeroDivisionError"):
        ask("step5.how_many")


def test_open_questions_are_one_line_with_links(own, five):
    assert open_questions() is None
    first, second = ask("step5.how_many", of=five), ask("step5.when", of=five)
    assert repr(open_questions()) == "2 questions are open: how many · when"
    assert open_questions()._repr_html_() == (
        '<p>2 questions are open: <a href="#question-step5.how_many" title="&lt;b&gt;How&lt;/b&gt; many `loops`?">'
        'how many</a> · <a href="#question-step5.when" title="When?">when</a></p>'
    )
    first.check(1)
    second.check(0)
    assert repr(open_questions()) == "1 question is open: how many"
    first.check(2)
    assert open_questions() is None


def test_a_cell_that_runs_again_asks_anew(own, five):
    ask("step5.how_many", of=five).check(2)
    ask("step5.how_many", of=five)
    assert repr(open_questions()) == "1 question is open: how many"


def test_a_question_that_is_worded_anew_is_the_same(own, five):
    ask("step5.when", of=five)
    own.write_text(own.read_text().replace("When?", "At what time?"))
    ask("step5.when", of=five)
    assert repr(open_questions()) == "1 question is open: when"


def test_solve_proves_that_each_can_be_solved(own, five):
    first, second = ask("step5.how_many", of=five), ask("step5.when", of=[])
    assert solve() == ["When? ○ open: run the cell under “Run” first, then check again"]
    assert first.state == "right"
    second.of = five
    assert solve() == []
    assert second.given == 0
    assert solve(first) == solve({"q": first, "other": 5}) == solve([second]) == []


@pytest.mark.parametrize("nothing", [[], 5, {"a": 1}])
def test_nothing_to_solve(nothing):
    assert solve(nothing) == [f"expected one or more questions, got: {nothing!r}"]


def test_answers_for_a_copy_leave_the_questions_as_they_are(own, five):
    asked = ask("step5.how_many", of=five)
    assert json.loads(json.dumps(answers())) == {asked.text: "The answer is 2. 2 it is."}
    assert (asked.state, asked.status, asked.shows) == ("open", "", False)
