"""What a learner answers with: a choice, or a number as people write it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_NUMBER = re.compile(r"\s*([-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*([^\d\s,.]*)\s*")


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
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number beyond what a float holds
        return False


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
