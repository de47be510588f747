"""The talk's own code of steps 6 to 9, with its faults, on today's stages: what a step mends, seen broken.

Read the modules in their order: talk_step6 (the loop and the producer), talk_step7 (messages are deleted), talk_step8
(files), talk_step9 (three pipelines). Each is the difference to the step of this package, or to the talk's step before
it, and its docstring names the faults that are kept.

Not made again: what costs memory or permissions only (the queue that takes messages from everybody, the output folder
that is not there).
"""

from palleto.lab.talk import talk_step6, talk_step7, talk_step8, talk_step9

__all__ = ["talk_step6", "talk_step7", "talk_step8", "talk_step9"]
