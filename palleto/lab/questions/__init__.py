"""Questions of a notebook whose answers are computed from the run's own trace.

Read the modules in this order: answer (what a learner's words mean), question (checked against the run), widgets (how a
notebook shows it, and `question`, which makes one), solutions.
"""

from palleto.lab.questions.question import Question, Verdict
from palleto.lab.questions.solutions import solve
from palleto.lab.questions.widgets import question

__all__ = [
    "Question",
    "Verdict",
    "question",
    "solve",
]
