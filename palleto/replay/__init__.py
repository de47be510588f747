"""What a trace answers: how a run stands at a moment, a message's life, why nothing happens, how two runs differ.

Read the modules in this order: evidence (which event, how many, when); moment (who runs, who waits for whom, the
loops, the queue); explanation, which follows a moment from who waits to the cause; passport (the life of one message,
which `trace.message(name)` gives); comparison. sources knows the files that a trace names, table how a table is shown.
"""

from palleto.replay.comparison import Comparison, Finding, compare
from palleto.replay.evidence import Answer, Loop, events_of, loops
from palleto.replay.explanation import Explanation, Reason, explain
from palleto.replay.moment import Moment, standstill
from palleto.replay.passport import Entry, Passport, Span
from palleto.replay.sources import source_of, text_of, titles
from palleto.replay.table import html_table, text_table

__all__ = [
    "Answer",
    "Comparison",
    "Entry",
    "Explanation",
    "Finding",
    "Loop",
    "Moment",
    "Passport",
    "Reason",
    "Span",
    "compare",
    "events_of",
    "explain",
    "html_table",
    "loops",
    "source_of",
    "standstill",
    "text_of",
    "text_table",
    "titles",
]
