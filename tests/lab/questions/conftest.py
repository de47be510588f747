"""A run of step 5, and questions to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from palleto import Trace
from palleto.lab import evidence
from palleto.lab.questions import Question
from palleto.lab.questions.definition import defined
from palleto.lab.questions.widgets import NotebookQuestion


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The learner's own folder: the working one, without questions of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def five(play: Any) -> Trace:
    return play(5, seconds=100.0).trace


@pytest.fixture
def asked() -> Callable[..., Question]:
    """`asked(answer, of, ...)`: a question that is defined so, to a run."""

    def make(answer: Any, of: Any = None, name: str = "", text: str = "How many?", **more: Any) -> Question:
        return NotebookQuestion(defined(text, answer, **more), of, name)

    return make


@pytest.fixture
def kills(asked: Callable[..., Question]) -> Callable[..., Question]:
    """`kills(run)`: two are right."""

    def make(of: Any = None, **more: Any) -> Question:
        return asked(
            lambda trace: evidence.tally(trace, kind="loop_killed", before=1), of, choices=[0, 1, 2, 3], **more
        )

    return make
