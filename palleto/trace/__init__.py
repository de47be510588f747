"""What happened: trace events, their file, the recorder that hears of them, and the law of the ledger."""

from palleto.trace.event import HEADER, VERSION, Trace, TraceEvent, event_id, line_of, load
from palleto.trace.law import LawError
from palleto.trace.recorder import Recorder
from palleto.trace.source import exit_of

__all__ = [
    "HEADER",
    "VERSION",
    "LawError",
    "Recorder",
    "Trace",
    "TraceEvent",
    "event_id",
    "exit_of",
    "line_of",
    "load",
]
