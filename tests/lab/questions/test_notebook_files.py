"""The notebooks' own questions: nothing of an answer stands in a notebook, and each file is whole."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

from palleto.lab import exercises
from palleto.lab.challenges.goal import MARK as GOAL
from palleto.lab.questions.definition import MARK

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "notebooks"
QUESTIONS = sorted((FOLDER / "questions").glob("*.py"))
CHALLENGES = sorted((FOLDER / "challenges").glob("*.py"))


def source_of(step: str) -> str:
    """What the notebook of a step or a lab has in its cells."""
    (path,) = FOLDER.glob(f"{step}_*.ipynb")
    return "\n\n".join("".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"])


def body_of(function: Any) -> list[str]:
    """The lines of a function that say more than a word or two, without its decorator and its head."""
    lines = inspect.getsource(function).partition("def ")[2].splitlines()[1:]
    return [line.strip() for line in lines if len(line.strip()) > 30]


@pytest.mark.parametrize("path", QUESTIONS, ids=lambda path: path.stem)
def test_nothing_of_an_answer_stands_in_the_notebook(path: Path):
    source = source_of(path.stem)
    found = exercises.defined_in(path, MARK)
    for name, one in found.items():
        assert f'"{path.stem}.{name}"' in source, "a question that nobody asks"
        for secret in (*one.help, one.why, *body_of(one.answer)):
            assert secret not in source
            assert secret.removeprefix("Look at ").rstrip(".") not in source
    unsafe = re.findall(
        r"^\w+ = evidence\.(?:first|last|said)\(.*|^\w+ = evidence\.every\(.*\)\[.*", source, re.MULTILINE
    )
    assert unsafe == [], "a run that a learner changed may not have it; use evidence.moment, or a function in `tell`"
    assert set(re.findall(rf'ask\(\s*"{path.stem}\.(\w+)"', source)) == set(found)


@pytest.mark.parametrize("path", QUESTIONS, ids=lambda path: path.stem)
def test_each_question_has_its_help_and_its_reason(path: Path):
    for name, one in exercises.defined_in(path, MARK).items():
        assert one.text.endswith(("?", ".")), name
        assert one.help, f"{name} has neither look nor hint"
        assert one.help[0].startswith("Look at "), f"{name} does not say what to look at"
        assert len(one.help) > 1, f"{name} has no hint"
        assert one.why, f"{name} does not say why"
        for choice in one.choices:
            assert not any(choice.label.casefold() == said.casefold() for said in one.help)


@pytest.mark.parametrize("path", CHALLENGES, ids=lambda path: path.stem)
def test_nothing_of_a_solution_stands_in_the_notebook(path: Path):
    source = source_of(path.stem)
    for name, one in exercises.defined_in(path, GOAL).items():
        assert f'"{path.stem}.{name}"' in source, "a challenge that nobody sets"
        assert one.hint, name
        assert one.why, name
        for secret in (one.hint, one.why, *body_of(one.judge)):
            assert secret not in source
