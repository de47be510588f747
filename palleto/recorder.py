"""The recorder: it hears of everything in a run, adds it to the trace, and holds the accounts to the law of the ledger.

What a trace is, its kinds and its file, is told in `trace.py`; where in the user's code something happened, in
`source.py`. The runtime calls `message`, `effect`, `returned` and `settled` around each message of a stage, and `note`
for everything else; where no recorder listens, it calls nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import IO, TYPE_CHECKING, Any

from palleto.clock import stopwatch
from palleto.core import ConsumerCore, ProducerCore
from palleto.errors import SettingError
from palleto.law import Account, Law, LawError
from palleto.messages import Ask, Call, Cancel, Down, Drop, Effect, Events, Send, Subscribe
from palleto.source import Place, code_of, entry, exit_of, name_of, raised, standing, user_code
from palleto.trace import HEADER, VERSION, Trace, TraceEvent, carried, event_id, ids_of, line_of, load
from palleto.whereabouts import Whereabouts

if TYPE_CHECKING:
    from palleto.process import Process
    from palleto.runner import Runner as Stage
    from palleto.system import System

__all__ = ["VERSION", "Account", "LawError", "Recorder", "Trace", "TraceEvent", "event_id", "load"]

_CALLED = frozenset(
    {"cast", "said", "loop_started", "loop_killed", "receive", "delete", "visibility", "download", "request", "written"}
    | {"message", "sent", "fault", "report"}
)
"""Kinds whose line is that of the user's caller; the others' is told, or where the stage stood."""
_ENDS = frozenset({"stopped", "crash", "loop_ended"})
_NOTHING = [0, 0, 0, 0]
_STILL = {"before": _NOTHING, "after": _NOTHING}  # of a consumer, always
_NOWHERE: tuple[str | None, int | None] = (None, None)


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
        self.law = Law()
        self.broken: str | None = None
        self._last: dict[Process, dict[str, list[int]]] = {}  # the ledger of a producer's last event
        self._place: dict[Process, Place] = {}  # where a process acted last
        self._acting: dict[Process, CodeType | None] = {}  # the callback that a stage is in, or was in last
        self._whereabouts = Whereabouts()
        self._taken: dict[Process, int] = {}  # the number of the event at which a stage took its message
        self._codes: dict[tuple[type, str], CodeType | None] = {}
        self._named: tuple[Any, tuple[str, ...]] = ((), ())  # events and their ids: most batches are noted four times
        self._strict = strict
        self._keep = keep
        self._seq = 0
        self._now = 0.0  # run time of the last event
        self._ending = False
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
        self._ending = False
        self._system = system
        self._time = stopwatch(system)

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
        self._add(kind, process, peer, self._ids(events) if events != () else (), place, data)
        if kind in _ENDS and process is not None:
            self._forget(process, kind)

    def _add(
        self, kind: str, process: Any, peer: Any, ids: tuple[str, ...], place: Place | None, data: dict[str, Any]
    ) -> None:
        """Make the event. Every message comes here four times or more, so this is kept short."""
        if kind != "waits":
            if self._whereabouts:
                for other, at in self._whereabouts.standing(process):
                    if at != self._place.get(other):
                        self._add("waits", other, None, (), at, {})  # since the last event, or longer
            self._whereabouts.acted(process)
            self._now = round(self._time(), 6)
        ledger = None
        if process is not None:
            if place is not None:
                self._place[process] = place
            elif kind != "loop_killed":  # the end of the run kills a loop, no line of the user's
                place = self._place.get(process)
            core = getattr(process, "core", None)
            if core is not None:
                ledger = self._ledger(process, core) if isinstance(core, ProducerCore) else _STILL
        file, line = place or _NOWHERE
        event = TraceEvent(
            self._seq,
            self._now,
            "" if process is None else process.name or process.id,
            kind,
            None if peer is None else peer.name or peer.id,
            ids,
            ledger,
            file,
            line,
            data,
        )
        self._seq += 1
        if self._keep:
            self.events.append(event)
        if self._file is not None:
            self._file.write(line_of(event))
        for listener in self.listeners:
            listener(event)

    def ending(self) -> None:
        """The run's end begins; said once."""
        if not self._ending:
            self._ending = True
            self.note("drain", None)

    def _ids(self, events: Any) -> tuple[str, ...]:
        if events is not self._named[0]:
            self._named = events, ids_of(events)
        return self._named[1]

    def _ledger(self, stage: Any, core: ProducerCore) -> dict[str, list[int]]:
        """The accounts before and after an event. One that changes nothing shares its lists with the one before."""
        last, after = self._last.get(stage, _STILL), list(core.ledger())
        before = last["after"]
        if before != after:
            made = {"before": before, "after": after}
        elif last["before"] == after:  # every object less is one that the garbage collector need not look at
            return last
        else:
            made = {"before": before, "after": before}
        self._last[stage] = made
        return made

    def _forget(self, process: Process, kind: str) -> None:
        """Keep nothing of what has ended, as a run may start a million loops. A task's `loop_ended` comes last."""
        if kind == "loop_ended" or hasattr(process, "core"):
            parts: tuple[dict[Any, Any], ...] = (self._place, self._last, self._acting, self._taken)
            for kept in parts:
                kept.pop(process, None)
            self._whereabouts.over(process)
            self.law.forget(process)  # type: ignore[arg-type]

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
        self._add("started", process, None, (), place, {"class": type(process).__name__, **more})

    def runs(self, process: Process, coroutine: Any) -> None:
        """Something async of a process begins to run: a task's function, or a stage's callback."""
        self._whereabouts.begun(process, coroutine)

    def killed(self, task: Process, coroutine: Any) -> None:
        """A task is about to be cancelled where it stands."""
        at = standing(coroutine)
        data: dict[str, Any] = {} if at is None else {"at": list(at)}
        self.note("loop_killed", task, **data)
        if at is not None:
            self._place[task] = at

    def message(self, stage: Stage, message: Any) -> None:
        """A stage takes this message from its mailbox."""
        self._taken[stage] = self._seq
        self._acting[stage] = None
        if isinstance(message, Ask):
            self.law.asked(message)
            place = self._entry(stage, "handle_demand") or self._entry(stage, "handle_events")
            self._add("ask", stage, message.subscription.consumer, (), place, {"count": message.count})
        elif isinstance(message, Events):
            place = self._entry(stage, "handle_events")
            self._add("events", stage, message.subscription.producer, self._ids(message.events), place, {})
        elif isinstance(message, Subscribe | Cancel | Down):
            at = message.subscription
            peer = at.consumer if at.producer is stage else at.producer
            if isinstance(message, Subscribe):
                self.law.opened(at)
            elif at.producer is stage:
                self.law.closed(stage, at)
            callback = "handle_subscribe" if isinstance(message, Subscribe) else "handle_cancel"
            self._add(type(message).__name__.lower(), stage, peer, (), self._entry(stage, callback), {})

    def effect(self, stage: Stage, effect: Effect) -> None:
        """A stage is about to do this."""
        if isinstance(effect, Call):
            code = self._acting[stage] = self._code(stage, effect.callback)
            place = None if code is None else entry(code)
            if effect.callback == "handle_events":
                self._add("handle_events", stage, None, self._ids(effect.args[0]), place, {})
            elif effect.callback == "handle_demand":
                self._add("handle_demand", stage, None, (), place, {"count": effect.args[0]})
            elif effect.callback == "handle_cast":
                self._add("handle_cast", stage, None, (), place, dict(carried(effect.args[0])))
            else:
                self._add(effect.callback, stage, None, (), place, {})
        elif isinstance(effect, Send) and isinstance(effect.message, Events):
            self.law.sent(stage, effect.message)
            self._add("emitted", stage, effect.to, self._ids(effect.message.events), self._exit(stage), {})
        elif isinstance(effect, Drop):
            self.note("dropped", stage, events=list(effect.events))

    def returned(self, stage: Stage, call: Call) -> None:
        """A callback has returned."""
        self._whereabouts.over(stage)
        if call.callback == "handle_subscribe" and not isinstance(stage.core, ConsumerCore):
            self.law.joined(stage, self._last.get(stage, _STILL)["after"][1])
        if call.callback == "handle_events":
            last = isinstance(stage.core, ConsumerCore)
            self._add("handled", stage, None, self._ids(call.args[0]), self._exit(stage), {"last": last})

    def settled(self, stage: Stage) -> None:
        """A stage has done all that a message led to: its accounts must add up now."""
        if self.broken is not None:
            return
        wrong = self.law.check(stage)
        if wrong is not None:
            self.broken = wrong
            self.note("law", stage, text=wrong, seq=self._taken.get(stage, self._seq))
            if self._strict:
                raise LawError(wrong)

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
