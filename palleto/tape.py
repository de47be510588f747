"""The tape: what a recorder heard, as bare facts, until somebody wants to read it as trace events or as lines of a file.

To write a fact down costs 0.1 us, to make a trace event of it 1 us, and a line of a file 1 us more; but an event's
whole way from a producer to a consumer costs 1.7 us, at a demand of 1. So what nobody can tell later (the time, the ids,
the accounts) is written down as it happens, and the rest (names, lines of code, the ledger before) is told when the
events are asked for; for a file in blocks of `BLOCK` facts; and at once where somebody listens.

A fact is `WIDTH` values in one flat list. A tuple of its own each would cost 0.4 us: the garbage collector looks at
all that live, again and again. The values are what the fact is, the clock's time, the process, its peer, the events or
their ids, the place if it is known, more, and the accounts: the ledger, () of a consumer, None of what has none.

| what | trace events | more |
|---|---|---|
| a kind | one of that kind | its data |
| TAKEN | none: a stage takes a message that no trace event tells of | |
| ASKED | ask, handle_demand | how many |
| GIVEN | emitted | |
| WANTED | ask, of a producer-consumer | how many |
| CAME | events, handle_events | |
| HANDLED | handled, of a consumer | |
| PASSED | handled, emitted | the events emitted |

The last six are `witness.py`'s; each says at once what the clear form (`message`, `effect` and `returned` of
recorder.py) says in one to three goes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from json.encoder import encode_basestring_ascii as quoted
from types import CodeType
from typing import IO, TYPE_CHECKING, Any

from palleto.source import Place, code_of, entry, exit_of
from palleto.trace import Trace, TraceEvent, ids_of, line_of

if TYPE_CHECKING:
    from palleto.process import Process

Accounts = tuple[int, ...]
"""A ledger: remembered, demand, buffered, dropped; () is a consumer's."""
Listeners = Iterable[Callable[[TraceEvent], None]]

TAKEN, ASKED, GIVEN, WANTED, CAME, HANDLED, PASSED = range(7)
WIDTH = 8
BLOCK = 512
"""Facts that wait before they are written to a file."""
ENDED = 1000
"""Processes that end before the tape is read: until then it holds them."""
KNOWN = 4096
"""Ledgers and forms that are kept for the next time."""

_NOTHING: Accounts = (0, 0, 0, 0)
_STILL = {"before": [0, 0, 0, 0], "after": [0, 0, 0, 0]}  # of a consumer, always
_ENDS = frozenset({"stopped", "crash", "loop_ended"})
_TAKES = frozenset({"ask", "events", "subscribe", "cancel", "down"})
_NOWHERE: tuple[str | None, int | None] = (None, None)
_FIXED = frozenset({int, str, float, bool, type(None)})


def kept(events: Any) -> tuple[Any, ...]:
    """What the ids of these events can be told from at any time: themselves if they never change, else their ids."""
    if events.__class__ is list and _FIXED.issuperset(map(type, events)):
        return tuple(events)
    return ids_of(events)


class Tape:
    """Facts, and what is read from them. The run's thread writes; any may read."""

    def __init__(self, keep: bool, file: IO[str] | None) -> None:
        self.facts: list[Any] = []
        self.events = Trace()
        self.listeners: list[Callable[[TraceEvent], None]] = []
        self.clock: Callable[[], float] = lambda: 0.0
        self.at: Callable[[float], float] = lambda moment: moment
        """Seconds of run time, from a time of the clock's."""
        self.file = file
        self.limit = 1 << 62 if keep and file is None else BLOCK * WIDTH
        self.seq = 0
        self.taken: dict[Process, int] = {}  # the number of the event at which a stage took its message
        self.acting: dict[Any, str | None] = {}  # the callback that a stage is in, or was in last
        self._keep = keep
        self._lock = threading.RLock()
        self._accounts: dict[Process, Accounts] = {}  # of a stage's last event
        self._place: dict[Process, Place] = {}  # where a process acted last
        self._codes: dict[tuple[type, str], CodeType | None] = {}
        self._ledgers: dict[tuple[Accounts, Accounts], dict[str, list[int]]] = {}
        self._forms: dict[Any, tuple[list[str], Place | None, Accounts | None]] = {}
        self._named: tuple[Any, tuple[str, ...]] = ((), ())  # events and their ids
        self._texts: dict[int, tuple[Any, str]] = {}  # events and the text of their ids
        self._moment: tuple[float, float, str] = (-1.0, 0.0, "0.0")  # the clock's time; in seconds; as text
        self._ended = 0
        self._lines: list[str] = []

    def put(
        self, kind: Any, process: Any, peer: Any, events: Any, place: Place | None, data: Any, accounts: Accounts | None
    ) -> None:
        """Write a fact down, and have it read if it is time."""
        facts, t = self.facts, self.clock()
        if self.listeners and not facts:
            with self._lock:
                self._tell(kind, t, process, peer, events, place, data, accounts, self.listeners)
                self._flush()
            return
        facts += (kind, t, process, peer, events, place, data, accounts)
        self._ended += kind in _ENDS
        if len(facts) >= self.limit or self.listeners or self._ended >= ENDED:
            self.read(heard=True)

    def read(self, heard: bool = False) -> None:
        """Make trace events, or lines of the file, of all facts.

        heard: by who listens. What is on the tape before the last fact was written while nobody did.
        """
        with self._lock:
            block = self.facts[:]
            del self.facts[: len(block)]
            self._ended = 0
            values = iter(block)
            left = len(block) // WIDTH if heard and self.listeners else 0
            for fact in zip(*[values] * WIDTH, strict=True):
                left -= 1
                self._tell(*fact, self.listeners if left == 0 else ())
            self._flush()

    def catch_up(self) -> None:
        """Read what is left, from any thread. While somebody listens, that is the run's to do, and done."""
        if not self.listeners:
            self.read()

    def close(self) -> None:
        """Read what is left, and close the file."""
        self.read()
        if self.file is not None:
            self.file.close()
            self.file = None

    def _flush(self) -> None:
        if self._lines and self.file is not None:
            self.file.write("".join(self._lines))
            self._lines.clear()

    def _tell(
        self,
        what: str | int,
        t: float,
        process: Any,
        peer: Any,
        events: Any,
        place: Place | None,
        more: Any,
        accounts: Any,
        listeners: Listeners,
    ) -> None:
        if t != self._moment[0]:
            seconds = int(self.at(t) * 1e6 + 0.5) / 1e6  # a third of what `round` takes
            self._moment = t, seconds, repr(seconds)
        if what.__class__ is str:
            self._hand_on(self._event(what, process, peer, self._ids(events), place, more, accounts), listeners)
            if what in _ENDS and process is not None:
                self._forget(process, what)
        elif what == TAKEN:
            self.taken[process] = self.seq
        elif self.file is not None and not self._keep and not listeners:
            self._write(what, process, peer, events, more, accounts)
        else:
            for event in self._events(what, process, peer, events, more, accounts):
                self._hand_on(event, listeners)

    def _hand_on(self, event: TraceEvent, listeners: Listeners) -> None:
        if self._keep:
            self.events.append(event)
        if self.file is not None:
            self._lines.append(line_of(event))
        for listener in listeners:
            listener(event)

    # ---- a trace event

    def _event(
        self,
        kind: Any,
        process: Any,
        peer: Any,
        ids: tuple[str, ...],
        place: Place | None,
        data: dict[str, Any],
        accounts: Accounts | None,
    ) -> TraceEvent:
        """The next trace event. Where no place is told, it is where the process acted last."""
        ledger = None
        if process is not None:
            if place is not None:
                self._place[process] = place
            elif kind != "loop_killed":  # the end of the run kills a loop, no line of the user's
                place = self._place.get(process)
            elif "at" in data:
                self._place[process] = tuple(data["at"])
            if accounts is not None:
                ledger = self._ledger(process, accounts) if accounts else _STILL
            if kind in _TAKES:
                self.taken[process] = self.seq
            elif kind == "law":
                data["seq"] = self.taken.get(process, self.seq)
        file, line = place or _NOWHERE
        event = TraceEvent(
            self.seq,
            self._moment[1],
            "" if process is None else process.name or process.id,
            kind,
            None if peer is None else peer.name or peer.id,
            ids,
            ledger,
            file,
            line,
            data,
        )
        self.seq += 1
        return event

    def _ids(self, events: Any) -> tuple[str, ...]:
        if events is not self._named[0]:
            self._named = events, ids_of(events)
        return self._named[1]

    def _ledger(self, process: Process, after: Accounts) -> dict[str, list[int]]:
        """The accounts before and after an event. Few differ: an object less is one for the garbage collector less."""
        key = self._accounts.get(process, _NOTHING), after
        self._accounts[process] = after
        found = self._ledgers.get(key)
        if found is None:
            if len(self._ledgers) >= KNOWN:
                self._ledgers.clear()
            found = self._ledgers[key] = {"before": list(key[0]), "after": list(after)}
        return found

    def _forget(self, process: Process, kind: Any) -> None:
        """Keep nothing of what has ended, as a run may start a million loops. A task's `loop_ended` comes last."""
        if kind == "loop_ended" or hasattr(process, "core"):
            self._place.pop(process, None)
            self._accounts.pop(process, None)
            self.taken.pop(process, None)
            self._forms.clear()

    def demand_of(self, stage: Process) -> int:
        """What a stage was asked for and had not sent, at its last event."""
        self.read()
        return self._accounts.get(stage, _NOTHING)[1]

    # ---- where in the user's code

    def code(self, process: Process, name: str) -> CodeType | None:
        """The code of a callback, if it is the user's; looked up once for a class, as callbacks are its own."""
        key = type(process), name
        if key not in self._codes:
            self._codes[key] = code_of(getattr(process, name, None))
        return self._codes[key]

    def entry(self, process: Process, callback: str) -> Place | None:
        """Where a callback begins."""
        code = self.code(process, callback)
        return None if code is None else entry(code)

    # ---- the facts of the express

    def _events(self, what: Any, process: Any, peer: Any, events: Any, more: Any, accounts: Any) -> list[TraceEvent]:
        """The trace events of one fact, as the clear form makes them."""
        event, code = self._event, self.code(process, "handle_demand" if what in (ASKED, GIVEN) else "handle_events")
        begin, end = (None, None) if code is None else (entry(code), exit_of(code))
        ids = self._ids(events)
        if what == ASKED:
            told = more, more, *accounts[2:]
            return [
                event("ask", process, peer, ids, begin, {"count": more}, accounts),
                event("handle_demand", process, None, ids, begin, {"count": more}, told),
            ]
        if what == GIVEN:
            return [event("emitted", process, peer, ids, end, {}, accounts)]
        if what == WANTED:
            return [event("ask", process, peer, ids, begin, {"count": more}, accounts)]
        if what == CAME:
            return [
                event("events", process, peer, ids, begin, {}, accounts),
                event("handle_events", process, None, ids, begin, {}, accounts),
            ]
        if what == HANDLED:
            return [event("handled", process, None, ids, end, {"last": True}, accounts)]
        return [
            event("handled", process, None, ids, end, {"last": False}, accounts),
            event("emitted", process, peer, self._ids(more), end, {}, accounts),
        ]

    def _write(self, what: Any, process: Any, peer: Any, events: Any, more: Any, accounts: Any) -> None:
        """The lines of one fact. But for numbers, times and ids, they are those of the last such fact in this state.

        So the first time they are made of the trace events, and cut where those stand; later only those are filled in.
        """
        count = more if what != PASSED else None
        key = what, process, peer, count, accounts, self._accounts.get(process), self._place.get(process)
        form = self._forms.get(key)
        if form is None:
            made = self._events(what, process, peer, events, more, accounts)
            parts: list[str] = []
            for event in made:
                self._hand_on(event, ())
                event.ids = ()
                before, ids, after = line_of(event).partition('"ids": [')
                parts += before[before.index(', "stage": ') :] + ids, after
            if len(self._forms) >= KNOWN:
                self._forms.clear()
            self._forms[key] = parts, self._place.get(process), self._accounts.get(process)
            return
        parts, place, after_it = form
        seq, t, ids = self.seq, self._moment[2], self._text(events)
        if what in (ASKED, WANTED, CAME):
            self.taken[process] = seq
        if len(parts) == 2:
            self._lines.append(f'{{"seq": {seq}, "t": {t}{parts[0]}{ids}{parts[1]}')
            self.seq = seq + 1
        else:
            others = self._text(more) if what == PASSED else ids
            self._lines.append(
                f'{{"seq": {seq}, "t": {t}{parts[0]}{ids}{parts[1]}'
                f'{{"seq": {seq + 1}, "t": {t}{parts[2]}{others}{parts[3]}'
            )
            self.seq = seq + 2
        if place is not None:
            self._place[process] = place
        if after_it is not None:
            self._accounts[process] = after_it

    def _text(self, events: Any) -> str:
        """The ids of events, as they stand in a line."""
        known = self._texts.get(id(events))
        if known is None or known[0] is not events:
            if len(self._texts) >= 64:
                self._texts.clear()
            known = self._texts[id(events)] = events, ", ".join(map(quoted, ids_of(events)))
        return known[1]
