"""Challenges: a goal, and a learner's own pipeline that is to reach it under every schedule.

Read the modules in this order: goal (a challenge as its author writes it), attempt (one run of a learner's pipeline,
which may do anything), trial (what a notebook calls, and what it says).
"""

from palleto.lab.challenges.goal import Goal, goal
from palleto.lab.challenges.trial import Challenge, Result, challenge

__all__ = [
    "Challenge",
    "Goal",
    "Result",
    "challenge",
    "goal",
]
