"""What the notebooks use: experiments, dashboards, figures, step differences, questions, and what replays a run.

    from palleto.lab import Dashboard, Experiment, difference, evidence, figures, question, vary
    from palleto.lab import Trace, compare, explain, fork, player, unlucky

Each is imported when it is first used: a notebook that shows no figure does not load matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_MODULES = {
    "Dashboard": "dashboard",
    "Experiment": "experiment",
    "difference": "differences",
    "question": "questions",
    "solve": "questions",
    "vary": "variation",
}
_REPLAY = {
    "Trace": "palleto.trace",
    "compare": "palleto.replay.comparison",
    "explain": "palleto.replay.explanation",
    "fork": "palleto.replay.fork",
    "unlucky": "palleto.replay.schedule",
}

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
    if name in ("evidence", "figures", "player"):
        return import_module(f"palleto.lab.{name}")
    if name in _REPLAY:
        return getattr(import_module(_REPLAY[name]), name)
    if name not in _MODULES:
        raise AttributeError(f"module 'palleto.lab' has no attribute {name!r}")
    return getattr(import_module(f"palleto.lab.{_MODULES[name]}"), name)
