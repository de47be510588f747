"""What a notebook calls: `ask("step5.kills", of=run)`, and `open_questions()` for those that are not answered yet."""

from __future__ import annotations

from html import escape
from typing import Any

from palleto.lab import exercises
from palleto.lab.questions.definition import MARK
from palleto.lab.questions.question import Question
from palleto.lab.questions.widgets import NotebookQuestion, anchor_of

__all__ = ["OpenQuestions", "ask", "open_questions"]

_asked: dict[str, Question] = {}
"""The questions of this notebook, in the order in which they were asked first."""


def ask(name: str, *, of: Any = None) -> NotebookQuestion:
    """A question of the notebooks to a run: `ask("step5.kills", of=run)`.

    name: the question's file and its function in it; the file is `questions/step5.py`.
    of:   the run that it is about: an experiment, a recorder, a list of trace events, or a dict of several.

    Raises SettingError for a name that there is not.
    """
    question = NotebookQuestion(exercises.find("questions", MARK, name), of, name)
    _asked[name] = question  # in the place of the one that the same cell made before
    return question


class OpenQuestions:
    """The questions that are not answered yet, in one line, each a link."""

    def __init__(self, questions: list[Question]) -> None:
        self.questions = questions

    def __repr__(self) -> str:
        return self._line([_short(question) for question in self.questions])

    def _repr_html_(self) -> str:
        links = [
            f'<a href="#{escape(anchor_of(question.name))}" title="{escape(question.text)}">'
            f"{escape(_short(question))}</a>"
            for question in self.questions
        ]
        return f"<p>{self._line(links)}</p>"

    def _line(self, texts: list[str]) -> str:
        several = "1 question is" if len(texts) == 1 else f"{len(texts)} questions are"
        return f"{several} open: {' · '.join(texts)}"


def _short(question: Question) -> str:
    """The question's name without its step's, as a word: "second demand"."""
    return question.name.rpartition(".")[2].replace("_", " ")


def open_questions() -> OpenQuestions | None:
    """One line that names the questions of this notebook that are not answered right yet; None if all are."""
    left = [question for question in _asked.values() if question.state != "right"]
    return OpenQuestions(left) if left else None
