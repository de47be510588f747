"""The shut-down ladder: five ways to end a worker, and what each leaves behind in the queue.

    print(ladder(deadline=2, seconds=4))         # one worker, and the next one
    print(rollouts(deadline=5, seconds=15))      # three workers under load, three deploys in a row

Read the modules in this order: worker (a run of step 9, as a process), rungs (the five ways), service (workers on one
queue and one clock), ladder (one end, and what it leaves behind), rollout (deploys), sliders (to try both with other
numbers).
"""

from palleto.lab.shutdown.ladder import End, Ladder, end_worker, ladder
from palleto.lab.shutdown.rollout import Life, Rollout, Rollouts, roll_out, rollouts
from palleto.lab.shutdown.rungs import RUNGS, Rung, rung
from palleto.lab.shutdown.sliders import Sliders, sliders

__all__ = [
    "RUNGS",
    "End",
    "Ladder",
    "Life",
    "Rollout",
    "Rollouts",
    "Rung",
    "Sliders",
    "end_worker",
    "ladder",
    "roll_out",
    "rollouts",
    "rung",
    "sliders",
]
