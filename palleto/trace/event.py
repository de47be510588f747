"""A trace: everything that happened in a run, one event after the other, in memory or as a file.

A trace event has these fields, and a trace file has one of them a line (JSON Lines), after a first line
`{"palleto_trace": 1}`, the version of this schema:

| field  | meaning |
|---|---|
| seq    | 0, 1, 2, ... |
| t      | seconds of run time, rounded to microseconds |
| stage  | the name, or the id, of the stage, task or supervisor that acted; "" for none |
| kind   | what happened, below |
| peer   | the name or id of the other one, or null |
| ids    | the ids of the events concerned: their `id` if they have one, else their text, at most 200 characters |
| ledger | null, or `{"before": [..], "after": [..]}` of the stage: [remembered, demand, buffered, dropped] |
| file   | the name of the file of the user's code that acted, or null |
| line   | its line: of the callback, of the `await` or call it stands at, of the `return`, of what raised; or null |
| data   | whatever else belongs to the kind |

What Palleto does by itself in a stage or task (it says goodbye to its peers, it stops) has the line where that stage
or task acted last: where it stands. What no code of the user's caused at all (the heartbeat that extends a visibility
timeout, a kill at the end of a run) has none.

The kinds, in the words of GenStage, Broadway and SQS. A kind or a data key that a reader does not know is to be
ignored: more may come without a new version. Times in `data` are seconds of run time.

| kind | stage, peer | ids | data | line |
|---|---|---|---|---|
| started | process | | class: of the process; function: of a task; under: of any other, its supervisor; strategy, \
max_restarts, max_seconds: of a supervisor | its `init`, or the call of `start_task` |
| stopped | process | | reason; left: how many restarts its supervisor has left, if it has a budget | where it stood |
| crash | process | | reason; left: as above | what raised |
| restart | process, its supervisor | | reason: of the crash; left: as above | its `init` |
| subscribe, cancel, down | who took the message, the other side | | | the callback it is for |
| ask | producer, consumer | | count | `handle_demand`, or `handle_events` in the middle |
| events | consumer, producer | events | | `handle_events` |
| handle_demand | producer | | count | the callback |
| handle_events | consumer | events | | the callback |
| handle_cast | stage | | carried: ids of the events in the message | the callback |
| handle_subscribe, handle_cancel, handle_call, handle_drain | stage | | | the callback |
| handled | consumer | events | last: true where they go no further | its `return` |
| emitted | producer, consumer | events | | the `return` |
| shown | stage or supervisor | | its numbers by name, such as owed or wanted: those that its class's `shown` names, \
when the first message is done and whenever one has changed | the callback's `return`, whoever's numbers they are |
| dropped, lost | stage | events | | where it stood |
| cast | sender, receiver | the message's parts | carried: ids of the events in it; by: the function | the call |
| said | who said it | | text | the call of `say` |
| report | who it is about | | text: of a crash, of a message that cannot be processed | the call, or where it stood |
| loop_started | task, its supervisor | | | the call of `start_task` |
| loop_killed | task | | at: file and line of its `await` | the call of `kill`; null where the run ended it |
| loop_crashed | task that will run again | | reason; again: when | what raised |
| loop_ended | task, its supervisor | | reason | where it stood, or what raised |
| receive | loop | message ids | counts: receives of each; max, wait: as asked; visibility: seconds hidden; \
names: the events in each | the `await` |
| delete | who deleted | message ids | deleted, failed: how many; refused: ids of the latter | the `await` |
| visibility | who changed it | message ids | seconds: of each; refused: ids | the `await`, or null |
| download | stage | key | bytes | the `await` |
| written | consumer | key | lines, bytes: of the text | the `await` |
| request | who asked | | operation; error: if it failed; max, wait: of a receive | the `await` |
| sent | | keys of files put into the bucket | | |
| queue | | | visible, in_flight, dead_lettered: messages, as counted by the place | |
| dead_lettered | the loop that polled | message ids | | the `await` of its poll; on a server, see below |
| message | who caused it, or none | message id | state, receives, until, sent, names; see below | its line |
| waits | task, or stage in an async callback | | | the `await` that it has come to stand at |
| drain | | | | the end of the run begins |
| fault | who asked | | operation, what: a failure that was made on purpose | the `await` |
| stale | | names of files | | their message's time had run out before it was deleted | |
| law | stage | | text: what does not add up; seq: of the event that broke it | where it stood |
| forked | | | change: what was changed from here on | |

`waits` is noticed when another one acts, and told before that: what waits at one line and then at a further one, and
does nothing between that a trace tells of, is told of once.

`message` is told by the simulated place alone, at the moment it happens there: `state` is "delayed", "visible",
"in_flight", "deleted" or "dead_lettered"; `receives` its receive count; `until` the moment at which a delayed or hidden
message is visible again, without a further event; `sent` how many messages have arrived so far, which is at every
moment the number of those in one of the five states; `names` the events in it. Messages that were there before the
run come first. On a server a trace holds what requests tell: a message is known from its first `receive` on, hidden
for `visibility` seconds from then (the queue's timeout, if the request names none) or from its last `visibility` on.
No answer says what is dead-lettered. It is concluded: a poll with room for more did not bring a message that was
visible and had been received as often as the queue allows (`palleto.cloud.queue.redrive`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from json.encoder import c_make_encoder  # type: ignore[attr-defined]
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path
from typing import Any, ClassVar

from palleto.errors import SettingError

VERSION = 1
"""Of the schema. Files of another version are refused."""


@dataclass(slots=True)
class TraceEvent:
    """One thing that happened. See the table above."""

    # Not frozen: a frozen one takes three times as long to make.

    seq: int
    t: float
    stage: str
    kind: str
    peer: str | None = None
    ids: tuple[str, ...] = ()
    ledger: dict[str, list[int]] | None = None
    file: str | None = None
    line: int | None = None
    data: dict[str, Any] = field(default_factory=dict)


def _encoder() -> Callable[[Any], str]:
    """What makes JSON of a value. `JSONEncoder` makes itself ready for each anew, and that takes 2 us."""
    if c_make_encoder is None:  # no C in this Python
        return json.JSONEncoder(default=str).encode
    chunks = c_make_encoder(None, str, quoted, None, ": ", ", ", False, False, True)
    return lambda value: "".join(chunks(value, 0))


_encode = _encoder()


@lru_cache(maxsize=4096)
def _ledger_text(before: tuple[int, ...], after: tuple[int, ...]) -> str:
    return _encode({"before": before, "after": after})


HEADER = json.dumps({"palleto_trace": VERSION}) + "\n"
"""The first line of a trace file."""


def line_of(event: TraceEvent) -> str:
    """The event as a line of a trace file: a JSON object of its fields, in their order."""
    # Put together by hand: a third of the time that a dict of all fields takes.
    ids = ", ".join(map(quoted, event.ids))
    ledger = event.ledger
    return (
        f'{{"seq": {event.seq}, "t": {event.t!r}, "stage": {quoted(event.stage)}, "kind": {quoted(event.kind)}, '
        f'"peer": {"null" if event.peer is None else quoted(event.peer)}, "ids": [{ids}], '
        f'"ledger": {"null" if ledger is None else _ledger_text(tuple(ledger["before"]), tuple(ledger["after"]))}, '
        f'"file": {"null" if event.file is None else quoted(event.file)}, '
        f'"line": {"null" if event.line is None else event.line}, '
        f'"data": {_encode(event.data) if event.data else "{}"}}}\n'
    )


def event_id(event: Any) -> str:
    """What an event is called in a trace: its `id` if it has one, else its text, at most 200 characters."""
    return str(getattr(event, "id", event))[:200]


def ids_of(events: Any) -> tuple[str, ...]:
    """The ids of a list of events, or of one event that is no list."""
    if not isinstance(events, list | tuple):
        return (event_id(events),)
    if len(events) == 1 and events[0].__class__ is str:
        return (events[0][:200],)
    kinds = set(map(type, events))
    if kinds == {int}:  # a third of the time, for a core's own speed
        return tuple(map(str, events))
    if kinds == {str}:
        return tuple(events) if max(map(len, events)) <= 200 else tuple(event[:200] for event in events)
    return tuple(map(event_id, events))


def carried(message: Any) -> dict[str, Any]:
    """The ids of the events in a message of the user's own: `("enqueue", [event, event])` carries two."""
    parts = message if isinstance(message, tuple) else (message,)
    events = [event_id(event) for part in parts if isinstance(part, list) for event in part]
    return {"carried": events} if events else {}


class Trace(list[TraceEvent]):
    """The events of a run, in their order: a list that is loaded, saved and cut off.

    >>> Trace()
    <Trace: no events>
    """

    message: ClassVar[Callable[[Trace, str], Any]]
    """`trace.message(name)`: the life of one message. `palleto` puts it here, as a trace knows nothing of `replay`."""

    @classmethod
    def load(cls, path: str | Path) -> Trace:
        """Read a trace file. Raises SettingError, with the number of the line, for one that is broken or newer."""
        return cls(_parse(Path(path)))

    @classmethod
    def of(cls, run: Any) -> Trace:
        """The trace of an experiment, a dashboard, a recorder, or a list of trace events, as it is at this moment.

        Raises SettingError for anything else.
        """
        found = run
        for name in ("experiment", "trace", "events"):
            found = getattr(found, name, found)
        if isinstance(found, Iterable) and not isinstance(found, str | bytes):
            events = cls(found)  # a copy in one go: the run's thread may add to it
            if all(isinstance(event, TraceEvent) for event in events):
                return events
        raise SettingError(f"expected a run (an experiment, a recorder or a list of trace events), got: {run!r:.60}")

    def save(self, path: str | Path) -> None:
        """Write a trace file. Raises SettingError if that cannot be done."""
        try:
            with Path(path).open("w", encoding="utf-8") as file:
                file.write(HEADER)
                file.writelines(map(line_of, self))
        except OSError as error:
            raise SettingError(f"expected a trace file that can be written, got {path}: {error.strerror}") from None

    def until(self, at: TraceEvent | int | float | None) -> Trace:
        """The events up to a moment, which is included: a trace event, its number, or a time (a float) in seconds."""
        if at is None:
            return self
        if isinstance(at, TraceEvent):
            at = at.seq
        if isinstance(at, bool) or not isinstance(at, int | float):
            raise SettingError(f"expected a trace event, its number, or a time in seconds, got: {at!r:.60}")
        if isinstance(at, float):
            return Trace(event for event in self if event.t <= at)
        return Trace(event for event in self if event.seq <= at)

    def __repr__(self) -> str:
        if not self:
            return "<Trace: no events>"
        stages = len({event.stage for event in self} - {""})
        return f"<Trace: {len(self):,} events of {stages} stages and loops in {self[-1].t:.1f} s>"


def load(path: str | Path) -> Trace:
    """Read a trace file. Raises SettingError, with the number of the line, for one that is broken, cut off or newer."""
    return Trace.load(path)


def _parse(path: Path) -> Iterator[TraceEvent]:
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:
            number = 0
            for number, line in enumerate(lines, 1):
                event = _event(line, number, path)
                if event is not None:
                    yield event
            if number == 0:
                raise SettingError(f"expected a trace event in line 1 of {path}, got: ''")
    except OSError as error:
        raise SettingError(f"expected a trace file, got {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingError(f"expected a trace file, JSON Lines as --trace writes them, got no text: {path}") from None


def _event(line: str, number: int, path: Path) -> TraceEvent | None:
    """The event of a line; None for the first one, which tells the version."""
    try:
        fields = json.loads(line)
        if number > 1:
            fields["ids"] = tuple(fields["ids"])
            event = TraceEvent(**fields)
            if not (type(event.seq) is int and isinstance(event.t, float | int) and isinstance(event.data, dict)):
                raise TypeError(event)
            return event
        version = fields["palleto_trace"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SettingError(f"expected a trace event in line {number} of {path}, got: {line[:60].rstrip()!r}") from None
    if version != VERSION:
        raise SettingError(
            f"expected a trace of version {VERSION}, got version {version} in line 1 of {path}; record it again"
        )
    return None
