"""A recommendation in words, each with the run that supports it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from palleto.errors import SettingError
from palleto.lab.capacity.bill import Bill
from palleto.lab.capacity.load import Load
from palleto.lab.capacity.sweep import Sweep, sweep
from palleto.lab.capacity.trial import Trial
from palleto.replay import html_table, text_table
from palleto.runtime import Supervisor
from steps import step9

__all__ = ["Recommendation", "recommend"]

FACTORS = (1, 1.5, 2)
"""Pipelines that are tried: so many times as many as are busy."""
DEMANDS = (1, 10)
WORKERS = (1, 2, 4, 8, 16, 32, 64)
WAITS = (0, 2, 20)
SPARE = 0.2
"""The share of the pipelines' time, and of the cores', that is left for what comes faster or takes longer."""
NEAR = 1.02
HIDDEN = 3
"""A visibility timeout is so many times as long as a message was in hand."""
LEAST = 30
"""Seconds of a visibility timeout at least: for what takes longer than in any of these runs."""


@dataclass
class Recommendation:
    """What to choose, why, and the run that has been made with it.

    sweep:   of pipelines and demand, with as many workers as are needed.
    trial:   the run with all that is recommended; None if nothing keeps up.
    reasons: each choice, and why, by what was measured.
    budget:  USD for a million files, or None. away: whether the workers are outside of AWS.
    """

    sweep: Sweep
    trial: Trial | None = None
    reasons: Sequence[tuple[str, str]] = ()
    budget: float | None = None
    away: bool = False

    @property
    def bill(self) -> Bill | None:
        """What AWS would charge for a million files; None if nothing keeps up."""
        return None if self.trial is None else Bill(self.trial, away=self.away)

    @property
    def affordable(self) -> bool:
        """Whether something keeps up, and the budget pays for it."""
        return self.bill is not None and (self.budget is None or self.bill.total <= self.budget)

    @property
    def line(self) -> str:
        """All in one line."""
        if self.trial is None or self.bill is None:
            return f"Nothing that was tried keeps up with {next(iter(self.sweep.values())).load}."
        said = f"{self.trial.setting}: {self.bill.total:,.2f} USD for a million files"
        if self.budget is None:
            return f"{said}."
        return f"{said}; the budget of {self.budget:,.2f} USD {'pays for it' if self.affordable else 'does not do'}."

    def __repr__(self) -> str:
        return f"{text_table(['choose', 'because'], self.reasons)}\n\n{self.line}" if self.reasons else self.line

    def _repr_html_(self) -> str:
        return html_table(["choose", "because"], self.reasons, after=self.line)


def recommend(
    load: Load,
    *,
    budget: float | None = None,
    away: bool = False,
    pipelines: Sequence[int] = (),
    max_demand: Sequence[int] = (),
    pipeline: Callable[..., Supervisor] = step9.pipeline,
) -> Recommendation:
    """What to choose for files that arrive at a rate. Everything is tried in runs; of what keeps up it is the cheapest.

    budget:     USD for a million files, above 0. With one it is not the cheapest, but what the oldest files are
                youngest with, of what the budget pays for. away: the workers are outside of AWS.
    pipelines, max_demand: which are tried; none: as many as the load needs, and some more. pipeline: makes the
                supervisor of a worker, as step 9's.

    Raises SettingError for a backlog, as nothing can keep up with that, and for a budget that cannot be.
    """
    if budget is not None and not (isinstance(budget, int | float) and budget > 0):
        raise SettingError(f"expected a budget above 0 USD, or None, got: {budget!r}")
    if load.rate is None:
        raise SettingError("expected a load with a rate, as nothing keeps up with a backlog; got rate=None")
    least = load.rate * load.works / (1 - SPARE)
    for workers in [one for one in WORKERS if one >= least] or WORKERS[-1:]:
        busy = load.rate * load.seconds / workers
        numbers = pipelines or sorted({1, *(max(1, math.ceil(factor * busy)) for factor in FACTORS)})
        found = sweep(load, numbers, max_demand or DEMANDS, pipeline=pipeline, workers=workers)
        if fast := [trial for trial in found.values() if trial.keeps_up and trial.measured.idle >= SPARE]:
            break
    else:
        return Recommendation(found, budget=budget, away=away)
    best = _best(fast, budget, away)
    waiting = [_with(best, wait=wait) for wait in WAITS]
    waits = _best([trial for trial in waiting if trial.keeps_up] or [best], budget, away)
    hidden = max(LEAST, 10 * math.ceil(HIDDEN * waits.measured.in_hand / 10))
    trial = _with(waits, visibility=hidden)
    return Recommendation(found, trial, _reasons(found, best, waiting, trial), budget, away)


def _with(trial: Trial, **chosen: int) -> Trial:
    """A trial that differs in this; the same one if it does not."""
    setting = trial.setting._replace(**chosen)
    return trial if setting == trial.setting else Trial(trial.load, setting, trial.pipeline)


def _best(trials: Iterable[Trial], budget: float | None, away: bool) -> Trial:
    """The cheapest; with a budget the one with the youngest files, of those that it pays for.

    What differs by 2 % does not differ: then it is the one with the fewest pipelines, least demand, and longest wait.
    """
    costs = {trial: Bill(trial, away=away).total for trial in trials}
    paid = [trial for trial, cost in costs.items() if budget is not None and cost <= budget]
    values = {trial: trial.measured.p99 for trial in paid} or costs
    near = [trial for trial, value in values.items() if value <= min(values.values()) * NEAR]
    return min(near, key=lambda trial: (*trial.setting[:2], -trial.setting.wait))


def _reasons(found: Sweep, best: Trial, waiting: list[Trial], trial: Trial) -> list[tuple[str, str]]:
    load, setting = trial.load, trial.setting
    it, rate = best.measured, load.rate or 0.0
    fewer = [number for number in found.pipelines if number < setting.pipelines]
    slower = [(number, found[number, setting.max_demand].measured) for number in fewer[-1:]]
    unlike = [
        (other, found[setting.pipelines, other].measured) for other in found.demands if other != setting.max_demand
    ]
    each = "; ".join(f"with {one.setting.wait} s: {one.measured.each('receive'):.2f} and {one.measured.p99:.1f} s"
                     for one in waiting)  # fmt: skip
    return [
        (
            f"workers: {setting.workers}",
            f"{rate:g} files a second that work {load.works:.3g} s each keep {rate * load.works:.2f} cores busy, "
            "and a worker has one",
        ),
        (
            f"pipelines: {setting.pipelines} in each",
            f"{rate:g} files a second that take {load.seconds:.3g} s each are {rate * load.seconds:.1f} at a time; "
            f"{it.throughput:.2f} a second were done, and pipelines were idle for {it.idle:.0%} of the time"
            + "".join(f"; with {number}: {one.throughput:.2f} and {one.idle:.0%}" for number, one in slower),
        ),
        (
            f"max_demand: {setting.max_demand}",
            f"{it.sqs:.2f} requests to SQS a file, and 99% of the files done within {it.p99:.1f} s"
            + "".join(f"; with {number}: {one.sqs:.2f} and {one.p99:.1f} s" for number, one in unlike),
        ),
        (f"wait time: {setting.wait} s", f"receives a file, and within how long 99% are done, {each}"),
        (
            f"visibility timeout: {setting.visibility} s",
            f"a message was in hand for {trial.measured.in_hand:.1f} s at most, so none would come again without a "
            "heartbeat either; the files of a worker that dies are away as long",
        ),
    ]
