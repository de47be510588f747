"""Every fault against every step, a word each."""

from __future__ import annotations

from collections.abc import Iterable

from palleto.lab.failures.catalogue import FAILURES, failure
from palleto.lab.failures.failure import Failure
from palleto.lab.failures.trial import STEPS, Trial, try_failure
from palleto.replay import html_table, text_table

__all__ = ["Matrix", "matrix"]


class Matrix:
    """Trials by fault and step. `matrix[fault, step]` is one of them, by names."""

    def __init__(self, failures: Iterable[Failure | str], steps: Iterable[str]) -> None:
        self.failures = [failure(each) if isinstance(each, str) else each for each in failures]
        self.steps = list(steps)
        self.trials: dict[tuple[str, str], Trial] = {
            (each.name, step): try_failure(each, step) for each in self.failures for step in self.steps
        }

    def __getitem__(self, cell: tuple[str, str]) -> Trial:
        return self.trials[cell]

    @property
    def rows(self) -> list[list[str]]:
        """A fault's name, and a word for each step."""
        return [[each.name, *(self[each.name, step].word for step in self.steps)] for each in self.failures]

    def __repr__(self) -> str:
        return text_table(["fault", *self.steps], self.rows)

    def _repr_html_(self) -> str:
        return html_table(["fault", *self.steps], self.rows)


def matrix(failures: Iterable[Failure | str] = FAILURES, steps: Iterable[str] = tuple(STEPS)) -> Matrix:
    """The matrix of these faults (by name, or your own) and steps (names of STEPS); all by default.

    It runs when it is shown. Raises SettingError for names that there are not.
    """
    return Matrix(failures, steps)
