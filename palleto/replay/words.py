"""A trace event as a person would say it: "at 27.7 s consumer #4 is done with its second batch".

Who acts is called by what it is, and the how-manieth it is of its kind is counted in the trace.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from palleto.trace import TraceEvent

__all__ = ["sentence", "words"]

_ORDINALS = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_ID = re.compile(r"#\d+")
SHOWN = 2
"""Names of files that are listed; of the others their number is said."""


def words(event: TraceEvent, trace: Iterable[TraceEvent] = ()) -> str:
    """When it happened, and what, in one sentence without its full stop. trace: the run that the event is of."""
    return f"at {_seconds(event.t)} {sentence(event, trace)}"


def sentence(event: TraceEvent, trace: Iterable[TraceEvent] = ()) -> str:
    """What happened, without when. See `words`."""
    tell = _SENTENCES.get(event.kind)
    told = _Told(event, list(trace))
    try:
        said = tell(told) if tell is not None else ""
    except (LookupError, TypeError, ValueError):  # the data of another version's trace, or of somebody's own
        said = ""
    return said or f"{told.who}: {event.kind.replace('_', ' ')}"


class _Told:
    """What the sentences are made of."""

    def __init__(self, event: TraceEvent, trace: Sequence[TraceEvent]) -> None:
        self.event, self.trace, self.data = event, trace, event.data

    @property
    def who(self) -> str:
        return self.called(self.event.stage) or "the run"

    @property
    def peer(self) -> str:
        return self.called(self.event.peer or "") or "nobody"

    def called(self, label: str) -> str:
        """A stage or task by its name, or by what it is and its id: `consumer #4`."""
        if not _ID.fullmatch(label):
            return label
        told = [event for event in self.trace if event.stage == label and event.kind in ("started", "loop_started")]
        if any(event.kind == "loop_started" for event in told):
            return f"loop {label}"
        names = [str(event.data["class"]) for event in told if event.data.get("class")]
        return f"{_spaced(names[0])} {label}" if names else label

    @property
    def count(self) -> int:
        """The how-manieth of its kind it is, of its stage; 0 if the trace does not have it."""
        event, count = self.event, 0
        for one in self.trace:
            count += (one.kind, one.stage, one.peer) == (event.kind, event.stage, event.peer)
            if one is event:
                return count
        return 0

    @property
    def its(self) -> str:
        """`its second`; `a` where nobody has counted."""
        count = self.count
        return f"its {_ordinal(count)}" if count else "a"

    @property
    def again(self) -> str:
        count = self.count
        return f", for the {_ordinal(count)} time" if count > 1 else ""

    def ids(self, noun: str) -> str:
        return plural(len(self.event.ids), noun)

    @property
    def names(self) -> str:
        return listed(self.event.ids)

    def text(self, name: str) -> str:
        return str(self.data.get(name) or "").strip()

    def because(self, name: str = "reason") -> str:
        reason = self.text(name)
        return "" if reason in ("", "normal", "shutdown") else f": {reason}"


def _cast(told: _Told) -> str:
    carried = told.data.get("carried", [])
    what = plural(len(carried), "event") if carried else "a message"
    return f"{told.who} sends {told.peer} {what}{told.again}"


def _receive(told: _Told) -> str:
    if not told.event.ids:
        return f"{told.who} asks the queue and receives nothing"
    back = sum(count > 1 for count in told.data.get("counts", []))
    again = "" if not back else ", which came back" if back == len(told.event.ids) else f", {back} of which came back"
    return f"{told.who} receives {told.ids('message')}{again}"


def _killed(told: _Told) -> str:
    at = told.data.get("at")
    return f"{told.who} is killed" + (f" where it waits, in line {at[1]}" if at else "")


def _ended(told: _Told) -> str:
    return f"{told.who} ends{told.because()}"


def _delete(told: _Told) -> str:
    done, failed = told.data.get("deleted", len(told.event.ids)), told.data.get("failed", 0)
    return f"{told.who} deletes {plural(done, 'message')}" + (f", and {failed} could not be deleted" if failed else "")


def _visibility(told: _Told) -> str:
    seconds = sorted(set(told.data.get("seconds", [])))
    if seconds == [0]:
        return f"{told.who} gives {told.ids('message')} back"
    return f"{told.who} hides {told.ids('message')} for {' or '.join(f'{one:g}' for one in seconds)} s more"


def _message(told: _Told) -> str:
    state, receives = told.data["state"], told.data.get("receives", 0)
    what = f"message {told.event.ids[0][:8]}"
    if state == "in_flight":
        return f"{what} is handed out for the {_ordinal(receives)} time"
    if state == "visible":
        return f"{what} is visible again" if receives else f"{what} arrives in the queue"
    return f"{what} " + {"deleted": "is deleted", "delayed": "arrives, and is delayed"}.get(
        state, "is moved to the dead-letter queue"
    )


def _request(told: _Told) -> str:
    failed = told.text("error")
    return f"{told.who} asks for {told.text('operation')}" + (f", which fails: {failed}" if failed else "")


def _restart(told: _Told) -> str:
    by = told.peer if told.event.peer else "its supervisor"
    return f"{told.who} is started again by {by}" + (f", after {told.text('reason')}" if told.text("reason") else "")


def _queue(told: _Told) -> str:
    data = told.data
    return (
        f"the queue has {plural(data['visible'], 'visible message')}, {data['in_flight']} in flight "
        f"and {data['dead_lettered']} dead-lettered"
    )


_SENTENCES: dict[str, Callable[[_Told], str]] = {
    "started": lambda told: f"{told.who} starts",
    "stopped": lambda told: f"{told.who} stops{told.because()}",
    "crash": lambda told: f"{told.who} crashes{told.because()}",
    "restart": _restart,
    "subscribe": lambda told: f"{told.who} takes the subscription of {told.peer}",
    "cancel": lambda told: f"{told.who} ends the subscription with {told.peer}",
    "down": lambda told: f"{told.who} hears that {told.peer} is gone",
    "ask": lambda told: f"{told.peer} asks {told.who} for {plural(told.data['count'], 'event')}{told.again}",
    "events": lambda told: f"{told.who} takes {told.ids('event')} from {told.peer}",
    "handle_demand": lambda told: f"{told.who} hears of {told.its} demand, for {plural(told.data['count'], 'event')}",
    "handle_events": lambda told: f"{told.who} begins {told.its} batch, of {told.ids('event')}",
    "handle_cast": lambda told: f"{told.who} takes a message out of its mailbox",
    "handle_subscribe": lambda told: f"{told.who} hears of a subscription",
    "handle_cancel": lambda told: f"{told.who} hears that a subscription has ended",
    "handle_call": lambda told: f"{told.who} answers a call",
    "handle_drain": lambda told: f"{told.who} hears that nothing more will come from above",
    "handled": lambda told: f"{told.who} is done with {told.its} batch",
    "emitted": lambda told: f"{told.who} sends {told.peer} {told.ids('event')}",
    "dropped": lambda told: f"{told.who} drops {told.ids('event')}, as its buffer is full",
    "lost": lambda told: f"{told.who} loses {told.ids('event')} in a crash",
    "cast": _cast,
    "said": lambda told: f"{told.who} says “{told.text('text')}”",
    "report": lambda told: f"it is reported: “{told.text('text')}”",
    "shown": lambda told: f"{told.who} has {', '.join(f'{name} = {value}' for name, value in told.data.items())}",
    "loop_started": lambda told: f"{told.who} starts",
    "loop_killed": _killed,
    "loop_crashed": lambda told: f"{told.who} crashes, and will run again{told.because()}",
    "loop_ended": _ended,
    "receive": _receive,
    "delete": _delete,
    "visibility": _visibility,
    "download": lambda told: f"{told.who} has downloaded {told.names}",
    "written": lambda told: f"{told.who} has written the result of {told.names}",
    "request": _request,
    "sent": lambda told: f"{told.ids('file')} {_is(len(told.event.ids))} put into the bucket: {told.names}",
    "queue": _queue,
    "dead_lettered": lambda told: (
        f"{told.ids('message')} {_is(len(told.event.ids))} in the dead-letter queue, received as often as is allowed"
    ),
    "message": _message,
    "waits": lambda told: f"{told.who} comes to stand where it waits",
    "drain": lambda told: "the end of the run begins",
    "fault": lambda told: f"a fault made on purpose strikes {told.text('operation')}: {told.text('what')}",
    "stale": lambda told: f"the time of {told.names} had run out before its message was deleted",
    "law": lambda told: f"the ledger of {told.who} does not add up{told.because('text')}",
    "forked": lambda told: f"the run is changed{told.because('change')}",
}


def plural(count: int, noun: str) -> str:
    """`1 event`, `2 events`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(ids: Sequence[str]) -> str:
    """The first few ids, each by what is different between them, and how many more there are."""
    shown = ", ".join(name.rpartition("/")[2][:40] for name in ids[:SHOWN])
    return f"{shown} and {len(ids) - SHOWN} more" if len(ids) > SHOWN else shown


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _ordinal(count: int) -> str:
    if count < len(_ORDINALS):
        return _ORDINALS[count]
    ending = "th" if count % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
    return f"{count}{ending}"


def _seconds(t: float) -> str:
    return f"{round(t, 1 if t >= 1 else 3):g} s" if t < 1000 else f"{t:,.0f} s"


def _spaced(name: str) -> str:
    """A class's name as words: `ProducerConsumer` is a "producer consumer"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.lstrip("_")).lower()
