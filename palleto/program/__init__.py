"""A step as a command, and its source as a lesson.

Read command (what a step's last line calls), options, step_run; then what a run is made of: state, endings, upload,
shutdown, notes, summary, progress, watch (a run as it goes, in a terminal), queue_depth, and memory. Apart from
those stand lesson and difference: a step's source.
"""

from palleto.program.command import command_of, main, run_step
from palleto.program.difference import Change, Line, counted, difference, stretches
from palleto.program.endings import Ending, after_events, queue_empty, second_time
from palleto.program.lesson import FIELDS, IMPORTS, SECTIONS, STEPS, Lesson, read
from palleto.program.options import Options
from palleto.program.queue_depth import messages_in
from palleto.program.state import RunState
from palleto.program.step_run import UNHEARD, StepRun
from palleto.program.summary import Summary
from palleto.program.upload import user_files

__all__ = [
    "FIELDS",
    "IMPORTS",
    "SECTIONS",
    "STEPS",
    "UNHEARD",
    "Change",
    "Ending",
    "Lesson",
    "Line",
    "Options",
    "RunState",
    "StepRun",
    "Summary",
    "after_events",
    "command_of",
    "counted",
    "difference",
    "main",
    "messages_in",
    "queue_empty",
    "read",
    "run_step",
    "second_time",
    "stretches",
    "user_files",
]
