"""What a trace shows, found in one readable line: which event, how many, when.

    said(run, "Asking for 14")                      # the trace event, or None
    moment(run, kind="loop_killed", after=1)        # when it happened, and the trace event that shows it
    tally(run, kind="loop_killed", before=1)        # how often, and the last trace event that counts

Every function takes an experiment, a recorder or a list of trace events, and the conditions of `every`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from palleto.replay.words import words
from palleto.trace import Trace, TraceEvent

__all__ = [
    "Answer",
    "Loop",
    "answer_of",
    "consumed",
    "count",
    "events_of",
    "every",
    "first",
    "last",
    "loops",
    "moment",
    "number_in",
    "said",
    "tally",
    "time_of",
    "total",
    "words",
]

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_RUN = re.compile(r"\blooping\b")
_ASKING = re.compile(r"Asking for (\d+)")
_WANTED = re.compile(r"Looking for (\d+)")


class _Pair(NamedTuple):
    value: Any
    event: TraceEvent | None


class Answer(_Pair):
    """What a trace answers, and the trace event that decides it; None where the run has not shown it.

    `run` is what was asked: an experiment, a recorder or a trace; None if nobody said so.
    """

    run: Any = None


def answer_of(value: Any, run: Any = None) -> Answer:
    """What a function of a trace gives, as an answer: a value, a trace event (its time), a value and its event.

    run: what it was asked of; an answer that knows its run keeps it.
    """
    if isinstance(value, TraceEvent):
        value = (value.t, value)
    pair = isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], TraceEvent | None)
    answer = Answer(*value) if pair else Answer(value, None)
    answer.run = getattr(value, "run", None) if pair else None
    if answer.run is None:
        answer.run = run
    return answer


@dataclass(slots=True)
class Loop:
    """The life of one server loop, in seconds of run time.

    `end` is None while it runs, `killed` None if it was not; `runs` are the times at which it looked for events,
    `wanted` how many it looked for at first, None if nobody said so; `over` is True if it was stopped because the
    run was over, which is no kill of the step's.
    """

    label: str
    start: float
    end: float | None = None
    killed: float | None = None
    wanted: int | None = None
    over: bool = False
    runs: list[float] = field(default_factory=list)
    crashes: list[float] = field(default_factory=list)


def events_of(trace: Any) -> Trace:
    """The trace events of an experiment, a recorder, a dashboard or a list of them, as they are at this moment.

    Raises SettingError for anything else.
    """
    return Trace.of(trace)


def every(
    trace: Any,
    *,
    kind: str | None = None,
    stage: str | None = None,
    peer: str | None = None,
    text: str | None = None,
    line: int | None = None,
    after: float | None = None,
    before: float | None = None,
    **data: Any,
) -> list[TraceEvent]:
    """The trace events that meet all conditions, in their order.

    kind, peer, line: are equal; stage: is equal, or the stage's label ends so (`Pipeline1Consumer`: "Consumer").
    text: is a part of what was said or reported, or of an event's id; case counts.
    after, before: seconds of run time, both included. Other names are those of `data`: `last=True`, `count=10`.
    """

    def fits(event: TraceEvent) -> bool:
        return (
            (kind is None or event.kind == kind)
            and (stage is None or event.stage == stage or (bool(stage) and event.stage.endswith(stage)))
            and (peer is None or event.peer == peer)
            and (line is None or event.line == line)
            and (after is None or event.t >= after)
            and (before is None or event.t <= before)
            and (text is None or any(text in part for part in (str(event.data.get("text", "")), *event.ids)))
            and all(event.data.get(name) == value for name, value in data.items())
        )

    return [event for event in events_of(trace) if fits(event)]


def first(trace: Any, **conditions: Any) -> TraceEvent | None:
    """The first such trace event; None if there is none. See `every`."""
    return next(iter(every(trace, **conditions)), None)


def last(trace: Any, **conditions: Any) -> TraceEvent | None:
    """The last such trace event; None if there is none. See `every`."""
    return next(reversed(every(trace, **conditions)), None)


def count(trace: Any, **conditions: Any) -> int:
    """How many such trace events there are. See `every`."""
    return len(every(trace, **conditions))


def time_of(trace: Any, **conditions: Any) -> float | None:
    """When the first such trace event happened, in seconds of run time; None if there is none. See `every`."""
    event = first(trace, **conditions)
    return None if event is None else event.t


def said(trace: Any, text: str, **conditions: Any) -> TraceEvent | None:
    """The first line that was said with `text` in it; None if nobody said that."""
    return first(trace, kind="said", text=text, **conditions)


def number_in(event: TraceEvent | None, after: str = "") -> float | None:
    """The first number in what was said, behind the words `after`; None without one."""
    if event is None:
        return None
    _, found, rest = str(event.data.get("text", "")).partition(after) if after else ("", True, event.data.get("text"))
    match = _NUMBER.search(str(rest)) if found else None
    return None if match is None else float(match[0])


def tally(trace: Any, **conditions: Any) -> Answer:
    """How many such trace events there are, and the last of them. See `every`."""
    found = every(trace, **conditions)
    return answer_of((len(found), found[-1] if found else None), trace)


def moment(trace: Any, **conditions: Any) -> Answer:
    """When the first such trace event happened, in seconds of run time, and the event itself. See `every`."""
    event = first(trace, **conditions)
    return answer_of((None if event is None else event.t, event), trace)


def consumed(trace: Any, **conditions: Any) -> Answer:
    """How many events the consumers have consumed, and the trace event at which the last of them was."""
    found = every(trace, kind="handled", last=True, **conditions)
    return answer_of((sum(len(event.ids) for event in found), found[-1] if found else None), trace)


def total(trace: Any, name: str, **conditions: Any) -> Answer:
    """The sum of a number of `data`, as `total(run, "deleted")`, and the last trace event that adds to it."""
    found = [event for event in every(trace, **conditions) if isinstance(event.data.get(name), int | float)]
    adding = [event for event in found if event.data[name]]
    return answer_of((sum(event.data[name] for event in found), adding[-1] if adding else None), trace)


def loops(trace: Any) -> list[Loop]:
    """The server loops, in the order in which they were started."""
    found: dict[str, Loop] = {}
    polls: dict[str, list[float]] = {}
    events = events_of(trace)
    asking: int | None = None
    draining = False
    for event in events:
        if event.kind == "said" and (match := _ASKING.search(str(event.data.get("text", "")))):
            asking = int(match[1])
        draining = draining or event.kind == "drain"
        if event.kind == "loop_started":
            found[event.stage] = Loop(event.stage, event.t, wanted=asking)
            asking = None
        loop = found.get(event.stage)
        if loop is None or loop.end is not None:
            continue
        match event.kind:
            case "said" if _RUN.search(text := str(event.data.get("text", ""))):
                wanted = _WANTED.search(text)
                if wanted and not loop.runs:
                    loop.wanted = int(wanted[1])
                loop.runs.append(event.t)
            case "receive":
                polls.setdefault(loop.label, []).append(event.t)
            case "loop_killed":
                loop.over = draining
                loop.killed = event.t
            case "loop_crashed":
                loop.crashes.append(event.t)
            case "loop_ended":
                loop.end = event.t
    for label, times in polls.items():
        found[label].runs = found[label].runs or times  # a loop that says nothing still polls
    return list(found.values())
