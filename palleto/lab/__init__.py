"""What the notebooks use: experiments, dashboards, figures, step differences, questions, and what replays a run.

    from palleto.lab import Dashboard, Experiment, difference, evidence, figures, question, vary
    from palleto.lab import Trace, compare, explain, fork, player, unlucky

Each is imported when it is first used: a notebook that shows no figure does not load matplotlib.

Experiments, forks and traces are of the floors below. What the lab itself has stands apart, and is read in any order:
dashboard (a run, live), figures (of its trace), player (its trace, event by event), questions (to it), differences (of
two steps), variation (of one number). notebook keeps the notebooks equal to the steps; publish and portrait make what
is read without a kernel.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Dashboard": "palleto.lab.dashboard",
    "Experiment": "palleto.experiment",
    "Trace": "palleto.trace",
    "compare": "palleto.replay",
    "difference": "palleto.lab.differences",
    "explain": "palleto.replay",
    "fork": "palleto.experiment",
    "question": "palleto.lab.questions",
    "solve": "palleto.lab.questions",
    "unlucky": "palleto.experiment",
    "vary": "palleto.lab.variation",
}
_MODULES = {"evidence": "palleto.replay.evidence", "figures": "palleto.lab.figures", "player": "palleto.lab.player"}

__all__ = [
    "Dashboard",
    "Experiment",
    "Trace",
    "compare",
    "difference",
    "evidence",
    "explain",
    "figures",
    "fork",
    "player",
    "question",
    "solve",
    "unlucky",
    "vary",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'palleto.lab' has no attribute {name!r}")
