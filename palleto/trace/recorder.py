"""The recorder: an observer that hears of everything in a run, and makes a trace of it.

What a trace is, its kinds and its file, is told in `event.py`; what is written down while the run goes on in
`facts.py`; where in the user's code something happened in `source.py`.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from palleto.core import ASK, EVENTS, SUBSCRIBE, Message, Reason, Subscription
from palleto.errors import SettingError
from palleto.runtime import Consumer, Observer, Process, Stage, Supervisor, System, describe, is_crash, parent_of
from palleto.trace.event import HEADER, Trace, TraceEvent, carried, event_id, line_of
from palleto.trace.facts import ENDS, ENTRIES, FIELDS, JOINED, SETTLED, TOOK, Fact, Reader, captured
from palleto.trace.law import LawError
from palleto.trace.source import Place, name_of, raised, standing, user_code
from palleto.trace.waits import Waits

BLOCK = 512
"""Facts that wait before they are written to a file."""

CALLED = frozenset(
    {"cast", "said", "loop_started", "loop_killed", "receive", "delete", "visibility", "download", "request", "written"}
    | {"message", "sent", "fault", "report"}
)
"""Kinds whose line is that of the user's caller; the others' is told, or where the stage stood."""


class Recorder(Observer):
    """Hears of everything in a run and keeps it in `events`, or writes it to a file, or only passes it on.

    keep:    keep the events in memory (True by default; False for a run that never ends; a number: the first so many).
    file:    a path to write JSON Lines to, as the run goes: with `keep=False` memory stays bounded.
    strict:  raise LawError in the stage that breaks the law of the ledger; False: only mark the first event that
             breaks it and go on: an event "law" follows, before the stage takes its next message; its `data` say what
             is wrong, and the number of the event.
    Listeners added to `listeners` hear each TraceEvent as it happens. Two more lists cost next to nothing, as no trace
    event is made for them. Those in `on_consumed` hear of each batch that a consumer has handled: the consumer, and how
    many events; those in `on_note` of what is told to `note`: the kind, the events and the data. Those in `on_failure`
    hear once, if ever, of the SettingError that says why the file cannot be written any more; `failure` is that error.

    What nobody wants (no `keep`, no file, not `strict`, no listener) is not written down. Whoever begins to listen in
    the middle of such a run hears what happens from the next message on; the law is not checked there, as its accounts
    lack what happened before.
    """

    def __init__(self, *, keep: bool | int = True, file: str | Path | None = None, strict: bool = False) -> None:
        self._events = Trace()
        self.listeners: list[Callable[[TraceEvent], None]] = []
        self.on_consumed: list[Callable[[Process, int], None]] = []
        self.on_note: list[Callable[[str, Any, dict[str, Any]], None]] = []
        self.on_failure: list[Callable[[SettingError], None]] = []
        self.failure: SettingError | None = None
        self._keep = math.inf if keep is True else int(keep)
        self._strict = strict
        self._file = None if file is None else _opened(file)
        self._wanted = bool(keep) or strict or file is not None
        self._ending = False
        self._clock: Callable[[], float] = _no_clock
        self._now: float | None = None  # when the stage took the message that it is at
        self._reader = Reader()
        # Field after field: the garbage collector would look at a million tuples again and again.
        self._facts: list[Any] = []
        self._limit = BLOCK * FIELDS if self._file is not None else None
        self._lock = threading.RLock()  # the run's thread writes; any may read
        self._waits = Waits()
        # That a callback has returned, and what was emitted: told with the accounts that all of it leaves.
        self._returned: list[tuple[str, Any, Any, Any]] = []
        # Of each subscription the batches on their way, and what was captured of each.
        self._sent: dict[Subscription, deque[tuple[Any, Any]]] = {}
        self._hand: dict[Any, tuple[Any, Any]] = {}  # the batch that a stage took or handles, and the same
        self._shown: dict[Any, dict[str, Any]] = {}  # of each process that shows numbers, those told last
        self._supervisors: list[Process] = []  # of these, whose numbers stages and tasks change

    def __repr__(self) -> str:
        self._read()
        return f"<Recorder {self._reader.seq} events, the ledger {self.broken or 'adds up'}>"

    @property
    def events(self) -> Trace:
        """All events up to now. They are made when they are asked for: a million take a few seconds."""
        self._read()
        return self._events

    @property
    def broken(self) -> str | None:
        """What breaks the law of the ledger, in one line; None if nothing has."""
        self._read()
        return self._reader.law.broken

    def close(self) -> None:
        """Write what is to be written."""
        if self._file is not None:
            self._read()
        if self._file is not None:
            try:
                self._file.close()
            except OSError as error:
                self._cannot_write(self._file, error)
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
        if type(process).shown:
            self._shown[process] = {}
            if not hasattr(process, "core"):
                self._supervisors.append(process)
        if self._deaf():
            return
        function, more = getattr(process, "function", None), dict[str, Any]()
        if function is not None:  # a task: who starts it acts
            place, more["function"] = _caller(), getattr(function, "__qualname__", str(function))
        else:
            place = self._reader.entry(process, "init") or self._reader.entry(process, "__init__")
        if isinstance(process, Supervisor):
            budget = process.budget
            more |= {
                "strategy": process.strategy,
                "max_restarts": budget.max_restarts,
                "max_seconds": budget.max_seconds,
            }
        if (above := parent_of(process)) is not None and function is None:
            more["under"] = above.label
        self._tell("started", process, place=place, data={"class": type(process).__name__, **more})

    def ended(self, process: Process, reason: Reason) -> None:
        if self._shown.pop(process, None) is not None and process in self._supervisors:
            self._supervisors.remove(process)
        data = {"reason": describe(reason), **restarts_left(parent_of(process))}
        self._note("crash" if is_crash(reason) else "stopped", process, cause=reason, data=data)

    def restarted(self, process: Process, supervisor: Process, reason: Reason) -> None:
        self._note("restart", process, supervisor, data={"reason": describe(reason), **restarts_left(supervisor)})

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
        if not (self._wanted or self.listeners):
            self._reader.lacks = True
            return
        kind, about, what = message
        if kind == EVENTS:
            what = self._take(stage, about, what)
        elif kind != ASK:
            kind, about, what = self._took_other(stage, kind, about)
        if self._waits.coroutines:
            self._tell_waits(stage)
        core = stage.core
        now = self._now = self._clock()
        self._write((kind, now, stage, about, what, None, None, core.accounts(), core.forwarding))

    def called(self, stage: Stage, callback: str, argument: Any) -> None:
        if not (self._wanted or self.listeners):
            return
        data, what = None, ()
        if callback == "handle_events":
            what = self._in_hand(stage, argument)
        elif callback == "handle_demand":
            what = argument
        elif callback == "handle_cast":
            data = carried(argument)
        if self._returned:
            self._tell_returned(stage)
        if self._waits.coroutines:
            self._tell_waits(stage)
        self._write((callback, self._now or self._clock(), stage, None, what, None, data, stage.core.accounts(), True))

    def awaits(self, process: Process, coroutine: Any) -> None:
        if not self._deaf():
            self._waits.begun(process, coroutine)

    def returned(self, stage: Stage, callback: str, argument: Any) -> None:
        if self._wanted or self.listeners:
            self._now = None  # time may have passed since its stage took the message
            if self._waits.coroutines:
                self._waits.over(stage)
            if callback == "handle_events":
                self._returned.insert(0, ("handled", stage, None, self._in_hand(stage, argument)))
            elif callback == "handle_subscribe":
                self._write((JOINED, self._clock(), stage, None, (), None, None, stage.core.accounts(), True))
        if self.on_consumed and callback == "handle_events" and isinstance(stage, Consumer):
            for hear in self.on_consumed:
                hear(stage, len(argument))

    def sent(self, stage: Stage, to: Stage, message: Message) -> None:
        kind, subscription, events = message
        if kind == EVENTS and not self._deaf():
            what = captured(events)
            sent = self._sent.get(subscription)
            if sent is not None:
                sent.append((events, what))
            self._returned.append(("emitted", stage, subscription, what))

    def dropped(self, stage: Stage, events: Any) -> None:
        self._note("dropped", stage, events=captured(events))

    def settled(self, stage: Stage) -> None:
        if self._returned:
            self._tell_returned(stage)
        if self._shown and not self._deaf():
            self._tell_shown(stage)
        if self._strict:
            core, before = stage.core, self.broken
            self._write((SETTLED, self._clock(), stage, None, (), None, None, core.accounts(), core.forwarding))
            if before is None and (broken := self.broken) is not None:
                raise LawError(broken)

    def lost(self, process: Process, events: Any) -> None:
        if not self._returned:
            self.note("lost", process, events=list(events))
            return
        # It was emitted to a stage that has ended: told with what the callback emits, with the accounts after it.
        for hear in self.on_note:
            hear("lost", list(events), {})
        self._returned.append(("lost", process, None, captured(events)))

    def cast(self, sender: Process | None, receiver: Stage, message: Any) -> None:
        self.note("cast", sender, peer=receiver, events=message, **carried(message))

    def note(
        self, kind: str, process: Process | None, *, peer: Process | None = None, events: Any = (), **data: Any
    ) -> None:
        """Add one event to the trace. Its place is the line of the user's that calls, for kinds that a call causes."""
        if self._clock is _no_clock:
            _no_clock()
        for hear in self.on_note:
            hear(kind, events, data)
        self._note(kind, process, peer, events=captured(events) if events != () else (), data=data)

    # ---- how it is written down

    def _deaf(self) -> bool:
        """Whether nobody wants to know."""
        if self._wanted or self.listeners:
            return False
        self._reader.lacks = True
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
        """Write down what is not of a stage's machine, or of no process."""
        if self._returned:
            self._tell_returned(self._returned[0][1])
        if self._waits.coroutines:
            self._tell_waits(process)
        core = getattr(process, "core", None)
        accounts = None if core is None else core.accounts()
        self._write((kind, self._clock(), process, peer, what, place, data, accounts, True))

    def _tell_returned(self, stage: Any) -> None:
        """Write down that a callback has returned, and what was emitted, with the accounts that all of it has left."""
        returned, self._returned = self._returned, []
        if self._waits.coroutines:
            self._tell_waits(stage)
        now, accounts, write = self._clock(), stage.core.accounts(), self._write
        for kind, who, subscription, what in returned:
            left = accounts if who is stage else who.core.accounts()
            write((kind, now, who, subscription, what, None, None, left, True))

    def _tell_shown(self, stage: Any) -> None:
        """Write down which numbers have changed: the stage's own, and the supervisors'."""
        for process in (stage, *self._supervisors):
            told = self._shown.get(process)
            if told is None:
                continue
            numbers = {name: _number(getattr(process, name, None)) for name in type(process).shown}
            if numbers != told:
                accounts = stage.core.accounts() if process is stage else None
                at = stage if told else process  # first what its `init` has set
                self._write(("shown", self._clock(), process, at, (), None, numbers, accounts, True))
                self._shown[process] = numbers

    def _tell_waits(self, process: Any) -> None:
        """A process acts: before it, those who have come to stand at an `await` are told of."""
        for other, at in self._waits.standing(process):
            core = getattr(other, "core", None)
            accounts = None if core is None else core.accounts()
            self._write(("waits", self._clock(), other, None, (), at, None, accounts, True))
        self._waits.acted(process)

    def _write(self, fact: Fact) -> None:
        if self.listeners:
            self._read()  # what was written down while nobody listened
            with self._lock:
                self._make(fact, self.listeners)
            return
        self._facts.extend(fact)
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

    def _took_other(self, stage: Any, kind: str, about: Any) -> tuple[str, Any, tuple[()]]:
        """What is told of a message that brings neither events nor demand."""
        if kind not in ENTRIES:
            return TOOK, None, ()
        if about.producer is stage:
            self._sent.pop(about, None)
            if kind == SUBSCRIBE:
                self._sent[about] = deque()
        return kind, about, ()

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
            for at in range(0, len(facts), FIELDS):
                self._make(tuple(facts[at : at + FIELDS]), ())

    def _make(self, fact: Fact, listeners: Any) -> None:
        for event in self._reader.read(fact):
            if len(self._events) < self._keep:
                self._events.append(event)
            if self._file is not None:
                try:
                    self._file.write(line_of(event))
                except OSError as error:  # a full disk must not crash the stage that acts
                    self._cannot_write(self._file, error)
            for listener in list(listeners):
                listener(event)

    def _cannot_write(self, file: IO[str], error: OSError) -> None:
        """Write no more to the file, and say why."""
        self._file = None
        with suppress(OSError):
            file.close()
        self.failure = SettingError(
            f"cannot write the trace to {file.name}: {error.strerror}; choose another file with --trace"
        )
        for listener in self.on_failure:
            listener(self.failure)


def restarts_left(supervisor: Process | None) -> dict[str, int]:
    """How many restarts a supervisor has left now; nothing of what is none."""
    return {"left": supervisor.budget.left(supervisor.system.now())} if isinstance(supervisor, Supervisor) else {}


def _number(value: Any) -> Any:
    """A number as it is; what is none, as text."""
    return value if isinstance(value, int | float) else event_id(value)


def _no_clock() -> float:
    raise SettingError("expected a recorder that is attached to a run; give it to `running(recorder=...)`")


def _caller() -> Place | None:
    """The line of the user's that calls."""
    caller = user_code()
    return None if caller is None else (name_of(caller[0].co_filename), caller[1])


def _opened(path: str | Path) -> IO[str]:
    try:
        file = Path(path).open("w", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise SettingError(f"expected a trace file that can be written, got {path}: {error.strerror}") from None
    file.write(HEADER)
    return file
