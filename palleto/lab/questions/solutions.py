"""The solutions of a notebook's questions: each is given its own, and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from palleto.lab.questions.question import Question

__all__ = ["solve"]


def solve(questions: Any) -> list[str]:
    """Give every question its solution and check it; a line for each that did not become right, so none is well.

    questions: a question, several of them, or a namespace that has some (`globals()`).
    """
    found = questions.values() if isinstance(questions, Mapping) else questions
    found = [found] if isinstance(found, Question) else found
    asked = list(dict.fromkeys(each for each in found if isinstance(each, Question))) if _many(found) else []
    if not asked:
        return [f"expected one or more questions, got: {questions!r:.60}"]
    lines = []
    for each in asked:
        right, complaint = each._solve()
        verdict = each.check(right.value) if not complaint else each._say(each.state, complaint)
        if not verdict:
            lines.append(f"{each.text} {verdict}")
    return lines


def _many(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes)
