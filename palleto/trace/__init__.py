"""What happened: trace events and their file, and the recorder that makes them.

Read in this order:

event     a trace event, its kinds, a trace, JSON Lines
source    where in the user's code something happened
waits     who has come to stand at which `await`
law       the law of the ledger
facts     what is written down while a run goes on, and how trace events are made of it
recorder  the observer that hears of everything
otel      another, that writes OpenTelemetry's spans and metrics; imported only by who has the extra `otel`
"""

from palleto.trace.event import HEADER, VERSION, Trace, TraceEvent, carried, event_id, line_of, load
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
    "carried",
    "event_id",
    "exit_of",
    "line_of",
    "load",
]
