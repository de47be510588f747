"""A message's passport: its whole life, from the file that it announces to its deletion.

    trace.message("20160720.gz")

A message has an id of its own in the queue; what the pipeline carries are the events in it, whose ids in a trace are
`bucket/key`; downloads and results name the key. A receive (and, on the simulated place, the arrival) says which
events a message holds, so that one life can be followed through all of them. Where two messages announce the same
file, what the pipeline does with it belongs to both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from palleto.errors import SettingError, one_line
from palleto.replay.sources import place_of
from palleto.replay.table import html_table, text_table
from palleto.trace import Trace, TraceEvent

__all__ = ["Entry", "Passport", "Span"]

ORDINALS = {1: "first", 2: "second", 3: "third"}
LANES = {"visible": "visible", "in_flight": "in flight"}
"""The states in which a message is in the queue, and what their lanes are called."""
ENDS = {**LANES, "dead_lettered": "in the dead-letter queue"}
HEAD = ("seconds", "where", "what happened", "line")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a passport: when, who, what, and the trace event that shows it (None: time alone did it)."""

    t: float
    who: str
    what: str
    event: TraceEvent | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Where a message was for a while: a lane ("visible", "in flight", or a stage), from when, until when."""

    lane: str
    start: float
    end: float


class Passport:
    """The life of one message. Shows itself as a table; `palleto.lab.figures.message_over_time` draws it.

    message: its id in the queue; None for an event that came in no message. names: of the events in it.
    entries: its life in order. end: what became of it, in a word or two.
    """

    def __init__(self, trace: Trace, message: str | None, names: tuple[str, ...]) -> None:
        self.message, self.names = message, names
        self._keys = {*names, *(name.partition("/")[2] for name in names)} - {""}
        self.entries = _with_time(list(self._entries(trace)))
        self._over = trace[-1].t if trace else 0.0

    @classmethod
    def of(cls, trace: Trace, name: str) -> Passport:
        """The passport of what is called `name`: a message's id, or an event's, of which the last part is enough.

        Of a message's id the beginning is enough, four letters or more. Raises SettingError if nothing in the trace is
        called so, or if several are.
        """
        if not isinstance(name, str):
            raise SettingError(f"expected the id of a message, or of an event in it, as text, got: {name!r:.60}")
        holds = _contents(trace)
        if any(name == message or (len(name) >= 4 and message.startswith(name)) for message in holds):
            found = [message for message in holds if message == name] or [m for m in holds if m.startswith(name)]
        else:
            found = [message for message, names in holds.items() if any(_called(one, name) for one in names)]
        if len(found) == 1:
            return cls(trace, found[0], tuple(holds[found[0]]))
        if found:
            shown = ", ".join(message[:8] for message in found[:5])
            raise SettingError(f"expected the name of one message, got: {name!r}, which is in {len(found)}: {shown}")
        names = {one for event in trace for one in event.ids if event.kind == "events" and _called(one, name)}
        if len(names) == 1:
            return cls(trace, None, tuple(names))
        known = next(iter([*(one for names in holds.values() for one in names), *holds]), None)
        hint = f"; one is {known!r}" if known else ""
        raise SettingError(f"expected the id of a message, or of an event in it, got: {name!r}{hint}")

    @property
    def end(self) -> str:
        """What became of it: "deleted", "in the dead-letter queue", "in flight", "visible", or "handled"."""
        for entry in reversed(self.entries):
            state = _in_queue(entry)
            if state is not None:
                return ENDS.get(state, state)
            if self.message is None and entry.event and entry.event.kind == "handled" and entry.event.data.get("last"):
                return "handled"
        return "on its way"

    @property
    def received(self) -> int:
        """How many times it was received."""
        return sum(entry.event is not None and entry.event.kind == "receive" for entry in self.entries)

    @property
    def spans(self) -> list[Span]:
        """Where it was, for how long: in the queue, and with each stage that handled it."""
        open_: dict[str, float] = {}
        found: list[Span] = []

        def close(lane: str, t: float) -> None:
            if lane in open_:
                found.append(Span(lane, open_.pop(lane), t))

        for entry in self.entries:
            event = entry.event
            state = _in_queue(entry)
            if state is not None:
                lane = LANES.get(state)
                for other in LANES.values():
                    if other != lane:
                        close(other, entry.t)
                if lane is not None:
                    open_.setdefault(lane, entry.t)
            elif event is not None and event.kind == "handle_events":
                open_.setdefault(event.stage, entry.t)
            elif event is not None and event.kind in ("handled", "lost", "stopped"):
                close(event.stage, entry.t)
        for lane in list(open_):
            close(lane, self._over)
        return sorted(found, key=lambda span: span.start)

    def _entries(self, trace: Trace) -> Iterator[Entry]:
        hands: set[str] = set()  # the stages that have it
        for event in trace:
            carried = event.data.get("carried", ())
            at = [index for index, one in enumerate(event.ids) if one == self.message or one in self._keys]
            if event.kind == "stopped" and event.stage in hands:
                hands.discard(event.stage)  # killed with all of its process: it tells of nothing that it loses
            elif not at and self._keys.isdisjoint(carried):
                continue
            elif event.kind == "handle_events":
                hands.add(event.stage)
            elif event.kind in ("handled", "lost"):
                hands.discard(event.stage)
            what = _words(event, at[0] if at else 0)
            if what:
                yield Entry(
                    event.t, event.stage or "the queue" if event.kind == "message" else event.stage, what, event
                )

    @property
    def title(self) -> str:
        """What it is, what is in it, and what became of it, in one line."""
        what = f"Message {self.message[:8]}" if self.message else "An event"
        holds = ", ".join(self.names) or "no file"
        times = f"received {self.received} time{'' if self.received == 1 else 's'}, " if self.message else ""
        return f"{what} ({holds}): {times}{self.end}"

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [(f"{entry.t:.3f}", entry.who, entry.what, place_of(entry.event)) for entry in self.entries]

    def __repr__(self) -> str:
        return f"{one_line(self.title)}\n{text_table(HEAD, self._rows())}"

    def _repr_html_(self) -> str:
        return html_table(HEAD, self._rows(), before=self.title)


def _in_queue(entry: Entry) -> str | None:
    """The message's state in the queue after that entry, in the words of `TraceEvent`; None: the same as before."""
    event = entry.event
    if event is None:
        return "visible"
    if event.kind == "message":
        return str(event.data["state"])
    if event.kind == "visibility":
        return "visible" if entry.what == "given back" else None
    return {"receive": "in_flight", "delete": "deleted", "dead_lettered": "dead_lettered"}.get(event.kind)


def _contents(trace: Trace) -> dict[str, list[str]]:
    """The names of the events in each message, by message id."""
    found: dict[str, list[str]] = {}
    for event in trace:
        if event.kind == "message":
            names = found.setdefault(event.ids[0], [])
            names += [name for name in event.data.get("names", ()) if name not in names]
        elif event.kind == "receive":
            for message, held in zip(event.ids, event.data.get("names", [[]] * len(event.ids)), strict=False):
                names = found.setdefault(message, [])
                names += [name for name in held if name not in names]
    return found


def _called(name: str, called: str) -> bool:
    """Whether an event of that name may be called so: by the name itself, or by a last part of it."""
    return bool(called) and (name == called or name.endswith(f"/{called}"))


def _with_time(entries: list[Entry]) -> list[Entry]:
    """The entries, and those where only time acted: a message that is visible again, as nobody deleted it."""
    made: list[Entry] = []
    until: float | None = None
    told = any(entry.event is not None and entry.event.kind == "message" for entry in entries)  # by the simulation
    for entry in entries:
        event = entry.event
        state = event.data.get("state") if event is not None and event.kind == "message" else None
        if (
            until is not None
            and entry.t >= until
            and (state is not None or (event and event.kind in ("receive", "dead_lettered")))
        ):
            made.append(Entry(until, "the queue", "visible again: nobody deleted it before its visibility timeout"))
            until = None
        if state is not None and event is not None:
            until = event.data["until"]
        elif event is not None and event.kind == "receive" and not told and event.data.get("visibility"):
            until = event.t + event.data["visibility"]
        elif event is not None and event.kind in ("visibility", "delete", "dead_lettered") and not told:
            until = None
        made.append(entry)
    return made


WORDS = {
    "sent": "its file was put into the bucket",
    "handle_cast": "taken from the mailbox",
    "handle_events": "begins to handle it",
    "handled": "is done with it",
    "delete": "deletes it",
    "dead_lettered": "moved to the dead-letter queue",
    "lost": "loses it in a crash",
    "stopped": "ends with it in hand",
    "dropped": "drops it: its buffer is full",
}


def _words(event: TraceEvent, at: int) -> str:
    """What a trace event means for the message or the event at that place in its ids; empty: nothing of its own."""
    data = event.data
    match event.kind:
        case "message":
            return _state(event)
        case "receive":
            count = data["counts"][at]
            return f"received, for the {ORDINALS.get(count, f'{count}th')} time"
        case "visibility":
            return "given back" if data["seconds"][at] == 0 else f"hidden for {data['seconds'][at]:g} s from now"
        case "cast":
            return f"cast to {event.peer}"
        case "emitted":
            return f"emitted to {event.peer}"
        case "download":
            return f"downloads its file, {data['bytes']:,} bytes"
        case "written":
            return f"writes its result, {data['lines']:,} line{'' if data['lines'] == 1 else 's'}"
    return WORDS.get(event.kind, "")


def _state(event: TraceEvent) -> str:
    state, receives = event.data["state"], event.data["receives"]
    if state == "in_flight":
        return f"in flight, receive {receives}; hidden until {event.data['until']:.3f} s"
    if state == "visible":
        return "visible: given back" if receives else "visible: it has arrived"
    return {"deleted": "deleted", "delayed": "delayed", "dead_lettered": "moved to the dead-letter queue"}[state]
