"""Runs as objects: an experiment and its handles, the same run forked in its middle, and the unlucky schedule."""

from palleto.experiment.experiment import Experiment
from palleto.experiment.fork import fork
from palleto.experiment.handles import copies_of, numbered
from palleto.experiment.rehearsal import Rehearsal
from palleto.experiment.schedule import unlucky

__all__ = [
    "Experiment",
    "Rehearsal",
    "copies_of",
    "fork",
    "numbered",
    "unlucky",
]
