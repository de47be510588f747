"""Runs as objects: changed while they run, repeated, forked, varied in one number, and the unlucky schedule.

Read the modules in this order: experiment (a run in a thread of its own, with its handles) and changes (what the
handles do to a pipeline); variation (a run for each value of a number); repetition (the same run once more, on virtual
time, changed at one moment), on which stand fork (two futures of one run) and schedule (one scenario, many seeds).
"""

from palleto.experiment.changes import copies_of, numbered
from palleto.experiment.experiment import Experiment
from palleto.experiment.fork import Fork, fork
from palleto.experiment.repetition import Repetition
from palleto.experiment.schedule import Odds, unlucky
from palleto.experiment.variation import Variation

__all__ = [
    "Experiment",
    "Fork",
    "Odds",
    "Repetition",
    "Variation",
    "copies_of",
    "fork",
    "numbered",
    "unlucky",
]
