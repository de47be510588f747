"""The solutions of a notebook's questions: `solve` proves that each can be solved, `answers` is for copies to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from palleto.lab.questions.asking import _asked
from palleto.lab.questions.question import Question

__all__ = ["answers", "solve"]


def solve(questions: Any = None) -> list[str]:
    """Give every question its solution and check it; a line for each that did not become right, so none is well.

    questions: a question, several of them, or a namespace that has some (`globals()`); None: all that were asked.
    """
    if questions is None:
        questions = _asked
    found = questions.values() if isinstance(questions, Mapping) else questions
    found = [found] if isinstance(found, Question) else found
    asked = list(dict.fromkeys(each for each in found if isinstance(each, Question))) if _many(found) else []
    if not asked:
        return [f"expected one or more questions, got: {questions!r:.60}"]
    lines = []
    for each in asked:
        if not (verdict := each.solve()):
            lines.append(f"{each.text} {verdict}")
    return lines


def answers() -> dict[str, str]:
    """What each question that was asked says to who wants to be shown the answer, by the question's text.

    They are as before then: not answered.
    """
    shown = {each.text: each.show().text for each in _asked.values()}
    for each in _asked.values():
        each.reset()
    return shown


def _many(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes)
