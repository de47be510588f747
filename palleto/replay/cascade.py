"""The cascade: who ended and how, who was started anew, what was left of each budget, what was lost; from the trace."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

from palleto.replay.evidence import events_of
from palleto.replay.table import html_table, text_table
from palleto.runtime.supervisor import Budget
from palleto.trace import TraceEvent

CRASHED, LEFT, STOPPED, FAILED, GAVE_UP = "crashed", "left", "stopped", "could not start", "gave up"
"""How a life ends: of itself, with the one above it in the pipeline, by its supervisor, at once, out of restarts."""

TICK = 1e-6
"""Seconds to which a trace rounds its times."""


@dataclass
class Life:
    """From a start to an end, in seconds of run time. `end` and `how` are None while it runs.

    spent: of a supervisor: when the restarts of its children were taken out of its budget.
    """

    start: float
    end: float | None = None
    how: str | None = None
    spent: list[float] = field(default_factory=list)


@dataclass
class Lives:
    """A process in all its lives.

    under:  the label of its supervisor; None of the one at the top.
    floor:  how many supervisors are above it.
    budget: of a supervisor: its strategy, and so many restarts in so many seconds.
    done:   when it was done with each event that goes no further.
    """

    label: str
    under: str | None = None
    floor: int = 0
    lives: list[Life] = field(default_factory=list)
    budget: tuple[str, int, float] | None = None
    done: list[float] = field(default_factory=list)

    @property
    def spent(self) -> list[float]:
        """When restarts were taken out of its budgets, in all its lives."""
        return [t for life in self.lives for t in life.spent]

    def left(self, life: Life) -> list[tuple[float, int]]:
        """How many restarts a supervisor has left in a life, and from when on: (seconds of run time, restarts)."""
        assert self.budget is not None, "it is a supervisor"
        _, most, seconds = self.budget
        end = math.inf if life.end is None else life.end
        budget, found = Budget(most, seconds), [(life.start, most)]
        for t in sorted({*life.spent, *(t + seconds for t in life.spent if t + seconds < end)}):
            for _ in range(life.spent.count(t)):
                budget.spend(t)
            found.append((t, budget.left(t + TICK)))
        return found

    def pause(self, end: float) -> float:
        """The longest time without an event that was done, up to `end`; 0 of one that has never done any."""
        return max((b - a for a, b in pairwise([*self.done, end])), default=0.0) if self.done else 0.0


class Entry(NamedTuple):
    """What happened, in a sentence, and in the wake of which crash: 1 for the first."""

    event: TraceEvent
    words: str
    crash: int


class Cascade:
    """The lives of a run's processes, up to the moment at which the run began to end. Shown as a table of its start.

    run: an experiment, a recorder or a list of trace events.

    lives: by label, in the order in which they first started; tasks are none of them.
    log:   what happened from the first crash on, and in the wake of which.
    lost:  by the text of an event, the trace event that says so. `back`: those of them that were done later.
    end:   the seconds of run time that it covers.
    """

    HEAD = ("", "what happens", "restarts left")

    def __init__(self, run: Any) -> None:
        self.lives: dict[str, Lives] = {}
        self.log: list[Entry] = []
        self.lost: dict[str, TraceEvent] = {}
        self.back: set[str] = set()
        self.end = 0.0
        self._gone: dict[str, tuple[str, str]] = {}  # of a consumer, whom it has heard to be gone, and why
        self._subscribed: set[tuple[str, str]] = set()  # a consumer, and the one above it
        self._reasons: dict[str, str] = {}  # why each process ended last
        self._before: dict[str, str] = {}  # the kind of each process's last event
        self._failing: set[str] = set()  # supervisors with a child that could not start when they did
        self._budgets: dict[str, Budget] = {}
        for event in events_of(run):
            self.end = event.t
            if event.kind == "drain":
                break
            take = self._takes.get(event.kind)
            if take is not None:
                take(self, event)
            self._before[event.stage] = event.kind

    def __repr__(self) -> str:
        return text_table(self.HEAD, self._rows())

    def _repr_html_(self) -> str:
        return html_table(self.HEAD, self._rows())

    def _rows(self) -> list[list[str]]:
        """The wake of the first crash."""
        first = [entry for entry in self.log if entry.crash == 1]
        return [[f"{event.t:.1f} s", words, str(event.data.get("left", ""))] for event, words, _ in first]

    # ---- what it answers

    def ends(self, *how: str) -> list[tuple[str, Life]]:
        """Whose lives ended so, and these lives, in the order of their ends."""
        found = [(each.label, life) for each in self.lives.values() for life in each.lives if life.how in how]
        return sorted(found, key=lambda one: one[1].end or 0.0)

    @property
    def anew(self) -> list[str]:
        """The labels of the processes that were started anew, once for each time that it worked."""
        return [each.label for each in self.lives.values() for life in each.lives[1:] if life.how != FAILED]

    @property
    def done(self) -> int:
        """How many events were done."""
        return sum(len(each.done) for each in self.lives.values())

    @property
    def last(self) -> float:
        """When the last event was done, in seconds of run time; 0 if none was."""
        return max((each.done[-1] for each in self.lives.values() if each.done), default=0.0)

    @property
    def pauses(self) -> dict[str, float]:
        """The longest pause of each process at the end of the pipeline, in seconds."""
        return {label: each.pause(self.end) for label, each in self.lives.items() if each.done}

    # ---- what happened

    def _started(self, event: TraceEvent) -> None:
        data, label = event.data, event.stage
        if "function" in data:  # a task
            return
        lives = self.lives.setdefault(label, Lives(label))
        lives.lives.append(Life(event.t))
        lives.under = data.get("under")
        lives.floor = self.lives[lives.under].floor + 1 if lives.under in self.lives else 0
        self._gone.pop(label, None)
        if "strategy" in data:
            lives.budget = data["strategy"], data["max_restarts"], data["max_seconds"]
            self._budgets[label] = Budget(data["max_restarts"], data["max_seconds"])

    def _ended(self, event: TraceEvent) -> None:
        lives, label, reason = self.lives.get(event.stage), event.stage, str(event.data.get("reason", ""))
        if lives is None or not lives.lives:
            return
        life, (above, why) = lives.lives[-1], self._gone.get(label, ("", None))
        self._reasons[label] = reason
        if why == reason:
            how, words = LEFT, f"{label} leaves, as {above} is gone"
        elif label in self._failing or (event.kind == "crash" and self._is_failed(label, reason)):
            how, words = FAILED, f"{label} cannot start: {reason}"
            upper = self.lives.get(lives.under or "")
            if upper is not None and upper.lives[-1].start == life.start:  # it was starting its children
                self._failing.add(upper.label)
        elif event.kind == "stopped":
            how, words = STOPPED, f"{label} is stopped"
        elif label in self._budgets and reason.startswith("RestartError"):
            how, words = GAVE_UP, f"{label} gives up: {reason}"
            self._left(label, 0, event.t)
        else:
            how, words = CRASHED, f"{label} crashes: {reason}"
        self._failing.discard(label)
        life.end, life.how = event.t, how
        self._left(lives.under, event.data.get("left"), event.t)
        self._note(event, words, crash=how == CRASHED)

    def _is_failed(self, label: str, reason: str) -> bool:
        """Whether a process that crashes has done nothing since it was started."""
        return self._before[label] == "started" and not reason.startswith("RestartError")

    def _restart(self, event: TraceEvent) -> None:
        self._note(event, f"{event.peer} starts {event.stage} anew")
        self._left(event.peer, event.data.get("left"), event.t)

    def _left(self, supervisor: str | None, left: int | None, t: float) -> None:
        """So many restarts are left now: those that are missing were spent."""
        budget = self._budgets.get(supervisor or "")
        while budget is not None and left is not None and budget.left(t) > left:
            budget.spend(t)
            self.lives[supervisor or ""].lives[-1].spent.append(t)

    def _subscribe(self, event: TraceEvent) -> None:
        self._subscribed.add((event.peer or "", event.stage))

    def _down(self, event: TraceEvent) -> None:
        peer = event.peer or ""
        if (event.stage, peer) in self._subscribed:
            self._gone[event.stage] = peer, self._reasons.get(peer, "")
        self._note(event, f"{event.stage} is told that {event.peer} is gone")

    def _lost(self, event: TraceEvent) -> None:
        self.lost |= dict.fromkeys(event.ids, event)
        self._note(event, f"{event.stage} loses {', '.join(event.ids)}")

    def _handled(self, event: TraceEvent) -> None:
        if event.data.get("last") and event.stage in self.lives:
            self.lives[event.stage].done += [event.t] * len(event.ids)
            self.back |= self.lost.keys() & set(event.ids)

    def _note(self, event: TraceEvent, words: str, *, crash: bool = False) -> None:
        number = (self.log[-1].crash if self.log else 0) + crash
        told: list[Entry] = []  # what a crash loses is told before it
        while crash and self.log and self.log[-1].event.kind == "lost" and self.log[-1].event.stage == event.stage:
            told.insert(0, self.log.pop()._replace(crash=number))
        self.log += [Entry(event, words, number), *told]

    _takes: ClassVar[dict[str, Callable[[Cascade, TraceEvent], None]]] = {
        "started": _started,
        "stopped": _ended,
        "crash": _ended,
        "restart": _restart,
        "subscribe": _subscribe,
        "down": _down,
        "lost": _lost,
        "handled": _handled,
    }
