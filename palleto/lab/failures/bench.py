"""The bench of the failure lab: a fault and a step to pick, a prediction, and a run: `bench()` at the end of a cell."""

from __future__ import annotations

from collections.abc import Sequence

from palleto.errors import SettingError
from palleto.lab.bench import Bench
from palleto.lab.failures.catalogue import FAILURES
from palleto.lab.failures.failure import Failure
from palleto.lab.failures.trial import STEPS, WORDS, Trial, try_failure

__all__ = ["bench"]


def bench(failures: Sequence[Failure] = FAILURES, steps: Sequence[str] = tuple(STEPS)) -> Bench:
    """Let the learner pick one of these faults and one of these steps (names of STEPS), predict, run and compare.

    Raises SettingError for none.
    """
    if not failures or not steps:
        raise SettingError(f"expected a fault and a step or more, got {len(failures)} and {len(steps)}")
    known = {one.name: one for one in failures}

    def make(failure: str, step: str) -> Trial:
        return try_failure(known.get(failure, failure), step)

    return Bench(
        {"Fault": list(known), "Step": steps},
        WORDS,
        make,
        lambda name: known[name].what,
        "Pick a fault and a step, say what will come of it, and run.",
    )
