"""A run on virtual time, repeated: the same seed gives the same trace, byte for byte, up to where something is changed.

A repetition takes its settings from an experiment, runs it again and returns when it is over. A change is made in the
very moment of a trace event, before anything else happens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from palleto.errors import SettingError
from palleto.experiment.experiment import Experiment
from palleto.program import RunState
from palleto.trace import Trace, TraceEvent

__all__ = ["Change", "Repetition"]

Change = Callable[["Repetition"], Callable[[], Any] | None]
"""Looks at a run in its middle, and returns what will change it; None if there is nothing to change."""


def repeatable(run: Any) -> None:
    """Raise SettingError for what cannot be repeated: no experiment, one in real time, or one without an end."""
    if not isinstance(run, Experiment):
        raise SettingError(f"expected an experiment, as only that can run again, got: {run!r:.60}")
    if not run.virtual:
        raise SettingError("expected an experiment that can be repeated, got one in real time; make it virtual=True")
    if run.seconds is None and run.until is None:
        raise SettingError(
            "expected an experiment that ends by itself, got one without; give it seconds=... or until=..."
        )


class Repetition(Experiment):
    """One more run of an experiment, which must be on virtual time. `reached` says whether it came to its `until`.

    early: whether the moment of a change was before the whole pipeline had started, so that it was not made.
    """

    def __init__(self, experiment: Experiment, *, seed: int | None = None) -> None:
        repeatable(experiment)
        options = experiment.options if seed is None else {**experiment.options, "seed": seed}
        super().__init__(
            experiment.pipeline,
            virtual=True,
            seconds=experiment.seconds,
            until=experiment.until,
            files=experiment.files,
            rate=experiment.rate,
            simulation=experiment.simulation,
            faults=experiment.faults and experiment.faults.again(),
            observers=experiment.observers,
            prepare=experiment.prepare,
            **options,
        )
        self.max_demand, self.wanted_copies = experiment.max_demand, experiment.wanted_copies
        self.reached = self.early = False

    def perform(self, at: int | None = None, change: Change | None = None, words: str = "") -> Trace:
        """Run to the end, and return the trace. At the trace event with the number `at`, `change` is called.

        A run that fails has its error in `error`. Raises SettingError for one that cannot even begin.
        """
        self._reset()
        self.reached = self.early = False

        def heed(event: TraceEvent) -> None:
            if event.seq == at:
                self.trace.listeners.remove(heed)
                self.early = self.system is None
                if change is not None and not self.early and (apply := change(self)) is not None:
                    self.trace.note("forked", None, change=words)
                    apply()

        self.trace.listeners.append(heed)
        # In a thread of its own: a notebook's has an event loop already, and Ctrl-C must end us, not the run alone.
        thread = threading.Thread(target=self._run, name="palleto repetition", daemon=True)
        thread.start()
        thread.join()
        if self.error is not None and not self.trace.events:
            raise SettingError(self.error)
        return self.trace.events

    async def _until(self, run: RunState, over: Any) -> None:
        await super()._until(run, over)
        self.reached = True
