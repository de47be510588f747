"""The recorder: it hears of everything in a run, adds it to the trace, and holds the accounts to the law of the ledger.

What a trace is, its kinds and its file, is told in `trace.py`; where in the user's code something happened, in
`source.py`. The runtime calls `message`, `effect`, `returned` and `settled` around each message of a stage, and `note`
for everything else; where no recorder listens, it calls nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import IO, TYPE_CHECKING, Any

from palleto.core import ConsumerCore, ProducerCore
from palleto.errors import PalletoError, SettingError
from palleto.messages import Ask, Call, Cancel, Down, Drop, Effect, Events, Send, Subscribe, Subscription
from palleto.source import Place, code_of, entry, exit_of, name_of, raised, standing, user_code
from palleto.trace import HEADER, VERSION, Trace, TraceEvent, carried, event_id, line_of, load

if TYPE_CHECKING:
    from palleto.process import Process
    from palleto.stage import Stage
    from palleto.system import System

__all__ = ["VERSION", "Account", "LawError", "Recorder", "Trace", "TraceEvent", "event_id", "load"]

_CALLED = frozenset(
    {"cast", "said", "loop_started", "loop_killed", "receive", "delete", "visibility", "download", "request", "written"}
    | {"message", "sent"}
)
"""Kinds whose line is that of the user's caller; the others' is told, or where the stage stood."""
_NOTHING = [0, 0, 0, 0]


class LawError(PalletoError):
    """The accounts of demand and events do not add up."""


class Account:
    """One subscription as its producer has seen it: what was asked, and what was delivered."""

    __slots__ = ("asked", "delivered")

    def __init__(self) -> None:
        self.asked = 0
        self.delivered = 0

    @property
    def outstanding(self) -> int:
        """Asked and not delivered."""
        return self.asked - self.delivered


class Recorder:
    """Hears of everything in a run and keeps it in `events`, or writes it to a file, or only passes it on.

    keep:    keep the events in memory (True by default; False for a run that never ends).
    file:    a path to write JSON Lines to, as the run goes: with `keep=False` memory stays bounded.
    strict:  raise LawError in the stage that breaks the law of the ledger; False: only mark the first event that
             breaks it (an event "law" follows; its `data` say what is wrong, and the number of the event) and go on.
    Listeners added to `listeners` hear each TraceEvent as it happens.
    """

    def __init__(self, *, keep: bool = True, file: str | Path | None = None, strict: bool = False) -> None:
        self.events = Trace()
        self.listeners: list[Callable[[TraceEvent], None]] = []
        self.accounts: dict[Subscription, Account] = {}
        self.broken: str | None = None
        self._cancelled: dict[Stage, int] = {}
        self._unasked: dict[Stage, str] = {}
        self._last: dict[Process, list[int]] = {}  # the ledger that a stage's last event left
        self._place: dict[Process, Place] = {}  # where a process acted last
        self._acting: dict[Process, CodeType | None] = {}  # the callback that a stage is in, or was in last
        self._taken: dict[Process, int] = {}  # the number of the event at which a stage took its message
        self._codes: dict[tuple[type, str], CodeType | None] = {}
        self._named: tuple[Any, tuple[str, ...]] = ((), ())  # events and their ids: most batches are noted four times
        self._strict = strict
        self._keep = keep
        self._seq = 0
        self._system: System | None = None
        self._time: Callable[[], float] = lambda: 0.0
        self._file: IO[str] | None = None
        if file is not None:
            try:
                self._file = Path(file).open("w", encoding="utf-8")  # noqa: SIM115
            except OSError as error:
                raise SettingError(f"expected a trace file that can be written, got: {error}") from None
            self._file.write(HEADER)

    def __repr__(self) -> str:
        return f"<Recorder {self._seq} events, the ledger {self.broken or 'adds up'}>"

    def attach(self, system: System) -> None:
        """Begin to listen to a run; times count from its start."""
        self._system = system
        self._time = _clock(system)

    def close(self) -> None:
        """Write what is to be written."""
        if self._file is not None:
            self._file.close()
            self._file = None

    # ---- what the runtime tells

    def note(
        self,
        kind: str,
        process: Process | None,
        *,
        peer: Process | None = None,
        events: Any = (),
        place: Place | None = None,
        cause: Any = None,
        **data: Any,
    ) -> None:
        """Add one event to the trace.

        place: where in the user's code; cause: what was raised there. Without either it is the line of the user's
        that calls, for kinds that a call causes, and else where the process acted last.
        """
        if self._system is None:
            raise SettingError("expected a recorder that is attached to a run; give it to `running(recorder=...)`")
        if isinstance(cause, BaseException):
            place = raised(cause)
        elif place is None and kind in _CALLED:
            caller = user_code()
            if caller is not None:
                place = name_of(caller[0].co_filename), caller[1]
                if kind == "cast":
                    data["by"] = caller[0].co_qualname
        ledger = None
        if process is not None:
            if place is not None:
                self._place[process] = place
            elif kind != "loop_killed":  # the end of the run kills a loop, no line of the user's
                place = self._place.get(process)
            core = getattr(process, "core", None)
            if core is not None:
                after = list(core.ledger()) if isinstance(core, ProducerCore) else _NOTHING
                ledger = {"before": self._last.get(process, _NOTHING), "after": after}
                self._last[process] = after
        event = TraceEvent(
            self._seq,
            round(self._time(), 6),
            "" if process is None else process.name or process.id,
            kind,
            None if peer is None else peer.name or peer.id,
            self._ids(events) if events != () else (),
            ledger,
            *(place or (None, None)),
            data,
        )
        self._seq += 1
        if self._keep:
            self.events.append(event)
        if self._file is not None:
            self._file.write(line_of(event))
        for listener in self.listeners:
            listener(event)
        if kind in ("stopped", "crash", "loop_ended") and process is not None:
            self._forget(process, kind)

    def _ids(self, events: Any) -> tuple[str, ...]:
        if events is not self._named[0]:
            plural = isinstance(events, list | tuple)
            self._named = events, tuple(map(event_id, events)) if plural else (event_id(events),)
        return self._named[1]

    def _forget(self, process: Process, kind: str) -> None:
        """Keep nothing of what has ended: a run may start a million loops. (A task's `loop_ended` comes last.)"""
        if kind == "loop_ended" or hasattr(process, "core"):
            for kept in (self._place, self._last, self._acting, self._taken, self._cancelled, self._unasked):
                kept.pop(process, None)  # type: ignore[arg-type]

    def started(self, process: Process) -> None:
        """A process begins to run; its `init` is called next."""
        function = getattr(process, "function", None)
        if function is not None:  # a task: who starts it acts
            caller = user_code()
            place = None if caller is None else (name_of(caller[0].co_filename), caller[1])
            more = {"function": getattr(function, "__qualname__", str(function))}
        else:
            code = self._code(process, "init") or self._code(process, "__init__")
            place, more = None if code is None else entry(code), {}
        self.note("started", process, place=place, **{"class": type(process).__name__, **more})

    def killed(self, task: Process, coroutine: Any) -> None:
        """A task is about to be cancelled where it stands."""
        at = standing(coroutine)
        self.note("loop_killed", task, **({} if at is None else {"at": list(at)}))
        if at is not None:
            self._place[task] = at

    def message(self, stage: Stage, message: Any) -> None:
        """A stage takes this message from its mailbox."""
        self._taken[stage] = self._seq
        self._acting[stage] = None
        if isinstance(message, Ask):
            self.accounts.setdefault(message.subscription, Account()).asked += message.count
            place = self._entry(stage, "handle_demand") or self._entry(stage, "handle_events")
            self.note("ask", stage, peer=message.subscription.consumer, place=place, count=message.count)
        elif isinstance(message, Events):
            place = self._entry(stage, "handle_events")
            self.note("events", stage, peer=message.subscription.producer, events=message.events, place=place)
        elif isinstance(message, Subscribe | Cancel | Down):
            at = message.subscription
            peer = at.consumer if at.producer is stage else at.producer
            if isinstance(message, Subscribe):
                self.accounts.setdefault(at, Account())
            elif at.producer is stage and at in self.accounts:
                self._cancelled[stage] = self._cancelled.get(stage, 0) + self.accounts.pop(at).outstanding
            callback = "handle_subscribe" if isinstance(message, Subscribe) else "handle_cancel"
            self.note(type(message).__name__.lower(), stage, peer=peer, place=self._entry(stage, callback))

    def effect(self, stage: Stage, effect: Effect) -> None:
        """A stage is about to do this."""
        if isinstance(effect, Call):
            code = self._acting[stage] = self._code(stage, effect.callback)
            place = None if code is None else entry(code)
            if effect.callback == "handle_events":
                self.note("handle_events", stage, events=effect.args[0], place=place)
            elif effect.callback == "handle_demand":
                self.note("handle_demand", stage, place=place, count=effect.args[0])
            elif effect.callback == "handle_cast":
                self.note("handle_cast", stage, place=place, events=(), **carried(effect.args[0]))
            else:
                self.note(effect.callback, stage, place=place)
        elif isinstance(effect, Send) and isinstance(effect.message, Events):
            account = self.accounts.setdefault(effect.message.subscription, Account())
            account.delivered += len(effect.message.events)
            if account.outstanding < 0:
                sent, asked = account.delivered, account.asked
                self._unasked[stage] = f"{effect.message.subscription} was sent {sent} events and had asked for {asked}"
            self.note("emitted", stage, peer=effect.to, events=effect.message.events, place=self._exit(stage))
        elif isinstance(effect, Drop):
            self.note("dropped", stage, events=list(effect.events))

    def returned(self, stage: Stage, call: Call) -> None:
        """A callback has returned."""
        if call.callback == "handle_subscribe" and not isinstance(stage.core, ConsumerCore):
            # A broadcast goes as fast as its slowest: who joins it takes back what it had told already.
            withdrawn = self._last[stage][1] - stage.core.ledger().demand
            self._cancelled[stage] = self._cancelled.get(stage, 0) + max(0, withdrawn)
        if call.callback == "handle_events":
            last = isinstance(stage.core, ConsumerCore)
            self.note("handled", stage, events=call.args[0], place=self._exit(stage), last=last)

    def settled(self, stage: Stage) -> None:
        """A stage has done all that a message led to: its accounts must add up now."""
        if self.broken is not None:
            return
        wrong = self.check(stage)
        if wrong is not None:
            self.broken = wrong
            self.note("law", stage, text=wrong, seq=self._taken.get(stage, self._seq))
            if self._strict:
                raise LawError(wrong)

    def check(self, stage: Stage) -> str | None:
        """What breaks the law of the ledger at this stage, in one line; None if it holds."""
        core = stage.core
        if stage in self._unasked:
            return self._unasked[stage]
        if not isinstance(core, ProducerCore) or not core.forwarding:
            return None
        ledger = core.ledger()
        excess = ledger.remembered - max(0, ledger.demand - ledger.buffered)
        if not 0 <= excess <= self._cancelled.get(stage, 0):
            return (
                f"{stage.label} remembers demand for {ledger.remembered} events, {ledger.demand} are wanted, "
                f"{ledger.buffered} are in its buffer, and {self._cancelled.get(stage, 0)} were cancelled"
            )
        return None

    # ---- where in the user's code

    def _code(self, process: Process, name: str) -> CodeType | None:
        """The code of a callback, if it is the user's; looked up once for a class, as callbacks are its own."""
        key = type(process), name
        if key not in self._codes:
            self._codes[key] = code_of(getattr(process, name, None))
        return self._codes[key]

    def _entry(self, stage: Stage, callback: str) -> Place | None:
        code = self._code(stage, callback)
        return None if code is None else entry(code)

    def _exit(self, stage: Stage) -> Place | None:
        code = self._acting.get(stage)
        return None if code is None else exit_of(code)


def _clock(system: System) -> Callable[[], float]:
    """Seconds since the start of a run. anyio's own `current_time` asks which backend runs, each time: 1 µs."""
    try:
        time = asyncio.get_running_loop().time
    except RuntimeError:
        return system.now
    start = system.started
    return lambda: time() - start
