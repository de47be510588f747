"""Facts: what a recorder writes down while a run goes on, and how trace events are made of them.

To write a fact down costs 0.3 us, to make a trace event of it 2 us more. So only what nobody can tell later is captured
as it happens: the time, the ids of the events, the accounts, the line of a caller. The rest (names, the line of a
callback, the ledger before) is told by `Reader` when somebody asks for the trace events, or writes them to a file.

A fact is a tuple, whose fields the recorder keeps one after the other in a list:

    (kind, time, process, peer, what, place, data, accounts, forwards)

with the kind of its trace event, the clock's time, what was captured of the events (or the count of an `ask`), the
place if only its moment knew it, the stage's ledger (None of what has none), and whether the stage forwards its demand.
Three kinds are no trace events:

    took     a stage takes a message that no trace event tells of
    joined   a stage's `handle_subscribe` has returned, to a subscription of a consumer
    settled  a stage has done all that a message led to

The accounts with which a stage takes a message are those that its last one has left: they are held to the law.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from types import CodeType
from typing import Any, TypeAlias, get_args

from palleto.core import Subscription
from palleto.runtime import Consumer
from palleto.trace.event import TraceEvent, ids_of
from palleto.trace.law import Accounts, Law
from palleto.trace.source import Place, code_of, entry, exit_of

Fact: TypeAlias = tuple[str, float, Any, Any, Any, Place | None, dict[str, Any] | None, Accounts | None, bool]
FIELDS = len(get_args(Fact))

TOOK, JOINED, SETTLED = "took", "joined", "settled"

ENTRIES = {
    "ask": ("handle_demand", "handle_events"),
    "events": ("handle_events",),
    "subscribe": ("handle_subscribe",),
    "cancel": ("handle_cancel",),
    "down": ("handle_cancel",),
}
"""Which callback a message is for; of a producer-consumer, which has no `handle_demand`, the second."""

TAKES = frozenset({*ENTRIES, TOOK, SETTLED})
"""Facts at which a stage's accounts must add up."""
ENDS = frozenset({"stopped", "crash", "loop_ended"})
FIXED = frozenset({int, str, float, bool, type(None)})
"""Types of events whose text never changes."""
LISTS = (list, tuple)
_NOWHERE: tuple[str | None, int | None] = (None, None)


def captured(events: Any) -> Any:
    """What is kept of events: themselves, where nothing can change their ids later, else the ids."""
    if type(events) in LISTS and FIXED.issuperset(map(type, events)):
        return tuple(events)
    return ids_of(events)


@lru_cache(maxsize=4096)
def _ledger(before: Accounts, after: Accounts) -> dict[str, list[int]]:
    """The accounts before and after an event. Few differ: an object less is one for the garbage collector less."""
    return {"before": list(before), "after": list(after)}


class Reader:
    """Makes trace events of facts, in their order. It knows what the facts before have left.

    seq:   the number of the next trace event.
    law:   the accounts of the run, and what in them does not add up.
    lacks: whether there were facts that nobody wrote down: then the accounts cannot be held to the law.
    """

    def __init__(self) -> None:
        self.seq = 0
        self.start = 0.0  # the clock's time at which the run began
        self._time = 0.0  # and of the last event
        self.law = Law()
        self.lacks = False
        self._ledger: dict[Any, Accounts] = {}  # of a stage's last event
        self._place: dict[Any, Place] = {}  # where a process acted last
        self._taken: dict[Any, int] = {}  # the number of the event at which a stage took its message
        self._callback: dict[Any, str | None] = {}  # that a stage is in, or was in last
        self._codes: dict[tuple[type, str], CodeType | None] = {}
        self._ids: tuple[Any, tuple[str, ...]] = ((), ())  # of the last events: most are told of three times or four

    def read(self, fact: Fact) -> Iterator[TraceEvent]:
        """The trace event of a fact, and of the law, if it breaks that."""
        kind, time, process, peer, what, place, data, ledger, forwards = fact
        if kind in TAKES:
            wrong = None if self.lacks else self.law.settled(process, ledger if forwards else None)
            if wrong is not None:
                told = {"text": wrong, "seq": self._taken.get(process, self.seq)}
                yield self._event("law", time, process, None, (), None, told, ledger)
            if kind == SETTLED:
                return
        if kind == JOINED:
            self.law.joined(process, self._ledger.get(process), ledger)
            return
        if kind == TOOK:
            self._taken[process], self._callback[process] = self.seq, None
            return
        if kind == "waits":  # since the last event, or longer
            if place == self._place.get(process):
                return
            time = self._time
        self._time = time
        ids: tuple[str, ...] = ()
        data = {} if data is None else data
        if kind in ENTRIES:
            self._taken[process], self._callback[process] = self.seq, None
            places = (self.entry(process, callback) for callback in ENTRIES[kind])
            place = next((found for found in places if found is not None), None)
            self._account(kind, process, peer, what)
            if isinstance(peer, Subscription):
                peer = peer.consumer if peer.producer is process else peer.producer
        elif kind == "emitted":
            place = self._exit(process, self._callback.get(process))
            self.law.sent(process, peer, len(what))
            peer = peer.consumer
        elif kind == "handled":
            data = {"last": isinstance(process, Consumer)}
            place = self._exit(process, "handle_events")
        elif kind.startswith("handle_"):
            self._callback[process] = kind
            place = self.entry(process, kind)
        if kind in ("ask", "handle_demand"):
            data = {"count": what}
        else:
            ids = self.ids(what)
        yield self._event(kind, time, process, peer, ids, place, data, ledger)
        if kind in ENDS and process is not None:
            self._forget(process, kind)

    def entry(self, process: Any, callback: str) -> Place | None:
        """Where a callback of a process begins, if it is the user's."""
        code = self._code(process, callback)
        return None if code is None else entry(code)

    def _exit(self, process: Any, callback: str | None) -> Place | None:
        code = None if callback is None else self._code(process, callback)
        return None if code is None else exit_of(code)

    def _changed(self, stage: Any) -> Place | None:
        """Where a number was changed: the end of the callback that this stage was in, or where the stage stands."""
        callback = self._callback.get(stage)
        return (callback and self._exit(stage, callback)) or self._place.get(stage)

    def _code(self, process: Any, callback: str) -> CodeType | None:
        """The code of a callback, looked up once for a class, as callbacks are its own."""
        key = type(process), callback
        if key not in self._codes:
            self._codes[key] = code_of(getattr(process, callback, None))
        return self._codes[key]

    def _account(self, kind: str, process: Any, subscription: Subscription, what: Any) -> None:
        """Tell the law of a message that a stage takes."""
        if subscription.producer is process:
            if kind == "ask":
                self.law.asked(subscription, what)
            elif kind == "subscribe":
                self.law.opened(subscription)
            else:
                self.law.closed(process, subscription)

    def _event(
        self,
        kind: str,
        time: float,
        process: Any,
        peer: Any,
        ids: tuple[str, ...],
        place: Place | None,
        data: dict[str, Any],
        ledger: Accounts | None,
    ) -> TraceEvent:
        """The next trace event. Where no place is told, it is where the process acted last."""
        accounts = None
        if process is not None:
            if place is not None:
                self._place[process] = place
            elif kind != "loop_killed":  # the end of the run kills a loop, no line of the user's
                place = self._changed(peer) if kind == "shown" else self._place.get(process)
            if kind == "loop_killed" and "at" in data:
                self._place[process] = tuple(data["at"])  # there it stands until it ends
            if ledger is not None:
                accounts = _ledger(self._ledger.get(process, (0, 0, 0, 0)), ledger)
                if kind != "lost" or process in self._ledger:  # else it has ended, and is forgotten already
                    self._ledger[process] = ledger
        file, line = place or _NOWHERE
        event = TraceEvent(
            self.seq,
            round(time - self.start, 6),
            "" if process is None else process.label,
            kind,
            None if peer is None or kind == "shown" else peer.label,
            ids,
            accounts,
            file,
            line,
            data,
        )
        self.seq += 1
        return event

    def ids(self, what: Any) -> tuple[str, ...]:
        """The ids of captured events."""
        if what is not self._ids[0]:
            self._ids = what, ids_of(what)
        return self._ids[1]

    def _forget(self, process: Any, kind: str) -> None:
        """Keep nothing of what has ended, as a run may start a million loops. A task's `loop_ended` comes last."""
        if kind == "loop_ended" or hasattr(process, "core"):
            for known in (self._place, self._ledger, self._taken, self._callback):
                known.pop(process, None)
            self.law.forget(process)
