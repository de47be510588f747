"""Trials by pipelines and demand: which of them keep up, and where more pipelines are of no use any more."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from palleto.errors import SettingError
from palleto.lab.capacity.bill import Bill
from palleto.lab.capacity.load import Load
from palleto.lab.capacity.setting import Setting
from palleto.lab.capacity.trial import ENOUGH, Trial
from palleto.replay import html_table, text_table
from palleto.runtime import Supervisor
from steps import step9

__all__ = ["Sweep", "Trials", "sweep"]

HEAD = (
    *("", "files a second", "p50 in s", "p99 in s", "idle", "receives a file", "requests to SQS a file"),
    *("in hand in s", "USD a million files"),
)


class Trials(dict[Any, Trial]):
    """Trials by their names, shown as a table. A trial runs when it is asked for what came of it."""

    @property
    def rows(self) -> list[list[str]]:
        """A row a trial."""
        return [[str(name), *_row(trial)] for name, trial in self.items()]

    def __repr__(self) -> str:
        return text_table(HEAD, self.rows)

    def _repr_html_(self) -> str:
        return html_table(HEAD, self.rows)


def _row(trial: Trial) -> list[str]:
    it = trial.measured
    numbers = [
        f"{it.throughput:.2f}",
        _seconds(it.p50),
        _seconds(it.p99),
        "" if math.isnan(it.idle) else f"{it.idle:.0%}",
    ]
    numbers += [f"{it.each('receive'):.2f}", f"{it.sqs:.2f}", _seconds(it.in_hand), _usd(Bill(trial).total)]
    return numbers


def _seconds(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.1f}"


def _usd(value: float) -> str:
    return f"{value:,.2f}" if math.isfinite(value) else ""


class Sweep(Trials):
    """A trial for each number of pipelines and each demand: `sweep[3, 1]`. Make it with `sweep`."""

    def __init__(self, trials: Mapping[tuple[int, int], Trial]) -> None:
        super().__init__(trials)

    @property
    def pipelines(self) -> list[int]:
        """The numbers of pipelines, the fewest first."""
        return sorted({pipelines for pipelines, _ in self})

    @property
    def demands(self) -> list[int]:
        """The demands, the smallest first."""
        return sorted({demand for _, demand in self})

    def knee(self, max_demand: int) -> int:
        """With so much demand, the fewest pipelines that do as much as any, but for 5 %."""
        done = {pipelines: self[pipelines, max_demand].measured.throughput for pipelines in self.pipelines}
        return min(pipelines for pipelines, speed in done.items() if speed >= ENOUGH * max(done.values()))

    @property
    def rows(self) -> list[list[str]]:
        """A row a trial, the knees marked."""
        knees = {demand: self.knee(demand) for demand in self.demands}
        return [
            [f"{pipelines} x {demand}{' knee' if knees[demand] == pipelines else ''}", *_row(trial)]
            for (pipelines, demand), trial in self.items()
        ]


def sweep(
    load: Load,
    pipelines: Sequence[int] = (1, 2, 3, 4, 6, 8, 12),
    max_demand: Sequence[int] = (1, 10),
    *,
    pipeline: Callable[..., Supervisor] = step9.pipeline,
    **setting: Any,
) -> Sweep:
    """A trial for each of these numbers of pipelines and each demand, all else as in `setting`, a Setting's.

    pipeline: makes the supervisor of a worker, as step 9's.
    Raises SettingError for no numbers, or one that cannot be.
    """
    if not all(isinstance(numbers, Sequence) and numbers for numbers in (pipelines, max_demand)):
        raise SettingError(f"expected numbers of pipelines and of max_demand, got: {pipelines!r} and {max_demand!r}")
    return Sweep({
        (number, demand): Trial(load, Setting(number, demand, **setting), pipeline)
        for demand in max_demand
        for number in pipelines
    })  # fmt: skip
