"""What the notebooks use: experiments, dashboards, figures, the player, step differences, questions.

    from palleto.lab import Dashboard, Experiment, difference, evidence, figures, player, question, vary

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

__all__ = ["Dashboard", "Experiment", "difference", "evidence", "figures", "player", "question", "solve", "vary"]


def __getattr__(name: str) -> Any:
    if name in ("evidence", "figures", "player"):
        return import_module(f"palleto.lab.{name}")
    if name not in _MODULES:
        raise AttributeError(f"module 'palleto.lab' has no attribute {name!r}")
    return getattr(import_module(f"palleto.lab.{_MODULES[name]}"), name)
