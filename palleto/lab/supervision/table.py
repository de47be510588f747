"""Strategy by fault: what it comes to, who ends, who is started anew, what is lost, and how long others stand still."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from palleto.lab.supervision.fault import FAULTS, Fault
from palleto.lab.supervision.trial import STRATEGIES, Trial, try_supervision
from palleto.replay import html_table, text_table
from palleto.runtime import Supervisor

__all__ = ["Table", "table"]


class Table:
    """Trials by fault and strategy. `table[fault, strategy]` is one of them, by names."""

    HEAD = (
        *("fault", "strategy", "comes to", "crashed", "left", "stopped", "started anew", "spent", "lost"),
        "longest pause",
    )

    def __init__(self, trials: dict[tuple[str, str], Trial]) -> None:
        self.trials = trials

    def __getitem__(self, cell: tuple[str, str]) -> Trial:
        return self.trials[cell]

    @property
    def rows(self) -> list[list[str]]:
        """A trial's names, what it comes to, and its counts."""
        rows = []
        for (fault, strategy), trial in self.trials.items():
            counts, pause = trial.counts.values(), max(trial.cascade.pauses.values(), default=0.0)
            rows.append([fault, strategy, trial.word, *(str(count or "") for count in counts), f"{pause:.1f} s"])
        return rows

    def __repr__(self) -> str:
        return text_table(self.HEAD, self.rows)

    def _repr_html_(self) -> str:
        return html_table(self.HEAD, self.rows)


def table(
    tree: str | Callable[..., Supervisor] = "one floor",
    faults: Iterable[Fault] = FAULTS,
    strategies: Iterable[str] = STRATEGIES,
    **chosen: Any,
) -> Table:
    """The table of these faults and strategies in a tree, by its name or your own; it runs when it is shown.

    chosen: `cancel`, `who`, `max_restarts` and `max_seconds` of `try_supervision`, which says what there is. Raises
    SettingError as that does.
    """
    names, strategies = list(faults), list(strategies)
    return Table(
        {
            (each.name, strategy): try_supervision(tree, each, strategy, **chosen)
            for each in names
            for strategy in strategies
        }
    )
