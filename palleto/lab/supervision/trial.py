"""One fault in one tree, under the settings of a learner's choice: run on virtual time, and judged by its trace."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cached_property, wraps
from html import escape
from typing import Any

from palleto.errors import unknown
from palleto.experiment import Experiment
from palleto.lab.failures.failure import Failure
from palleto.lab.links import Links
from palleto.lab.supervision.fault import BAD, KINDS, Crashes, Fault
from palleto.lab.supervision.fault import fault as named
from palleto.lab.supervision.step9_trees import step_9, talk_9
from palleto.lab.supervision.trees import one_floor, two_floors
from palleto.replay import CRASHED, GAVE_UP, LEFT, STOPPED, Cascade, events_of
from palleto.runtime import Supervisor
from palleto.trace import TraceEvent

__all__ = ["CANCELS", "STRATEGIES", "TREES", "WORDS", "Trial", "try_supervision", "word_of"]

TREES: Mapping[str, Callable[..., Supervisor]] = {
    "one floor": one_floor,
    "two floors": two_floors,
    "step 9": step_9,
    "talk 9": talk_9,
}
"""The trees by name: two of the lab's, our step 9's, and the talk's own."""
STRATEGIES = ("one_for_one", "rest_for_one", "one_for_all")
CANCELS: Mapping[str, dict[str, Any]] = {
    **{mode: {"cancel": mode} for mode in ("permanent", "transient", "temporary")},
    "temporary, resubscribe": {"cancel": "temporary", "resubscribe": 0.1},
}
"""What a subscription says of its end, in words; the default first."""
WORDS = ("goes on", "stands still", "gives up")
"""What a trial comes to: files are done to its end; none are any more, though it runs; the top is out of restarts."""
SECONDS, FILES = 12.0, 45
"""Run time of a trial; of one with a queue a second a file, so that a message that is lost comes back in it."""
STILL = 5.0
"""Seconds at the end of a trial in which no file is done: then it stands still."""


class Trial:
    """A fault in a tree. It runs when it is asked for what came of it, once. Make it with `try_supervision`.

    title: what was tried, in words. terms, settings: of each subscription, and of each supervisor.
    """

    def __init__(
        self,
        title: str,
        tree: Callable[..., Supervisor],
        fault: Fault,
        who: str,
        terms: dict[str, Any],
        settings: dict[str, Any],
    ) -> None:
        self.title, self.fault, self.settings = title, fault, settings
        if "warehouse" in inspect.signature(tree).parameters:
            bad = Failure("", "", files=0, objects={f"packrat/data/{BAD}": b"no gzip"} if fault.bad else {})

            @wraps(tree)  # whose code the run is of
            def queued(warehouse: Any) -> Supervisor:
                return tree(warehouse, terms, **settings)

            self.experiment = Experiment(
                queued,
                virtual=True,
                files=FILES,
                rate=1.0,
                seconds=float(FILES),
                observers=[Crashes(fault, who)],
                prepare=bad.prepare,
            )
        else:
            files: list[str] = []

            @wraps(tree)
            def pipeline() -> Supervisor:
                files[:] = fault.files()
                return tree(files, terms, **settings)

            self.experiment = Experiment(
                pipeline, virtual=True, seconds=SECONDS, observers=[Crashes(fault, who, files)]
            )

    def __repr__(self) -> str:
        return f"{self.title}: {self.word}. {self.line}"

    def _repr_html_(self) -> str:
        from palleto.lab.figures import cascade_over_time  # loads matplotlib

        links = Links()
        shown = links.to("Show me the event that decides it", self.experiment, self.event)
        said = f"<p><b>{escape(self.word)}</b>: {escape(self.line)}</p>"
        return links.around(f"{said}{cascade_over_time(self.run).svg()}{self.cascade._repr_html_()}<p>{shown}</p>")

    @cached_property
    def run(self) -> Experiment:
        """The run, over."""
        self.experiment.start().join()
        return self.experiment

    @cached_property
    def cascade(self) -> Cascade:
        """Who ended, who was started anew, what was lost."""
        return Cascade(self.run)

    @property
    def word(self) -> str:
        """One of WORDS."""
        return word_of(self.run)

    @property
    def line(self) -> str:
        """What came of it, in a sentence, and the error that the run ended with."""
        counts = self.counts
        spent, lost = counts.pop("spent"), counts.pop("lost")
        who = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        cost = f"{spent} of the budget spent" if spent else ""
        return "; ".join(filter(None, (who, cost, f"{self.cascade.done} files done, {lost} lost", self.run.error)))

    @property
    def counts(self) -> dict[str, int]:
        """How many ended in which way and were started anew, what that cost of the budgets, how many files are lost."""
        cascade = self.cascade
        ends = {how: len(cascade.ends(how)) for how in (CRASHED, LEFT, STOPPED)}
        spent = sum(len(each.spent) for each in cascade.lives.values())
        return {
            **ends,
            "started anew": len(cascade.anew),
            "spent": spent,
            "lost": len(cascade.lost.keys() - cascade.back),
        }

    @property
    def event(self) -> TraceEvent | None:
        """The trace event that decides it: the last supervisor's giving up, or the first crash."""
        ends = [(life.end, life.how) for _, life in self.cascade.ends(GAVE_UP)]
        crashes = [entry.event for entry in self.cascade.log if entry.event.kind == "crash"]
        gave_up = [event for event in crashes if (event.t, GAVE_UP) in ends]
        return next(iter(gave_up[-1:] or crashes), None)


def word_of(run: Any) -> str:
    """What a run comes to, one of WORDS. run: an experiment, a recorder or a list of trace events."""
    cascade = Cascade(run)
    top = next(iter(cascade.lives), "")
    crashes = (event for event in events_of(run) if (event.kind, event.stage) == ("crash", top))
    if any(event.data["reason"].startswith("RestartError") for event in crashes):  # be it as the run is stopped
        return "gives up"
    return "stands still" if cascade.end - cascade.last > STILL else "goes on"


def try_supervision(
    tree: str | Callable[..., Supervisor] = "one floor",
    fault: str | Fault = "a crash once",
    strategy: str = "one_for_one",
    cancel: str = "permanent",
    who: str = "producer-consumer",
    max_restarts: int = 3,
    max_seconds: float = 5.0,
) -> Trial:
    """A fault in a tree, each by its name or your own, under settings by their names.

    tree: of TREES, or a function as in `trees`: `tree(files, terms, **settings)`. fault: of FAULTS. strategy: of
    STRATEGIES. cancel: of CANCELS. who: of KINDS: whose batches crash. max_restarts, max_seconds: as a supervisor's.
    Raises SettingError for names that there are not.
    """
    known: tuple[tuple[Any, Any], ...] = (
        (tree, TREES), (strategy, STRATEGIES), (cancel, CANCELS), (who, KINDS),
    )  # fmt: skip
    for name, names in known:
        if isinstance(name, str) and name not in names:
            raise unknown(name, names)
    settings = {"strategy": strategy, "max_restarts": max_restarts, "max_seconds": max_seconds}
    name, make = (tree, TREES[tree]) if isinstance(tree, str) else (tree.__name__.replace("_", " "), tree)
    title = f"{name}, {fault}, {strategy}, {max_restarts} in {max_seconds:g} s, {cancel}"
    return Trial(title, make, named(fault) if isinstance(fault, str) else fault, who, CANCELS[cancel], settings)
