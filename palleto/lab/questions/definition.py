"""A question as its author writes it: a decorated function of a file such as `questions/step5.py`.

    @question(
        "How many loops are killed before the first event is found?",
        choices=[0, 1, 2, 3],
        look="the lanes of the loops, in the first second",
        hint="The first demand finds no loop to kill.",
        why="The second demand kills the loop of the first, and the third that of the second.",
    )
    def kills(trace):
        return evidence.tally(trace, kind="loop_killed", before=20)

The function's name is the question's. It gets the trace of the learner's run, and gives a value, a trace event (its
time is the answer), an answer of `evidence`, or a value and the trace event that decides it. None, or any error, means
that the run does not show it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from palleto.errors import SettingError
from palleto.lab.questions.answer import Choice, choices_of, is_number

__all__ = ["Definition", "defined", "question"]

MARK = "palleto_question"
"""The attribute of a decorated function that holds its definition."""

RUN = "Run"
"""The heading under which a notebook makes the run that a question is about."""

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Definition:
    """What a question asks, how it is answered, and what is said to a learner. See `question`."""

    text: str
    answer: Any
    choices: tuple[Choice, ...] = ()
    tolerance: float = 0.0
    unit: str = ""
    help: tuple[str, ...] = ()
    why: str = ""
    under: str = RUN


def question(
    text: str,
    *,
    choices: Iterable[Any] | Mapping[str, Any] | None = None,
    look: str = "",
    hint: str | Iterable[str] = (),
    why: str = "",
    tolerance: float = 0.0,
    unit: str = "",
    shuffle: bool | None = None,
    under: str = RUN,
) -> Callable[[Function], Function]:
    """Make a function a question: a choice if there are `choices`, else a number.

    choices:   values, or `{"what is shown": value}`.
    look:      what to look at, as in "Look at ...": said with the first wrong answer. hint: one or more, said with
               those after it, one each. why: said with a right answer, and with the one that is shown.
    tolerance: how far a number may be off, in its own unit. unit: of a number, as "s".
    shuffle:   mix the choices, always in the same way; by default if they are not all numbers.
    under:     the heading of the notebook's part whose cell makes the run.

    Raises SettingError for a question that cannot be asked: its author's mistake, not the learner's.
    """
    hints = [hint] if isinstance(hint, str) else list(hint)
    helps = [f"Look at {look.rstrip('.')}." if look else "", *hints]

    def decorate(function: Function) -> Function:
        made = defined(text, function, choices, helps, why, tolerance, unit, shuffle, under)
        setattr(function, MARK, made)
        return function

    return decorate


def defined(
    text: str,
    answer: Any,
    choices: Iterable[Any] | Mapping[str, Any] | None = None,
    helps: Iterable[str] = (),
    why: str = "",
    tolerance: float = 0.0,
    unit: str = "",
    shuffle: bool | None = None,
    under: str = RUN,
) -> Definition:
    """The definition of a question. helps: what is said with one wrong answer after the other."""
    shown = choices_of(choices)
    if choices is not None and len({choice.label.casefold() for choice in shown}) < max(2, len(shown)):
        raise SettingError(f"expected two or more different choices, got: {[choice.label for choice in shown]}")
    if not (is_number(tolerance) and tolerance >= 0):
        raise SettingError(f"expected a tolerance of 0 or more, got: {tolerance!r}")
    if shuffle or (shuffle is None and not all(is_number(choice.value) for choice in shown)):
        random.Random(text).shuffle(shown)
    return Definition(text, answer, tuple(shown), tolerance, unit, tuple(filter(None, helps)), why, under)
