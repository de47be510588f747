"""What a notebook calls: `challenge("step5.faster")` says the goal, and `.check(pipeline)` tries a pipeline.

    challenge("step5.faster").check(pipeline)      # "passed: under all 100 seeds", or what is wrong

A pipeline is run under a hundred seeds in virtual time. A seed chooses the order in which stages that are ready get
their turns, which of two waits that are equally long ends first, and every latency that the simulated place draws.
"""

from __future__ import annotations

import io
import re
import time
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from html import escape
from typing import Any

from palleto.errors import SettingError
from palleto.lab import exercises, solved
from palleto.lab.challenges.attempt import Attempt, Miss
from palleto.lab.challenges.goal import MARK, Goal
from palleto.lab.html import markdown, marked
from palleto.lab.links import Links
from palleto.replay import standstill
from palleto.trace import Trace

__all__ = ["Challenge", "Result", "challenge"]

PATIENCE = 1.0
"""Real seconds after which no more seeds are tried, once one has failed."""

MOST = 3
"""Kinds of failures that are told."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?")

_failed: Counter[str] = Counter()
"""How often a check of a challenge has failed in this notebook, by its name."""


class Result:
    """What came of a check. True if the goal was reached under every seed.

    tried:  how many seeds. failures: how many of them failed in which way, by its line.
    seed, trace, miss: of the shortest run that failed; None if none did.
    """

    def __init__(self, text: str, tried: int = 0) -> None:
        self.text, self.tried = text, tried
        self.passed = False
        self.failures: dict[str, int] = {}
        self.seed: int | None = None
        self.trace: Trace | None = None
        self.miss: Miss | None = None

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        lines = "".join(f"<div>{marked(line)}</div>" for line in self.text.splitlines())
        if not self.trace:
            return f"<p>{lines}</p>"
        links = Links()
        event = self.miss.event if self.miss is not None and self.miss.event is not None else self.trace[-1]
        shown = links.to(f"Show me the shortest run that shows it, of seed {self.seed}", self.trace, event)
        return links.around(f"<p>{lines}</p><p>{shown}</p>")


class Challenge:
    """A goal, and the check whether a pipeline reaches it. Make it with `palleto.lab.challenge`. It shows the goal."""

    def __init__(self, goal: Goal, name: str) -> None:
        self.goal, self.name = goal, name

    def __repr__(self) -> str:
        return f"Challenge: {self.goal.text}\nTry your pipeline with .check(pipeline)."

    def _repr_html_(self) -> str:
        return f'<div id="{escape(anchor_of(self.name))}">{markdown(f"**Challenge.** {self.goal.text}")}</div>'

    def check(self, pipeline: Any) -> Result:
        """Run a pipeline, made by a function as in the step, under every seed; say whether it reaches the goal.

        Whatever the pipeline does, the answer is a result, never an exception. A check takes a second or two.
        """
        result = self._tried(pipeline)
        if result.passed:
            solved.add("challenges", self.name)
        elif result.tried:
            _failed[self.name] += 1
            if _failed[self.name] > 1 and self.goal.hint:
                result.text += f"\nHint: {self.goal.hint}"
        return result

    def _tried(self, pipeline: Any) -> Result:
        result = Result("")
        kinds: dict[str, str] = {}  # a line without its numbers, and the line that was first
        shortest = 0
        began = time.monotonic()
        try:
            # What a learner's code prints in a hundred runs is no answer: the result says what is wrong with one.
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                for seed in range(self.goal.seeds):
                    attempt = Attempt(self.goal, pipeline, seed)
                    miss = attempt.miss()
                    result.tried += 1
                    if miss is not None:
                        line = kinds.setdefault(_NUMBER.sub("#", miss.line), miss.line)
                        result.failures[line] = result.failures.get(line, 0) + 1
                        length = len(standstill(attempt.trace.events))
                        if result.miss is None or length < shortest:
                            shortest, result.seed = length, seed
                            result.miss, result.trace = miss, attempt.trace.events
                    if attempt.given_up or (result.failures and time.monotonic() - began > PATIENCE):
                        break
        except KeyboardInterrupt:
            result.failures["the check was interrupted"] = 1
        except Exception as error:  # a pipeline that cannot even be made
            result.failures = {str(error) if isinstance(error, SettingError) else f"{type(error).__name__}: {error}": 1}
        result.passed = not result.failures
        result.text = self._said(result)
        return result

    def _said(self, result: Result) -> str:
        if result.passed:
            return f"✓ passed: under all {result.tried} seeds. {self.goal.why}".strip()
        often = sorted(result.failures.items(), key=lambda one: -one[1])[:MOST]
        if result.tried < 2:
            return f"✗ not yet: {often[0][0]}."
        of = f"of {result.tried} seeds" if result.tried == self.goal.seeds else f"of the first {result.tried} seeds"
        if len(often) == 1:
            return f"✗ not yet, under {often[0][1]} {of}: {often[0][0]}."
        lines = [f"- {line} ({count} {of})" for line, count in often]
        return "\n".join(["✗ not yet:", *lines])


def challenge(name: str) -> Challenge:
    """A challenge of the notebooks: `challenge("step5.faster")` shows its goal, `.check(pipeline)` tries a pipeline.

    name: the challenge's file and its function in it; the file is `challenges/step5.py`.

    Raises SettingError for a name that there is not.
    """
    return Challenge(exercises.find("challenges", MARK, name), name)


def anchor_of(name: str) -> str:
    """The id of a challenge's goal in the page, to which links lead."""
    return f"challenge-{name}"
