"""A step as a command: its options, its run, its endings, its summary, and its source as a lesson."""

from palleto.program.command import Performance, after_events, main, perform, queue_empty, second_time
from palleto.program.data import user_files
from palleto.program.endings import Ending, Run, messages_in
from palleto.program.lesson import (
    FIELDS,
    IMPORTS,
    SECTIONS,
    STEPS,
    Change,
    Lesson,
    Line,
    counted,
    difference,
    read,
    stretches,
)
from palleto.program.options import Options, Parser, parser, port
from palleto.program.summary import Summary

__all__ = [
    "FIELDS",
    "IMPORTS",
    "SECTIONS",
    "STEPS",
    "Change",
    "Ending",
    "Lesson",
    "Line",
    "Options",
    "Parser",
    "Performance",
    "Run",
    "Summary",
    "after_events",
    "counted",
    "difference",
    "main",
    "messages_in",
    "parser",
    "perform",
    "port",
    "queue_empty",
    "read",
    "second_time",
    "stretches",
    "user_files",
]
