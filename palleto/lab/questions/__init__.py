"""Questions of a notebook whose answers are computed from the run's own trace."""

from palleto.lab.questions.question import Question, question
from palleto.lab.questions.solutions import solve

__all__ = [
    "Question",
    "question",
    "solve",
]
