"""What a learner's answer means (a choice, or a number as people write it), and what is said to it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from palleto.lab.html import marked
from palleto.trace import TraceEvent

if TYPE_CHECKING:
    from palleto.lab.player.player import Player

State = Literal["right", "wrong", "not tried"]

SIGNS: dict[State, str] = {"right": "✓", "wrong": "✗", "not tried": "○"}

_NUMBER = re.compile(r"\s*([-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*([^\d\s,.]*)\s*")


@dataclass(frozen=True)
class Verdict:
    """What a check, a hint or a solution says. True if the question is answered right.

    In a notebook, one that is wrong opens the player at the trace event that decides the question.
    """

    state: State
    text: str
    deciding: TraceEvent | None = None
    player: Callable[[], Player] | None = field(default=None, compare=False)

    def __bool__(self) -> bool:
        return self.state == "right"

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        bundle = {"text/plain": self.text}
        if self.state == "wrong" and self.deciding is not None and self.player is not None:
            bundle["text/html"] = f"<p>{marked(self.text)}</p>{self.player()._repr_html_()}"
        return bundle


@dataclass(frozen=True)
class Choice:
    """One answer to choose from: what is shown, and the value that the trace is to give."""

    label: str
    value: Any


def choices_of(choices: Iterable[Any] | Mapping[str, Any] | None) -> list[Choice]:
    """The choices of a question: values, or `{"what is shown": value}`."""
    if choices is None:
        return []
    pairs = choices.items() if isinstance(choices, Mapping) else [(value, value) for value in choices]
    return [Choice(str(label), value) for label, value in pairs]


def same(given: Any, right: Any, tolerance: float = 0.0) -> bool:
    """Whether two answers are the same; numbers may be `tolerance` apart."""
    if is_number(given) and is_number(right):
        # Times are rounded to microseconds, so equal to the eye is equal.
        return math.isclose(given, right, rel_tol=1e-9, abs_tol=max(tolerance, 1e-6))
    return bool(given == right)


def is_number(value: Any) -> bool:
    """Whether it is a finite number, and not True or False."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def number_of(value: Any, unit: str) -> float | int | None:
    """A number as a learner writes it: 14, "14", "1,000", "46 s"; None if it is none."""
    if is_number(value):
        return value  # type: ignore[no-any-return]
    match = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2].casefold() not in ("", unit.casefold(), unit.casefold()[:1]):
        return None
    number = float(match[1].replace(",", ""))
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
