"""The unlucky schedule: one scenario under many seeds, how often it fails, and the shortest trace of a failure.

    unlucky(experiment, seeds=200)        # "3 of 200 schedules stall"

A seed chooses the order in which stages that are ready get their turns, and every latency that the simulated place
draws. So what fails once in a hundred runs fails again, and in the same way, with its seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from palleto.errors import SettingError
from palleto.experiment.experiment import Experiment
from palleto.experiment.repetition import Repetition, repeatable
from palleto.replay import Explanation, explain, html_table, standstill
from palleto.trace import Trace

__all__ = ["Odds", "unlucky"]


class Odds:
    """What came of the schedules. `tried` is their number, `failed` the seeds of those that failed.

    seed, trace: of the shortest failing one, or None; `explanation` says why nothing happens at its end.
    """

    def __init__(self, tried: int, failed: list[int], seed: int | None, trace: Trace | None, what: str) -> None:
        self.tried, self.failed, self.seed, self.trace, self.what = tried, failed, seed, trace, what

    @property
    def explanation(self) -> Explanation | None:
        """Why the shortest failing run stands still."""
        return None if self.trace is None else explain(self.trace)

    @property
    def headline(self) -> str:
        """The odds in one sentence."""
        if self.trace is None:
            return f"None of {self.tried} schedules {self.what}."
        length = f"{len(standstill(self.trace)):,} trace events before it stands still"
        shortest = f"the shortest is that of seed {self.seed}, with {length}"
        return f"{len(self.failed)} of {self.tried} schedules {self.what}; {shortest}."

    def __repr__(self) -> str:
        return self.headline if self.explanation is None else f"{self.headline}\n{self.explanation!r}"

    def _repr_html_(self) -> str:
        told = html_table((), (), before=self.headline)
        return told if self.explanation is None else told + self.explanation._repr_html_()


def unlucky(
    run: Experiment,
    seeds: int | Iterable[int] = 200,
    *,
    fails: Callable[[Trace], bool] | None = None,
    first: bool = False,
) -> Odds:
    """Run an experiment under many seeds.

    run:   an experiment on virtual time, with `until` (the end it should come to) and `seconds` (the run time by which
           it should have); or with `fails`.
    seeds: how many, 1 or more, from 0 on; or which.
    fails: says of a trace whether it shows a failure; None: its `until` was not reached, or the run itself failed.
    first: stop at the first failure.

    Raises SettingError for a run in real time, or one of which nobody could tell whether it fails.
    """
    repeatable(run)
    if fails is None and (run.until is None or run.seconds is None):
        raise SettingError("expected an experiment with until=... and seconds=..., or fails=..., got neither")
    if (isinstance(seeds, int) and (isinstance(seeds, bool) or seeds < 1)) or isinstance(seeds, str):
        raise SettingError(f"expected seeds to be 1 or more, got: {seeds!r}")
    tried, failed = 0, []
    shortest: tuple[int, int, Trace] | None = None
    for seed in range(seeds) if isinstance(seeds, int) else seeds:
        repetition = Repetition(run, seed=seed)
        trace = repetition.perform()
        tried += 1
        if fails(trace) if fails is not None else not repetition.reached or repetition.error is not None:
            failed.append(seed)
            length = len(standstill(trace))
            if shortest is None or length < shortest[0]:
                shortest = length, seed, trace
            if first:
                break
    what = "fail" if fails is not None else "stall"
    if shortest is None:
        return Odds(tried, failed, None, None, what)
    return Odds(tried, failed, shortest[1], shortest[2], what)
