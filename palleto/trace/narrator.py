"""The narrator: makes trace events of the facts on a tape. trace.py tells what an event is, tape.py what a fact is."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import TYPE_CHECKING, Any

from palleto.trace.event import TraceEvent
from palleto.trace.kept import ids_of_kept
from palleto.trace.source import Place, code_of, entry, exit_of
from palleto.trace.turn import ASKED, GIVEN, HANDLED, HELD, PASSED, RESUMED, WANTED, Accounts, Turn

if TYPE_CHECKING:
    from palleto.runtime.process import Process

TAKEN = 0
"""The kind of a fact that is no trace event: a stage takes a message that none tells of."""
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

    def tell(self, what: Any, t: float, events: Any, until: Any, others: Any) -> list[TraceEvent]:
        """The trace events of one fact."""
        if what.__class__ is Turn:
            self.at(t)
            told = [] if what.begun is None else self._begun(what, events)
            if what.ended is not None:
                if until is not None:
                    self.at(until)
                told += self._ended(what, events, others)
            return told
        kind, process, peer, place, data, accounts = what
        if kind != "waits":
            self.at(t)
        elif place == self.place.get(process):  # it has not moved; and it waits since the last event, or longer
            return []
        if kind == TAKEN:
            self.taken[process] = self.seq
            return []
        event = self.event(kind, process, peer, self.ids(events), place, data, accounts)
        if kind in ENDS and process is not None:
            self._forget(process, kind)
        return [event]

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

    def _begun(self, turn: Turn, events: Any) -> list[TraceEvent]:
        """The trace events of a turn's beginning, as the clear form makes them."""
        begun, process, count, accounts = turn.begun, turn.process, turn.count, turn.before
        code = self.code(process, "handle_demand" if begun == ASKED else "handle_events")
        place = None if code is None else entry(code)
        if begun in (ASKED, WANTED):
            told = [self.event("ask", process, turn.above, (), place, {"count": count}, accounts)]
            if begun == ASKED:
                owed = count, count, *accounts[2:]
                told.append(self.event("handle_demand", process, None, (), place, {"count": count}, owed))
            return told
        ids, told = self.ids(events), []
        if begun != RESUMED:
            told.append(self.event("events", process, turn.above, ids, place, {}, accounts))
        if begun != HELD:
            told.append(self.event("handle_events", process, None, ids, place, {}, accounts))
        return told

    def _ended(self, turn: Turn, events: Any, others: Any) -> list[TraceEvent]:
        """The trace events of a turn's end, as the clear form makes them."""
        ended, process, accounts = turn.ended, turn.process, turn.after
        code = self.code(process, "handle_demand" if ended == GIVEN else "handle_events")
        place = None if code is None else exit_of(code)
        if ended == GIVEN:
            return [self.event("emitted", process, turn.below, self.ids(events), place, {}, accounts)]
        last = {"last": ended == HANDLED}
        told = [self.event("handled", process, None, self.ids(events), place, last, accounts)]
        if ended == PASSED:
            told.append(self.event("emitted", process, turn.below, self.ids(others), place, {}, accounts))
        return told
