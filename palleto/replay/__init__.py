"""What a trace answers: how a run stands at a moment, a message's life, why nothing happens, how two runs differ.

Read the modules in this order: evidence (which event, how many, when); moment (who runs, who waits for whom, the
loops, the queue); explanation, which follows a moment from who waits to the cause; passport (the life of one message,
which `trace.message(name)` gives); cascade (who ended with whom, and who was started anew); verdict (what became of
each message and file); comparison; series, messages, picture and scene, which follow a run that goes on, in bounded
memory: live views draw them. sources knows the files that a trace names, table how a table is shown, words how an
event is said.
"""

from palleto.replay.cascade import CRASHED, FAILED, GAVE_UP, LEFT, STOPPED, Cascade, Life, Lives
from palleto.replay.comparison import Comparison, Finding, compare
from palleto.replay.evidence import Answer, Loop, events_of, loops
from palleto.replay.explanation import Cause, Explanation, Reason, explain
from palleto.replay.messages import Messages
from palleto.replay.moment import Moment, standstill
from palleto.replay.passport import Entry, Passport, Span
from palleto.replay.picture import Picture, in_words
from palleto.replay.scene import Scene
from palleto.replay.sources import source_of, text_of, titles
from palleto.replay.table import html_table, text_table
from palleto.replay.verdict import Fate, Fated, Verdict, verdict
from palleto.replay.words import plural, sentence

__all__ = [
    "CRASHED",
    "FAILED",
    "GAVE_UP",
    "LEFT",
    "STOPPED",
    "Answer",
    "Cascade",
    "Cause",
    "Comparison",
    "Entry",
    "Explanation",
    "Fate",
    "Fated",
    "Finding",
    "Life",
    "Lives",
    "Loop",
    "Messages",
    "Moment",
    "Passport",
    "Picture",
    "Reason",
    "Scene",
    "Span",
    "Verdict",
    "compare",
    "events_of",
    "explain",
    "html_table",
    "in_words",
    "loops",
    "plural",
    "sentence",
    "source_of",
    "standstill",
    "text_of",
    "text_table",
    "titles",
    "verdict",
]
