"""Supervision: who ends with whom, who is started anew, what it costs, and when a supervisor gives up.

    trial = try_supervision("one floor", "two in a row", "one_for_one")     # one of them, run
    trial.word, trial.cascade
    print(table("one floor"))                                               # each fault under each strategy

Read the modules in this order: trees (two trees to let crash), step9_trees (step 9's and the talk's), fault (what
crashes, and when), trial (one fault in one tree, judged), table (all against all),
bench (the same with widgets, in a notebook). The notebook of lab 3 shows trees.
"""

from palleto.lab.supervision.bench import bench
from palleto.lab.supervision.fault import BAD, FAULTS, KINDS, Crashes, Fault, fault
from palleto.lab.supervision.table import Table, table
from palleto.lab.supervision.trees import Parser, Source, Writer, one_floor, pair, two_floors
from palleto.lab.supervision.trial import CANCELS, STRATEGIES, TREES, WORDS, Trial, try_supervision, word_of

__all__ = [
    "BAD",
    "CANCELS",
    "FAULTS",
    "KINDS",
    "STRATEGIES",
    "TREES",
    "WORDS",
    "Crashes",
    "Fault",
    "Parser",
    "Source",
    "Table",
    "Trial",
    "Writer",
    "bench",
    "fault",
    "one_floor",
    "pair",
    "table",
    "try_supervision",
    "two_floors",
    "word_of",
]
