"""Runs as objects: changed while they run, repeated, forked, varied in one number, and the unlucky schedule.

Read the modules in this order: experiment (a run in a thread of its own, with its handles), command (what a handle was
asked for, and what became of it), changes (what the handles do to a pipeline) and code (whether the user's has been
edited since); variation (a run for each value of a number); repetition (the same run once more, on virtual time,
changed at one moment), on which stand fork (two futures of one run), schedule (one scenario, many seeds) and
chosen_schedule (one run, whose turns are chosen).
"""

from palleto.experiment.changes import copies_of, numbered
from palleto.experiment.chosen_schedule import ChosenSchedule, Option
from palleto.experiment.code import Code, code_of, edited
from palleto.experiment.command import Command
from palleto.experiment.experiment import Experiment, Record, readers
from palleto.experiment.fork import Fork, fork
from palleto.experiment.repetition import Repetition
from palleto.experiment.schedule import Odds, unlucky
from palleto.experiment.variation import Variation

__all__ = [
    "ChosenSchedule",
    "Code",
    "Command",
    "Experiment",
    "Fork",
    "Odds",
    "Option",
    "Record",
    "Repetition",
    "Variation",
    "code_of",
    "copies_of",
    "edited",
    "fork",
    "numbered",
    "readers",
    "unlucky",
]
