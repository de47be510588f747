"""What the notebooks use: experiments, dashboards, figures, step differences, questions, and what replays a run.

    from palleto.lab import Dashboard, Experiment, ask, difference, evidence, figures, tell, vary
    from palleto.lab import Trace, compare, explain, fork, player, unlucky

Each is imported when it is first used: a notebook that shows no figure does not load matplotlib.

Experiments, forks and traces are of the floors below. What the lab itself has stands apart, and is read in any order:
dashboard (a run, live), figures (of its trace), player (its trace, event by event), questions (to it), sentence (whose
numbers it makes), challenges (a goal for a learner's own pipeline), scheduler (whose turn it is, chosen by the
learner), failures (faults as data, against steps), shutdown (five ways to end a worker), supervision (crashes, in trees
of supervisors), overload (four ways to meet too much), capacity (what a load needs, and costs), bench (a learner's own
trials), talk (the talk's own steps, as they were), progress_table (what is solved), differences (of two steps),
variation (of one number). exercises knows the files of questions and challenges, solved the file of what is solved,
links how a number opens the player, mimebundle how what has widgets is shown, thread where a run of its own goes,
outputs what is said below a cell whose runs are of older code. notebook keeps the notebooks equal to the steps; publish
and portrait make what is read without a kernel.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

_HOMES = {
    "Dashboard": "palleto.lab.dashboard",
    "Experiment": "palleto.experiment",
    "Trace": "palleto.trace",
    "ask": "palleto.lab.questions",
    "be_the_scheduler": "palleto.lab.scheduler",
    "challenge": "palleto.lab.challenges",
    "compare": "palleto.replay",
    "difference": "palleto.lab.differences",
    "explain": "palleto.replay",
    "fork": "palleto.experiment",
    "open_questions": "palleto.lab.questions",
    "progress": "palleto.lab.progress_table",
    "solve": "palleto.lab.questions",
    "tell": "palleto.lab.sentence",
    "unlucky": "palleto.experiment",
    "vary": "palleto.lab.variation",
}
_MODULES = {"evidence": "palleto.replay.evidence", "figures": "palleto.lab.figures", "player": "palleto.lab.player"}

__all__ = [
    "Dashboard",
    "Experiment",
    "Trace",
    "ask",
    "be_the_scheduler",
    "challenge",
    "compare",
    "difference",
    "evidence",
    "explain",
    "figures",
    "fork",
    "open_questions",
    "player",
    "progress",
    "solve",
    "tell",
    "unlucky",
    "vary",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'palleto.lab' has no attribute {name!r}")


if "IPython" in sys.modules:  # in a notebook, then
    import_module("palleto.lab.outputs").follow()
