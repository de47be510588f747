"""The bench of lab 3: a fault, a tree and its settings to pick, a prediction, and a run."""

from __future__ import annotations

from collections.abc import Callable

from palleto.errors import unknown
from palleto.lab.bench import Bench
from palleto.lab.supervision.fault import FAULTS, KINDS, fault
from palleto.lab.supervision.trial import CANCELS, STRATEGIES, TREES, WORDS, Trial, try_supervision
from palleto.runtime import Supervisor

__all__ = ["bench"]


BUDGETS = {f"{most} in 5 s": most for most in (3, 0, 1, 10)}
"""`max_restarts` in five seconds, in words; OTP's and ours first."""


def bench(**trees: Callable[..., Supervisor]) -> Bench:
    """Let the learner pick a fault, a tree and its settings, predict, run and compare.

    trees: trees of your own, by their names, as in `trees`: they stand behind those of TREES, or in their place.
    """
    own = {name.replace("_", " "): tree for name, tree in trees.items()}
    known = {**TREES, **own}

    def make(fault: str, tree: str, strategy: str, budget: str, cancel: str, who: str) -> Trial:
        """A trial of what was picked. Raises SettingError for names that there are not."""
        if budget not in BUDGETS:
            raise unknown(budget, BUDGETS)
        return try_supervision(known.get(tree, tree), fault, strategy, cancel, who, BUDGETS[budget])

    return Bench(
        {
            "Fault": [one.name for one in FAULTS],
            "Tree": list(known),
            "Strategy": STRATEGIES,
            "Budget": list(BUDGETS),
            "Cancel": list(CANCELS),
            "Who crashes": sorted(KINDS, key=lambda kind: kind != "producer-consumer"),
        },
        WORDS,
        make,
        lambda name: fault(name).what,
        "Pick a fault, a tree and its settings, say what will come of it, and run.",
    )
