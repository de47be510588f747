"""What became of each message and of each file of a run, from its trace alone: one word each, and what shows it.

    verdict(run)

| word | of a message | of a file (without a queue: of an event) |
|---|---|---|
| done once | deleted, after all files in it were done | one result, or consumed once |
| done twice | one of its files was done more often than messages named it | the same |
| delayed | not deleted yet, or only after it came back | not done yet, or only after its message came back |
| dead-lettered | moved to the dead-letter queue | so was its message, and it was not done |
| lost | deleted before a file in it was done | so was its message; or a stage lost or dropped it |
| stuck | not deleted, and nobody will: see `explain` | not done, and nobody will |

A file is done when its result is written; in a run that writes nothing, when its last consumer has handled it. All is
counted up to the run's end: what is under way there is delayed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

from palleto.errors import one_line
from palleto.replay.explanation import Explanation, explain
from palleto.replay.sources import place_of
from palleto.replay.table import html_table, text_table
from palleto.trace import Trace, TraceEvent

__all__ = ["FATES", "Fate", "Fated", "Verdict", "verdict"]

Fate = Literal["done once", "done twice", "delayed", "dead-lettered", "lost", "stuck"]
FATES: tuple[Fate, ...] = get_args(Fate)
"""What becomes of a message or a file, the harmless first."""
BAD: tuple[Fate, ...] = ("lost", "stuck")
"""What must not be: `palleto verdict` has exit code 1 for it."""
FOR_GOOD = ("out of restarts", "crashed stage", "killed loop", "lost demand", "forgotten demand")
"""Causes (`explain`'s) that time does not mend."""
HEAD = ("what", "fate", "why", "seconds", "line")
SHOWN = 40
"""Rows of the table; of more, those with the worst fates are shown."""


@dataclass(frozen=True, slots=True)
class Fated:
    """A message or a file, what became of it, why in words, and the trace event that shows it, if one does.

    differs: it was done more than once, and the results are not the same.
    """

    name: str
    fate: Fate
    why: str
    event: TraceEvent | None = None
    differs: bool = False


class Verdict:
    """What became of everything in a run. `bool(verdict)`: nothing was lost, and nothing is stuck.

    messages: of the queue, in the order in which they came; none in a run without one.
    files: that messages named or that were put into the bucket; in a run without a queue the events.
    why: `explain`'s chain at the run's end, if something is stuck.
    """

    def __init__(self, messages: list[Fated], files: list[Fated], noun: str, why: Explanation | None) -> None:
        self.messages, self.files, self.why = messages, files, why
        self._noun = noun

    def __bool__(self) -> bool:
        return not any(one.fate in BAD for one in (*self.messages, *self.files))

    @property
    def line(self) -> str:
        """The verdict in one line: "13 messages: 13 done once; 12 files: 12 done once"."""
        said = [f"{len(ones)} {noun}: {_counts(ones)}" for noun, ones in self._groups() if ones]
        return "; ".join(said) or "nothing was sent"

    @property
    def gravest(self) -> Fated | None:
        """The first with the gravest fate, a file before a message; None if nothing was sent."""
        return max((*self.files, *self.messages), key=lambda one: FATES.index(one.fate), default=None)

    def count(self, fate: Fate) -> tuple[int, int]:
        """How many messages and how many files have that fate."""
        return sum(one.fate == fate for one in self.messages), sum(one.fate == fate for one in self.files)

    def _groups(self) -> list[tuple[str, list[Fated]]]:
        return [("messages", self.messages), (self._noun, self.files)]

    def _rows(self) -> list[tuple[str, str, str, str, str]]:
        named = [*((one.name[:8], one) for one in self.messages), *((one.name, one) for one in self.files)]
        return [
            (name, one.fate, one.why, f"{one.event.t:.3f}" if one.event else "", place_of(one.event))
            for name, one in sorted(named, key=lambda each: -FATES.index(each[1].fate))[:SHOWN]
        ]

    @property
    def _more(self) -> str:
        left = len(self.messages) + len(self.files) - SHOWN
        return f"and {left} more" if left > 0 else ""

    def __repr__(self) -> str:
        parts = [one_line(self.line), text_table(HEAD, self._rows()), self._more, repr(self.why) if self.why else ""]
        return "\n".join(part for part in parts if part)

    def _repr_html_(self) -> str:
        why = f"{self.why.cause}: {self.why.sentence}" if self.why else ""
        return html_table(HEAD, self._rows(), before=self.line, after="\n".join(filter(None, (self._more, why))))


def verdict(run: Any) -> Verdict:
    """What became of each message and file of a run: an experiment, a recorder, a trace or a list of trace events."""
    trace = Trace.of(run)
    story = _Story(trace)
    messages = [story.of_message(name, message) for name, message in story.messages.items()]
    files = [story.of_file(name, file) for name, file in story.files.items()]
    stuck = any(one.fate == "stuck" for one in (*messages, *files))
    return Verdict(messages, files, "files" if story.queue else "events", story.end if stuck else None)


@dataclass(slots=True)
class _Message:
    """What a trace tells of one message."""

    files: list[_File] = field(default_factory=list)
    receives: list[TraceEvent] = field(default_factory=list)
    ended: TraceEvent | None = None  # deleted, or moved to the dead-letter queue
    dead: bool = False
    told: bool = False  # by the simulated queue itself, which is believed
    last: TraceEvent | None = None


@dataclass(slots=True)
class _File:
    """What a trace tells of one file, or of one event where there is no queue."""

    messages: list[_Message] = field(default_factory=list)
    handled: list[TraceEvent] = field(default_factory=list)
    written: list[TraceEvent] = field(default_factory=list)
    lost: TraceEvent | None = None
    last: TraceEvent | None = None
    report: str = ""

    @property
    def done(self) -> list[TraceEvent]:
        """When it was done: its result is there, or it was consumed."""
        return self.written or self.handled

    @property
    def too_often(self) -> bool:
        """Whether it was done more often than messages named it."""
        return len(self.done) > max(1, len(self.messages))

    def again(self) -> str:
        """What it came to that it was done more than once."""
        same = ", with different results" if self.differs else ", with the same result" if self.written else ""
        return f"done {len(self.done)} times{same}"

    @property
    def differs(self) -> bool:
        """Whether its results are not all the same."""
        return len({(event.data["lines"], event.data["bytes"]) for event in self.written}) > 1


class _Story:
    """What a trace tells of each message and file, and what is to be said of it."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.messages: dict[str, _Message] = {}
        self.files: dict[str, _File] = {}
        self.queue = any(event.kind in ("sent", "receive", "message") for event in trace)
        for event in trace:
            self.add(event)

    @cached_property
    def end(self) -> Explanation:
        """Why nothing happened at the end."""
        return explain(self.trace)

    @cached_property
    def stands(self) -> bool:
        """Whether nothing would have happened any more: time does not mend it."""
        cause, event = self.end.cause, self.end.event
        crashed = cause == "crashed loop" and event is not None and event.kind == "loop_ended"  # nobody starts another
        return cause in FOR_GOOD or crashed

    def file(self, name: str) -> _File:
        """The file of an event's id (`bucket/key`), or of a key."""
        return self.files.setdefault(name, _File())

    def named(self, name: str) -> str:
        """The key in an event's id; of a run without a queue, the id."""
        return name.partition("/")[2] or name if self.queue else name

    def add(self, event: TraceEvent) -> None:
        """Take one event in."""
        match event.kind:
            case "message":
                self.in_queue(event, [event.data.get("names", [])], event.data["state"])
            case "receive":
                self.in_queue(event, event.data.get("names", [[]] * len(event.ids)), "received")
            case "delete":
                self.in_queue(event, [[]] * len(event.ids), "deleted")
            case "dead_lettered":
                self.in_queue(event, [[]] * len(event.ids), "dead_lettered")
            case "sent":
                for key in event.ids:
                    self.file(key).last = event
            case "report":
                for name, file in self.files.items():
                    if name in event.data["text"]:
                        file.report = event.data["text"]
            case "written":  # its id is the key
                for name in event.ids:
                    self.in_pipeline(event, name)
            case "handled" | "lost" | "dropped" | "emitted":
                for name in event.ids:
                    self.in_pipeline(event, self.named(name))

    def in_queue(self, event: TraceEvent, names: Sequence[Iterable[str]], state: str) -> None:
        """What happened to messages, and the names of the events in each."""
        for name, held in zip(event.ids, names, strict=False):
            if name in event.data.get("refused", ()):
                continue
            message = self.messages.setdefault(name, _Message())
            message.last = event
            for file in (self.file(self.named(one)) for one in held):
                if not any(file is known for known in message.files):
                    message.files.append(file)
                    file.messages.append(message)
            message.told = message.told or event.kind == "message"
            if state == "received":
                message.receives.append(event)
            if message.told and event.kind != "message":
                continue
            if state in ("deleted", "dead_lettered"):
                message.ended, message.dead = event, state == "dead_lettered"
            else:
                message.ended = None  # it was not gone, as it comes again

    def in_pipeline(self, event: TraceEvent, name: str) -> None:
        """What happened to a file, or an event."""
        if name not in self.files and (self.queue or event.kind != "emitted"):
            return  # other things go down a pipeline as well
        file = self.file(name)
        file.last = event
        if event.kind == "written":
            file.written.append(event)
        elif event.kind == "handled" and event.data.get("last"):
            file.handled.append(event)
        elif event.kind in ("lost", "dropped"):
            file.lost = event

    # ---- what is to be said

    def of_message(self, name: str, message: _Message) -> Fated:
        """What became of a message."""
        end, receives = message.ended, message.receives
        undone = [file for file in message.files if not file.done]
        if end is not None and message.dead:
            report = next((f": {file.report}" for file in message.files if file.report), "")
            return Fated(name, "dead-lettered", f"received {_times(len(receives))} and never deleted{report}", end)
        if end is None:
            return self.open(name, message.last, "nobody has deleted it")
        if undone:
            return Fated(name, "lost", f"deleted, and {_some(len(undone))} in it never done", end)
        twice = next((file for file in message.files if file.too_often), None)
        if twice is not None:
            return Fated(name, "done twice", f"its file was {twice.again()}", twice.done[-1], twice.differs)
        if len(receives) > 1:
            return Fated(name, "delayed", self.came_back(message), receives[-1])
        return Fated(name, "done once", "deleted" if message.files else "deleted; it names no file", end)

    def of_file(self, name: str, file: _File) -> Fated:
        """What became of a file, or an event."""
        done, messages = file.done, file.messages
        if file.too_often:
            return Fated(name, "done twice", file.again(), done[-1], file.differs)
        if done:
            late = next((one for one in messages if len([r for r in one.receives if r.seq < done[0].seq]) > 1), None)
            if late is not None:
                return Fated(name, "delayed", self.came_back(late), done[0])
            return Fated(name, "done once", "its result is written" if file.written else "consumed", done[0])
        ended = [message for message in messages if message.ended is not None]
        if messages and len(ended) == len(messages):
            dead = next((message for message in ended if message.dead), None)
            if dead is not None:
                why = file.report or f"its message was received {_times(len(dead.receives))} and never deleted"
                return Fated(name, "dead-lettered", why, dead.ended)
            return Fated(name, "lost", "its message is deleted, and it was never done", ended[-1].ended)
        if not self.queue and file.lost is not None:
            why = "its buffer was full" if file.lost.kind == "dropped" else "its stage ended with it in hand"
            return Fated(
                name,
                "lost",
                f"{file.lost.stage} {'dropped' if file.lost.kind == 'dropped' else 'lost'} it: {why}",
                file.lost,
            )
        return self.open(name, file.last, "not done")

    def open(self, name: str, last: TraceEvent | None, what: str) -> Fated:
        """What is not at its end when the run is."""
        if self.stands:
            return Fated(name, "stuck", f"{what}, and nobody will: {self.end.cause}", self.end.event)
        until = last.data.get("until") if last is not None and last.kind == "message" else None
        if last is not None and last.kind == "receive" and "visibility" in last.data:
            until = last.t + last.data["visibility"]
        waits = f"; it is visible again at {until:.3f} s" if until is not None else ""
        return Fated(name, "delayed", f"{what} when the run ended{waits}", last)

    def came_back(self, message: _Message) -> str:
        """By how long a message was delayed, and what for."""
        first, last = message.receives[0], message.receives[-1]
        return f"by {last.t - first.t:.3f} s: it came back, and was received {_times(len(message.receives))}"


def _counts(ones: Iterable[Fated]) -> str:
    counts = Counter(one.fate for one in ones)
    return ", ".join(f"{counts[fate]} {fate}" for fate in FATES if counts[fate])


def _times(count: int) -> str:
    return f"{count} time{'' if count == 1 else 's'}"


def _some(count: int) -> str:
    return "a file was" if count == 1 else f"{count} files were"
