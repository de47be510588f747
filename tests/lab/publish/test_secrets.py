"""Nothing of an answer is in a published page, nor in what a notebook saves, before it is asked for."""

from __future__ import annotations

import inspect
import json
from html import unescape
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from palleto.lab import exercises, publish
from palleto.lab.challenges.goal import MARK as GOAL
from palleto.lab.questions.definition import MARK

QUESTIONS = [name for name in exercises.names("questions", MARK) if name.startswith("step5.")]
CELLS = (
    "from palleto.lab import Experiment, ask, challenge, open_questions\nfrom steps.step5 import pipeline",
    "run = Experiment(pipeline, virtual=True, seconds=140).start()\nrun.join()",
    *(f"ask({name!r}, of=run)" for name in QUESTIONS),
    "open_questions()",
    "challenge('step5.faster')",
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("notebooks") / "small.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(text) for text in CELLS]), path)
    return path


@pytest.fixture(scope="module")
def secrets() -> list[str]:
    """Each question's help, reason and answer function, and the challenge's; those lines that say something."""
    found = []
    for name in QUESTIONS:
        one = exercises.find("questions", MARK, name)
        found += [*one.help, one.why, *inspect.getsource(one.answer).partition(":\n")[2].splitlines()]
    goal = exercises.find("challenges", GOAL, "step5.faster")
    found += [goal.hint, goal.why]
    return [secret.strip() for secret in found if len(secret.strip()) > 20]


def test_a_saved_notebook_has_the_questions_and_nothing_of_the_answers(source: Path, secrets: list[str]):
    saved = json.dumps(publish.execute(source), ensure_ascii=False)
    assert "How many loops are killed" in saved
    assert "4 questions are open" in saved
    assert [secret for secret in secrets if secret in saved] == []
    assert len(secrets) > 3 * len(QUESTIONS)


def test_a_page_has_neither(source: Path, secrets: list[str]):
    (page,) = publish.publish(source.parent / "html", [source])
    text = unescape(page.read_text(encoding="utf-8"))
    assert "How many loops are killed" in text
    assert text.count("data-told=") == len(QUESTIONS)
    assert [secret for secret in secrets if secret in text] == []
