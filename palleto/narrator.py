"""The narrator: makes trace events of the facts on a tape. trace.py tells what an event is, tape.py what a fact is."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import TYPE_CHECKING, Any

from palleto.kept import ids_of_kept
from palleto.source import Place, code_of, entry, exit_of
from palleto.trace import TraceEvent

if TYPE_CHECKING:
    from palleto.process import Process

Accounts = tuple[int, ...]
"""A ledger: remembered, demand, buffered, dropped; () is a consumer's."""

TAKEN, ASKED, GIVEN, WANTED, HELD, CAME, RESUMED, HANDLED, PASSED = range(9)
"""What a fact is if it is not one trace event; see the table in `tape.py`."""
SERVED, CONSUMED, THROUGH, RELAYED = (ASKED, GIVEN), (CAME, HANDLED), (CAME, PASSED), (RESUMED, PASSED)
"""Whole turns of a producer, of a consumer, and of a producer-consumer with a batch that came, or had waited."""
KNOWN = 4096
"""Ledgers that are kept for the next time."""

ENDS = frozenset({"stopped", "crash", "loop_ended"})
_NOTHING: Accounts = (0, 0, 0, 0)
_STILL = {"before": [0, 0, 0, 0], "after": [0, 0, 0, 0]}  # of a consumer, always
_TAKES = frozenset({"ask", "events", "subscribe", "cancel", "down"})
_NOWHERE: tuple[str | None, int | None] = (None, None)


class Narrator:
    """Knows what the events before have left: their number, the accounts, and where each process stands."""

    def __init__(self) -> None:
        self.seq = 0
        self.seconds: Callable[[float], float] = lambda moment: moment
        """Seconds of run time, from a time of the clock's."""
        self._moment: tuple[float, float, str] = (-1.0, 0.0, "0.0")  # the clock's time; in seconds; as text
        self.accounts: dict[Process, Accounts] = {}  # of a stage's last event
        self.place: dict[Process, Place] = {}  # where a process acted last
        self.taken: dict[Process, int] = {}  # the number of the event at which a stage took its message
        self._codes: dict[tuple[type, str], CodeType | None] = {}
        self._ledgers: dict[tuple[Accounts, Accounts], dict[str, list[int]]] = {}
        self._named: tuple[Any, tuple[str, ...]] = ((), ())  # events and their ids

    def tell(
        self, what: Any, t: float, process: Any, peer: Any, events: Any, place: Any, more: Any, accounts: Any
    ) -> list[TraceEvent]:
        """The trace events of one fact."""
        if what != "waits":
            self.at(t)
        elif place == self.place.get(process):  # it has not moved; and it waits since the last event, or longer
            return []
        if what.__class__ is str:
            event = self.event(what, process, peer, self.ids(events), place, more, accounts)
            if what in ENDS and process is not None:
                self._forget(process, what)
            return [event]
        if what == TAKEN:
            self.taken[process] = self.seq
            return []
        if what.__class__ is not tuple:
            return self._part(what, process, peer, events, more, accounts)
        begun, ended = what
        first, second, before, after = peer if ended == PASSED else (peer, peer, accounts, accounts)
        told = self._part(begun, process, first, () if begun == ASKED else events, more, before)
        self.at(place)
        return told + self._part(ended, process, second, events, more, after)

    def at(self, t: float) -> str:
        """What is told next happened at this time of the clock's. Returns the text of it, in seconds of run time."""
        if t != self._moment[0]:
            seconds = int(self.seconds(t) * 1e6 + 0.5) / 1e6  # a third of what `round` takes
            self._moment = t, seconds, repr(seconds)
        return self._moment[2]

    def event(
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
                self.place[process] = place
            elif kind != "loop_killed":  # the end of the run kills a loop, no line of the user's
                place = self.place.get(process)
            if accounts is not None:
                ledger = self._ledger(process, accounts) if accounts else _STILL
            if kind in _TAKES:
                self.taken[process] = self.seq
            elif kind == "loop_killed" and "at" in data:
                self.place[process] = tuple(data["at"])  # there it stands until it ends
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

    def ids(self, events: Any) -> tuple[str, ...]:
        """The ids of kept events, once for each batch: most are told of three times or four."""
        if events is not self._named[0]:
            self._named = events, ids_of_kept(events)
        return self._named[1]

    def _ledger(self, process: Process, after: Accounts) -> dict[str, list[int]]:
        """The accounts before and after an event. Few differ: an object less is one for the garbage collector less."""
        key = self.accounts.get(process, _NOTHING), after
        self.accounts[process] = after
        found = self._ledgers.get(key)
        if found is None:
            if len(self._ledgers) >= KNOWN:
                self._ledgers.clear()
            found = self._ledgers[key] = {"before": list(key[0]), "after": list(after)}
        return found

    def _forget(self, process: Process, kind: Any) -> None:
        """Keep nothing of what has ended, as a run may start a million loops. A task's `loop_ended` comes last."""
        if kind == "loop_ended" or hasattr(process, "core"):
            self.place.pop(process, None)
            self.accounts.pop(process, None)
            self.taken.pop(process, None)

    def demand_of(self, stage: Process) -> int:
        """What a stage was asked for and had not sent, at its last event."""
        return self.accounts.get(stage, _NOTHING)[1]

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

    def _part(self, what: Any, process: Any, peer: Any, events: Any, more: Any, accounts: Any) -> list[TraceEvent]:
        """The trace events of a turn's beginning, or of its end, as the clear form makes them."""
        event, code = self.event, self.code(process, "handle_demand" if what in (ASKED, GIVEN) else "handle_events")
        begin, end = (None, None) if code is None else (entry(code), exit_of(code))
        ids = self.ids(events)
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
        if what == HELD:
            return [event("events", process, peer, ids, begin, {}, accounts)]
        if what == RESUMED:
            return [event("handle_events", process, None, ids, begin, {}, accounts)]
        if what == CAME:
            return [
                event("events", process, peer, ids, begin, {}, accounts),
                event("handle_events", process, None, ids, begin, {}, accounts),
            ]
        if what == HANDLED:
            return [event("handled", process, None, ids, end, {"last": True}, accounts)]
        return [
            event("handled", process, None, ids, end, {"last": False}, accounts),
            event("emitted", process, peer, self.ids(more), end, {}, accounts),
        ]
