"""A challenge as its author writes it: a decorated function of a file such as `challenges/step5.py`.

    @goal(
        "Make three consumers three times as fast as one: ninety events within 150 seconds, and forget nothing.",
        hint="How many loops may look at the same time?",
        why="Each demand has a loop of its own, and none is killed.",
        seconds=150,
    )
    def faster(trace):
        done = evidence.consumed(trace)
        if done.value < 90:
            return f"{done.value} events are consumed in 150 s", done.event

The function's name is the challenge's. It gets the trace of one run of the learner's pipeline, and gives None if the
goal is reached, else a line that says what is wrong, or that line and the trace event that shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from palleto.errors import SettingError

__all__ = ["Goal", "goal"]

MARK = "palleto_goal"
"""The attribute of a decorated function that holds its goal."""

SEEDS = 100

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Goal:
    """What a challenge asks for, and how it is judged. See `goal`."""

    text: str
    judge: Callable[[Any], Any]
    hint: str
    why: str
    seeds: int
    during: Mapping[float, Callable[[Any], Any]]
    settings: Mapping[str, Any]


def goal(
    text: str,
    *,
    hint: str = "",
    why: str = "",
    seeds: int = SEEDS,
    during: Mapping[float, Callable[[Any], Any]] | None = None,
    **settings: Any,
) -> Callable[[Function], Function]:
    """Make a function, which judges a trace, a challenge.

    text:     the goal, as Markdown. hint: said when a check has failed again. why: said when it is reached.
    seeds:    how many schedules must reach it, from seed 0 on.
    during:   what happens to each run: seconds of run time, and a function, plain or async, that is called with the run
              then. It has an experiment's handles: `{32: lambda run: run.crash_loop()}`.
    settings: an experiment's, as `seconds`, `until`, `files`, `simulation`, `faults`. With `until` a run that does not
              come to its end within `seconds` fails without being judged.

    Raises SettingError for runs that would have no end: its author's mistake.
    """
    if settings.get("seconds") is None:
        raise SettingError("expected seconds=..., the run time after which a run of the challenge ends, got none")

    def decorate(function: Function) -> Function:
        setattr(function, MARK, Goal(text, function, hint, why, seeds, during or {}, settings))
        return function

    return decorate
