"""The recorder: an observer that hears of everything in a run, and makes a trace of it.

What a trace is, its kinds and its file, is told in `event.py`; what is written down while the run goes on in
`facts.py`; where in the user's code something happened in `source.py`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from palleto.core import ASK, CANCEL, DOWN, EVENTS, SUBSCRIBE, Message, Reason, Subscription
from palleto.errors import SettingError
from palleto.runtime import Consumer, Observer, Process, Stage, System, describe, is_crash
from palleto.trace.event import HEADER, Trace, TraceEvent, carried, line_of
from palleto.trace.facts import ENDS, HELD_BACK, JOINED, SETTLED, TOOK, Fact, Reader, captured, entry_of
from palleto.trace.law import LawError
from palleto.trace.source import Place, name_of, raised, standing, user_code
from palleto.trace.waits import Waits

__all__ = ["Recorder"]

BLOCK = 512
"""Facts that wait before they are written to a file."""

CALLED = frozenset(
    {"cast", "said", "loop_started", "loop_killed", "receive", "delete", "visibility", "download", "request", "written"}
    | {"message", "sent", "fault", "report"}
)
"""Kinds whose line is that of the user's caller; the others' is told, or where the stage stood."""


class Recorder(Observer):
    """Hears of everything in a run and keeps it in `events`, or writes it to a file, or only passes it on.

    keep:    keep the events in memory (True by default; False for a run that never ends).
    file:    a path to write JSON Lines to, as the run goes: with `keep=False` memory stays bounded.
    strict:  raise LawError in the stage that breaks the law of the ledger; False: only mark the first event that
             breaks it (an event "law" follows; its `data` say what is wrong, and the number of the event) and go on.
    Listeners added to `listeners` hear each TraceEvent as it happens. Two more lists cost next to nothing, as no trace
    event is made for them. Those in `on_consumed` hear of each batch that a consumer has handled: the consumer, and how
    many events; those in `on_note` of what is told to `note`: the kind, the events and the data.

    What nobody wants (no `keep`, no file, not `strict`, no listener) is not written down. Whoever begins to listen in
    the middle of such a run hears what happens from the next message on; the law is not checked there, as its accounts
    lack what happened before.
    """

    def __init__(self, *, keep: bool = True, file: str | Path | None = None, strict: bool = False) -> None:
        self.events_kept = Trace()
        self.listeners: list[Callable[[TraceEvent], None]] = []
        self.on_consumed: list[Callable[[Process, int], None]] = []
        self.on_note: list[Callable[[str, Any, dict[str, Any]], None]] = []
        self._keep, self._strict = keep, strict
        self._file = None if file is None else _opened(file)
        self._wanted = keep or strict or file is not None
        self._missed = False  # something that the accounts of the law lack
        self._ending = False
        self._clock: Callable[[], float] | None = None
        self._reader = Reader()
        self._facts: list[Fact] = []
        self._limit = BLOCK if self._file is not None else None
        self._lock = threading.RLock()  # the run's thread writes; any may read
        self._waits = Waits()
        # What a callback emits is told before the callback's return, and both with the accounts that all of it leaves.
        self._emitted: list[tuple[Any, str, Any, Any, Any]] = []
        # Of each subscription the batches on their way, and what was captured of each.
        self._sent: dict[Subscription, deque[tuple[Any, Any]]] = {}
        self._hand: dict[Any, tuple[Any, Any]] = {}  # the batch that a stage took or handles, and the same

    def __repr__(self) -> str:
        self._read()
        return f"<Recorder {self._reader.seq} events, the ledger {self.broken or 'adds up'}>"

    @property
    def events(self) -> Trace:
        """All events up to now. They are made when they are asked for: a million take a few seconds."""
        self._read()
        return self.events_kept

    @property
    def broken(self) -> str | None:
        """What breaks the law of the ledger, in one line; None if nothing has."""
        self._read()
        return self._reader.law.broken

    def close(self) -> None:
        """Write what is to be written."""
        if self._file is not None:
            self._read()
            self._file.close()
            self._file = None

    # ---- what the runtime tells

    def attached(self, system: System) -> None:
        """Begin to listen to a run; times count from its start."""
        self._read()
        self._ending = False
        self._clock, self._reader.start = system.clock, system.started

    def ending(self) -> None:
        if not self._ending:
            self._ending = True
            if not self._deaf():
                self._tell("drain", None)

    def started(self, process: Process) -> None:
        if self._deaf():
            return
        function = getattr(process, "function", None)
        if function is not None:  # a task: who starts it acts
            place, more = _caller(), {"function": getattr(function, "__qualname__", str(function))}
        else:
            kind: Any = type(process)
            place = entry_of(kind, "init") or entry_of(kind, "__init__")
            more = {}
        self._tell("started", process, place=place, data={"class": type(process).__name__, **more})

    def ended(self, process: Process, reason: Reason) -> None:
        self._note("crash" if is_crash(reason) else "stopped", process, cause=reason, data={"reason": describe(reason)})

    def restarted(self, process: Process, supervisor: Process, reason: Reason) -> None:
        self._note("restart", process, supervisor, data={"reason": describe(reason)})

    def task_started(self, task: Process, supervisor: Process) -> None:
        self._note("loop_started", task, supervisor)

    def task_killed(self, task: Process, coroutine: Any) -> None:
        at = standing(coroutine)
        self._note("loop_killed", task, data={} if at is None else {"at": list(at)})

    def task_crashed(self, task: Process, error: Exception, again: float) -> None:
        data = {"reason": describe(error), "again": round(again, 6)}
        self._note("loop_crashed", task, cause=error, data=data)

    def task_ended(self, task: Process, supervisor: Process, reason: Reason) -> None:
        self._note("loop_ended", task, supervisor, cause=reason, data={"reason": describe(reason)})

    def took(self, stage: Stage, message: Message) -> None:
        if self._deaf():
            return
        kind, about, what = message
        if kind == ASK:
            self._tell("ask", stage, about, what)
        elif kind == EVENTS:
            self._tell("events", stage, about, self._take(stage, about, what))
        elif kind in (SUBSCRIBE, CANCEL, DOWN):
            if about.producer is stage:
                self._sent[about] = deque()
                if kind != SUBSCRIBE:
                    del self._sent[about]
            self._tell(kind, stage, about)
        else:
            self._put(TOOK, stage)

    def called(self, stage: Stage, callback: str, argument: Any) -> None:
        if self._deaf():
            return
        if callback == "handle_events":
            self._tell(callback, stage, None, self._in_hand(stage, argument))
        elif callback == "handle_demand":
            self._tell(callback, stage, None, argument)
        else:
            self._tell(callback, stage, data=carried(argument) if callback == "handle_cast" else None)

    def awaits(self, process: Process, coroutine: Any) -> None:
        if not self._deaf():
            self._waits.begun(process, coroutine)

    def returned(self, stage: Stage, callback: str, argument: Any) -> None:
        last = callback == "handle_events" and isinstance(stage, Consumer)
        if not self._deaf():
            self._waits.over(stage)
            if callback == "handle_events":
                self._emitted.insert(0, (stage, "handled", None, self._in_hand(stage, argument), {"last": last}))
            elif callback == "handle_subscribe" and not isinstance(stage, Consumer):
                self._put(JOINED, stage)
        if last:
            for hear in self.on_consumed:
                hear(stage, len(argument))

    def sent(self, stage: Stage, to: Stage, message: Message) -> None:
        kind, subscription, events = message
        if kind == EVENTS and not self._deaf():
            what = captured(events)
            if subscription in self._sent:
                self._sent[subscription].append((events, what))
            self._emitted.append((stage, "emitted", subscription, what, None))

    def dropped(self, stage: Stage, events: Any) -> None:
        self._note("dropped", stage, events=captured(events))

    def settled(self, stage: Stage) -> None:
        if self._deaf():
            return
        self._tell_emitted()
        if not self._missed and not isinstance(stage, Consumer):
            self._put(SETTLED if getattr(stage.core, "forwarding", True) else HELD_BACK, stage)
            if self._strict and (broken := self.broken) is not None:
                raise LawError(broken)

    def lost(self, process: Process, events: Any) -> None:
        if not self._emitted:
            self.note("lost", process, events=list(events))
            return
        # It was emitted to a stage that has ended: told with what the callback emits, with the accounts after it.
        for hear in self.on_note:
            hear("lost", list(events), {})
        self._emitted.append((process, "lost", None, captured(events), None))

    def cast(self, sender: Process | None, receiver: Stage, message: Any) -> None:
        self.note("cast", sender, peer=receiver, events=message, **carried(message))

    def note(
        self, kind: str, process: Process | None, *, peer: Process | None = None, events: Any = (), **data: Any
    ) -> None:
        """Add one event to the trace. Its place is the line of the user's that calls, for kinds that a call causes."""
        if self._clock is None:
            raise SettingError("expected a recorder that is attached to a run; give it to `running(recorder=...)`")
        for hear in self.on_note:
            hear(kind, events, data)
        self._note(kind, process, peer, events=captured(events) if events != () else (), data=data)

    # ---- how it is written down

    def _deaf(self) -> bool:
        """Whether nobody wants to know."""
        if self._wanted or self.listeners:
            return False
        self._missed = True
        return True

    def _note(
        self,
        kind: str,
        process: Process | None,
        peer: Process | None = None,
        *,
        events: Any = (),
        cause: Any = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        """Write down what did not come from a stage's machine: with the line that raised it, or that called."""
        if self._deaf():
            return
        place = None
        if isinstance(cause, BaseException):
            place = raised(cause)
        elif kind in CALLED:
            place = _caller()
            if kind == "cast" and (caller := user_code()) is not None:
                data = {**(data or {}), "by": caller[0].co_qualname}
        self._tell(kind, process, peer, events, place, data)
        if kind in ENDS:
            self._waits.over(process)
            self._hand.pop(process, None)

    def _tell(
        self,
        kind: str,
        process: Any,
        peer: Any = None,
        what: Any = (),
        place: Place | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        """Write down a fact, after what was emitted before it, and those who have come to stand at an `await`."""
        if self._emitted:
            self._tell_emitted()
        waits = self._waits
        if waits.moved:
            for other, at in waits.standing(process):
                self._put("waits", other, place=at)
        waits.acted(process)
        self._put(kind, process, peer, what, place, data)

    def _tell_emitted(self) -> None:
        """Write down what a stage's callback has emitted, and its return before that, with the accounts of now."""
        emitted, self._emitted = self._emitted, []
        for stage, kind, subscription, what, data in emitted:
            self._tell(kind, stage, subscription, what, None, data)

    def _put(
        self,
        kind: str,
        process: Any,
        peer: Any = None,
        what: Any = (),
        place: Place | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        assert self._clock is not None, "attached to a run"
        core = getattr(process, "core", None)
        ledger = None if core is None else core.ledger()
        fact = kind, self._clock(), process, peer, what, place, data, ledger
        if self.listeners:
            self._read()  # what was written down while nobody listened
            with self._lock:
                self._make(fact, self.listeners)
            return
        self._facts.append(fact)
        if self._limit is not None and len(self._facts) >= self._limit:
            self._read()

    def _take(self, stage: Any, subscription: Subscription, events: Any) -> Any:
        """What was captured of a batch when it was sent: an event that changes is called there as it was sent."""
        sent = self._sent.get(subscription, ())
        while sent:
            batch, what = sent.popleft()
            if batch is events:
                break
        else:
            what = captured(events)
        self._hand[stage] = events, what
        return what

    def _in_hand(self, stage: Any, events: Any) -> Any:
        """What is captured of a batch that a stage took or handles: an event that changes is called as it came."""
        batch = self._hand.get(stage)
        if batch is None or batch[0] is not events:
            batch = self._hand[stage] = events, captured(events)
        return batch[1]

    def _read(self) -> None:
        """Make trace events, or lines of the file, of all facts."""
        with self._lock:
            facts = self._facts[:]
            del self._facts[: len(facts)]
            for fact in facts:
                self._make(fact, ())

    def _make(self, fact: Fact, listeners: Any) -> None:
        for event in self._reader.read(fact):
            if self._keep:
                self.events_kept.append(event)
            if self._file is not None:
                self._file.write(line_of(event))
            for listener in list(listeners):
                listener(event)


def _caller() -> Place | None:
    """The line of the user's that calls."""
    caller = user_code()
    return None if caller is None else (name_of(caller[0].co_filename), caller[1])


def _opened(path: str | Path) -> IO[str]:
    try:
        file = Path(path).open("w", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise SettingError(f"expected a trace file that can be written, got: {error}") from None
    file.write(HEADER)
    return file
