"""Questions of a notebook. Their answers are computed from the run's own trace, and stand in files of their own.

Read the modules in this order: definition (a question as its author writes it), answer (what a learner's words mean),
question (checked against the run), widgets (how a notebook shows it), asking (what a notebook calls), solutions.
"""

from palleto.lab.questions.asking import OpenQuestions, ask, open_questions
from palleto.lab.questions.definition import Definition, question
from palleto.lab.questions.question import Question, Verdict
from palleto.lab.questions.solutions import answers, solve

__all__ = [
    "Definition",
    "OpenQuestions",
    "Question",
    "Verdict",
    "answers",
    "ask",
    "open_questions",
    "question",
    "solve",
]
