"""The failure lab: a fault, a step, and what becomes of the messages and files.

    print(matrix())                                  # each fault against each step, a word each
    trial = try_failure("corrupt gzip", "talk 8")    # one of them, run
    trial.word, trial.verdict

Read the modules in this order: failure (a fault as data, and when it strikes), catalogue (those of the lab), trial (one
of them against one step), matrix (all against all), bench (the same with widgets, in a notebook), real (on LocalStack).
"""

from palleto.lab.failures.bench import bench
from palleto.lab.failures.catalogue import FAILURES, failure
from palleto.lab.failures.failure import Failure
from palleto.lab.failures.matrix import Matrix, matrix
from palleto.lab.failures.real import Pairs, on_localstack, pairs
from palleto.lab.failures.trial import STEPS, WORDS, Trial, try_failure

__all__ = [
    "FAILURES",
    "STEPS",
    "WORDS",
    "Failure",
    "Matrix",
    "Pairs",
    "Trial",
    "bench",
    "failure",
    "matrix",
    "on_localstack",
    "pairs",
    "try_failure",
]
