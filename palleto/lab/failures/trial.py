"""One fault against one step: run on virtual time, and judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from html import escape
from types import ModuleType
from typing import Any

import anyio

from palleto.errors import unknown
from palleto.experiment import Experiment
from palleto.lab.failures.catalogue import failure as named
from palleto.lab.failures.failure import Failure
from palleto.lab.links import Links
from palleto.lab.talk import talk_step6, talk_step7, talk_step8, talk_step9
from palleto.program import Ending, RunState, queue_empty, second_time
from palleto.replay import Fated, Verdict, evidence, verdict
from palleto.runtime import Supervisor
from palleto.trace import TraceEvent
from steps import step6, step7, step8, step9

__all__ = ["STEPS", "WORDS", "Trial", "try_failure"]

STEPS: Mapping[str, ModuleType] = {
    "6": step6,
    "talk 6": talk_step6,
    "7": step7,
    "talk 7": talk_step7,
    "8": step8,
    "talk 8": talk_step8,
    "9": step9,
    "talk 9": talk_step9,
}
"""The steps by name: ours, and the talk's own."""
WORDS = ("-", "done once", "done twice", "delayed", "dead-lettered", "wrong", "ended", "lost", "stuck")
"""What a trial comes to, the harmless first.

The gravest fate of a message or file; "wrong" where one was done twice with different results, "ended" for a run that
ended with an error, "-" for a fault that cannot strike the step.
"""
SECONDS = 120.0
"""Run time of a trial that does not come to its end: four visibility timeouts."""


class Trial:
    """A fault against a step's pipeline. It runs when it is asked for what came of it, once.

    pipeline: as in the step; `until`: its ending; options: an experiment's. `experiment` is the run, which may not have
    begun.
    """

    def __init__(
        self, failure: Failure, step: str, pipeline: Callable[..., Supervisor], until: Ending, **options: Any
    ) -> None:
        self.failure, self.step = failure, step
        self.title = f"{failure}, step {step}"
        self.experiment = Experiment(
            pipeline,
            files=0,
            until=until,
            faults=failure.faults.again(),
            prepare=failure.prepare,
            simulation=failure.simulation,
            **options,
        )
        if failure.on is not None:
            self.experiment.listeners.append(self._strike)
        self._struck = False

    def __repr__(self) -> str:
        return f"{self.title}: {self.word}. {self.line}"

    def _repr_html_(self) -> str:
        links = Links()
        shown = links.to("Show me the event that decides it", self.experiment, self.event)
        said = f"<p><b>{escape(': '.join(filter(None, (self.word, self.run.error))))}</b></p>"
        return links.around(f"{said}{self.verdict._repr_html_()}<p>{shown}</p>")

    def _strike(self, event: TraceEvent) -> None:
        on, does, system = self.failure.on, self.failure.does, self.experiment.system
        if not self._struck and on is not None and does is not None and system is not None and on(event):
            self._struck = True
            does(system, event)

    @cached_property
    def run(self) -> Experiment:
        """The run, over."""
        self.experiment.start().join()
        return self.experiment

    @cached_property
    def verdict(self) -> Verdict:
        """What became of each message and file."""
        return verdict(self.run)

    @property
    def word(self) -> str:
        """One of WORDS."""
        if not self.can_strike:
            return "-"
        words = ["done once" if self.gravest is None else word_of(self.gravest)]
        return max(words + ["ended"] * (self.run.error is not None), key=WORDS.index)

    @property
    def can_strike(self) -> bool:
        """Whether the step does what the fault is about."""
        return int(self.step[-1]) >= self.failure.since

    @property
    def gravest(self) -> Fated | None:
        """The message or file that fared worst, of several one with an event that shows it."""
        ones = (*self.verdict.files, *self.verdict.messages)
        return max(ones, key=lambda one: (WORDS.index(word_of(one)), one.event is not None), default=None)

    @property
    def line(self) -> str:
        """What came of it: the verdict in one line, and the error that the run ended with."""
        return "; ".join(filter(None, (self.verdict.line, self.run.error)))

    @property
    def event(self) -> TraceEvent | None:
        """The trace event that decides it: open the player there. Of a run that ended with an error, its last fault."""
        if self.word == "ended":
            return evidence.last(self.run, kind="fault")
        return None if self.gravest is None else self.gravest.event


def word_of(one: Fated) -> str:
    """The word for a message or file: its fate, or "wrong"."""
    return "wrong" if one.differs else one.fate


async def all_done(state: RunState) -> None:
    """End when the queue is empty, and what is in hand without its message has had time to be done."""
    await queue_empty(state)
    assert state.warehouse is not None
    await anyio.sleep(state.warehouse.stack.visibility_timeout)


def ending(step: str) -> Ending:
    """How a trial of a step ends: step 6 deletes nothing, so its queue is not empty before all are dead letters."""
    return second_time if step.endswith("6") else all_done


def try_failure(failure: str | Failure, step: str, pipeline: Callable[..., Supervisor] | None = None) -> Trial:
    """A fault, by its name or your own, against a step (a name of STEPS), or a pipeline of your own that is like it.

    Raises SettingError for names that there are not.
    """
    if step not in STEPS:
        raise unknown(step, STEPS)
    chosen: Any = pipeline or STEPS[step].pipeline
    fault = named(failure) if isinstance(failure, str) else failure
    return Trial(fault, step, chosen, ending(step), virtual=True, seconds=SECONDS)
