"""Each challenge of the notebooks can be solved, and the step as it is does not solve it."""

from __future__ import annotations

import importlib
import re
import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from palleto.lab import challenge
from palleto.lab.challenges import trial
from palleto.lab.challenges.goal import MARK
from palleto.lab.exercises import names

SOLUTIONS = Path(__file__).parent / "solutions"
NAMES = names("challenges", MARK)
SOLVED = {"step9.no_stall"}
"""What the step as it is solves: the notebook's gap is the talk's own code, and fails as the notebook runs."""

LABS = {"lab1": "palleto.lab.talk.talk_step8"}
"""The pipeline that a lab's challenges begin with; of the others it stands beside the solutions."""


@pytest.fixture(autouse=True)
def a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # progress is kept there


def solutions(name: str) -> dict[str, Any]:
    """What the file of solutions to a challenge has, by name."""
    return runpy.run_path(str(SOLUTIONS / f"{name.partition('.')[0]}.py"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seeds", [3, pytest.param(100, marks=pytest.mark.long)])
def test_it_can_be_solved(name: str, seeds: int):
    given = challenge(name)
    given.goal = replace(given.goal, seeds=min(seeds, given.goal.seeds))
    result = given.check(solutions(name)[name.partition(".")[2]])
    assert result, result.text


def as_it_is(name: str) -> Any:
    """The pipeline of a challenge's step; of a lab's the notebook's, with its gap."""
    file, _, word = name.partition(".")
    if file.startswith("step") or file in LABS:
        return importlib.import_module(LABS.get(file, f"steps.{file}")).pipeline
    return solutions(name)[f"{word}_as_it_is"]


@pytest.mark.parametrize("name", sorted({*NAMES} - SOLVED))
def test_the_step_as_it_is_does_not_solve_it(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trial, "PATIENCE", 0.0)
    result = challenge(name).check(as_it_is(name))
    assert not result
    assert result.trace, result.text


def cheats(name: str) -> list[str]:
    """The pipelines in a file of solutions that are none: `not_faster_...` is no solution of `faster`."""
    file, _, word = name.partition(".")
    return re.findall(rf"^(?:def )?(not_{word}_\w+)", (SOLUTIONS / f"{file}.py").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", [*filter(cheats, NAMES)])
def test_what_reaches_the_goal_by_other_means_does_not_solve_it(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trial, "PATIENCE", 0.0)
    results = [challenge(name).check(solutions(name)[cheat]) for cheat in cheats(name)]
    assert not any(results)
    assert len({result.text for result in results}) == len(results), "each is told what it does wrong"
