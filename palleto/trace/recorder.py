"""The recorder: it hears of everything in a run, adds it to the trace, and holds the accounts to the law of the ledger.

What a trace is, its kinds and its file, is told in `trace.py`; where in the user's code something happened, in
`source.py`. The runtime calls `message`, `effect`, `returned` and `settled` around each message of a stage, and `note`
for everything else; where no recorder listens, it calls nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from palleto.core import (
    Ask,
    Call,
    Cancel,
    ConsumerCore,
    Core,
    Down,
    Drop,
    Effect,
    Events,
    ProducerCore,
    Send,
    Subscribe,
)
from palleto.errors import SettingError
from palleto.runtime.express import Express
from palleto.trace.bystander import bystander
from palleto.trace.event import HEADER, VERSION, Trace, TraceEvent, carried, event_id, load
from palleto.trace.kept import kept, kept_of
from palleto.trace.law import Account, Law, LawError
from palleto.trace.narrator import ENDS, TAKEN
from palleto.trace.source import Place, exit_of, name_of, raised, standing, user_code
from palleto.trace.tape import Tape, clock_of
from palleto.trace.witness import witness

if TYPE_CHECKING:
    from palleto.runtime.process import Process
    from palleto.runtime.runner import Runner as Stage
    from palleto.runtime.system import System

__all__ = ["VERSION", "Account", "LawError", "Recorder", "Trace", "TraceEvent", "event_id", "load"]

_CALLED = frozenset(
    {"cast", "said", "loop_started", "loop_killed", "receive", "delete", "visibility", "download", "request", "written"}
    | {"message", "sent", "fault", "report"}
)
"""Kinds whose line is that of the user's caller; the others' is told, or where the stage stood."""


class Recorder:
    """Hears of everything in a run and keeps it in `events`, or writes it to a file, or only passes it on.

    keep:    keep the events in memory (True by default; False for a run that never ends).
    file:    a path to write JSON Lines to, as the run goes: with `keep=False` memory stays bounded.
    strict:  raise LawError in the stage that breaks the law of the ledger; False: only mark the first event that
             breaks it (an event "law" follows; its `data` say what is wrong, and the number of the event) and go on.
    Listeners added to `listeners` hear each TraceEvent as it happens. Two more lists cost next to nothing, as no trace
    event is made for them. Those in `on_consumed` hear of each batch that a consumer has handled: the consumer, and how
    many events; those in `on_note` of what is told to `note`: the kind, the events and the data.

    What nobody wants (no `keep`, no file, not `strict`, no listener) is not heard: such a run is almost as fast as one
    without a recorder. Whoever begins to listen in its middle hears what happens from the next message on; the law is
    not checked there, as its accounts lack what happened before.
    """

    def __init__(self, *, keep: bool = True, file: str | Path | None = None, strict: bool = False) -> None:
        self.law = Law()
        self.broken: str | None = None
        self._strict = strict
        self._wanted = keep or strict or file is not None
        self._missed = False  # something that the accounts of the law lack
        self._ending = False
        self._system: System | None = None
        self.tape = Tape(keep, None if file is None else _opened(file))
        self.listeners = self.tape.listeners
        self.on_consumed: list[Callable[[Process, int], None]] = []
        self.on_note: list[Callable[[str, Any, dict[str, Any]], None]] = []

    def __repr__(self) -> str:
        self.tape.catch_up()
        return f"<Recorder {self.tape.narrator.seq} events, the ledger {self.broken or 'adds up'}>"

    @property
    def events(self) -> Trace:
        """All events up to now. They are made when they are asked for: a million take a second or two."""
        self.tape.catch_up()
        return self.tape.events

    def attach(self, system: System) -> None:
        """Begin to listen to a run; times count from its start."""
        self._ending = False
        self._system = system
        self.tape.start(*clock_of(system))

    def close(self) -> None:
        """Write what is to be written."""
        self.tape.close()

    def express(self, core: Core, stage: Any, callbacks: dict[str, Callable[..., Any]]) -> Express:
        """What takes a recorded stage's messages where nothing is out of the ordinary."""
        if not self._wanted:
            return bystander(core, stage, callbacks, self.listeners, self.on_consumed)
        return witness(core, stage, callbacks, self.tape, self.law.accounts, self.on_consumed)

    def _deaf(self) -> bool:
        """Whether nobody wants to know."""
        if self._wanted or self.listeners:
            return False
        self._missed = True
        return True

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
        for hear in self.on_note:
            hear(kind, events, data)
        if not self._deaf():
            self._note(kind, process, peer, events, place, cause, data)

    def _note(
        self,
        kind: str,
        process: Process | None,
        peer: Process | None = None,
        events: Any = (),
        place: Place | None = None,
        cause: Any = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        data = {} if data is None else data
        if isinstance(cause, BaseException):
            place = raised(cause)
        elif place is None and kind in _CALLED:
            caller = user_code()
            if caller is not None:
                place = name_of(caller[0].co_filename), caller[1]
                if kind == "cast":
                    data["by"] = caller[0].co_qualname
        self._add(kind, process, peer, kept(events) if events != () else (), place, data)
        if kind in ENDS:
            self.tape.whereabouts.over(process)
        if kind in ENDS and hasattr(process, "core"):
            self.tape.acting.pop(process, None)
            self.tape.hand.pop(process, None)
            self.law.forget(process)  # type: ignore[arg-type]

    def _add(
        self, kind: str, process: Any, peer: Any, ids: tuple[Any, ...], place: Place | None, data: dict[str, Any]
    ) -> None:
        """Put it on the tape, after those who have come to stand at an `await` before it."""
        whereabouts = self.tape.whereabouts
        if whereabouts.moved:
            for other, at in whereabouts.standing(process):
                self._put("waits", other, None, (), at, {})
        whereabouts.acted(process)
        self._put(kind, process, peer, ids, place, data)

    def _put(
        self, kind: str, process: Any, peer: Any, ids: tuple[Any, ...], place: Place | None, data: dict[str, Any]
    ) -> None:
        """Put it on the tape, with the accounts of this moment."""
        core = getattr(process, "core", None)
        accounts = None if core is None else core.ledger() if isinstance(core, ProducerCore) else ()
        self.tape.put(kind, process, peer, ids, place, data, accounts)

    def ending(self) -> None:
        """The run's end begins; said once."""
        if not self._ending:
            self._ending = True
            self._note("drain", None)

    def started(self, process: Process) -> None:
        """A process begins to run; its `init` is called next."""
        if self._deaf():
            return
        function = getattr(process, "function", None)
        if function is not None:  # a task: who starts it acts
            caller = user_code()
            place = None if caller is None else (name_of(caller[0].co_filename), caller[1])
            more = {"function": getattr(function, "__qualname__", str(function))}
        else:
            place, more = self._entry(process, "init") or self._entry(process, "__init__"), {}
        self._add("started", process, None, (), place, {"class": type(process).__name__, **more})

    def runs(self, process: Process, coroutine: Any) -> None:
        """Something async of a process begins to run: a task's function, or a stage's callback."""
        if self._deaf():
            return
        self.tape.whereabouts.begun(process, getattr(coroutine, "coroutine", coroutine))  # of one that stands: eager.py

    def killed(self, task: Process, coroutine: Any) -> None:
        """A task is about to be cancelled where it stands."""
        if self._deaf():
            return
        at = standing(coroutine)
        data: dict[str, Any] = {} if at is None else {"at": list(at)}
        self._note("loop_killed", task, data=data)

    def turns(self) -> None:
        """Stages are about to take their turns, one after the other; something else ran before that."""
        self.tape.since = None

    def message(self, stage: Stage, message: Any, ids: Any = None) -> None:
        """A stage takes this message from its mailbox. `ids`: what was kept of its events when they were sent."""
        if self._deaf():
            return
        tape = self.tape
        tape.acting[stage] = None
        if isinstance(message, Ask):
            self.law.asked(message)
            place = self._entry(stage, "handle_demand") or self._entry(stage, "handle_events")
            self._add("ask", stage, message.subscription.consumer, (), place, {"count": message.count})
        elif isinstance(message, Events):
            place = self._entry(stage, "handle_events")
            if ids is None:
                ids = kept_of(self.law.accounts.get(message.subscription), message.events)
            tape.hand[stage] = message.events, ids
            self._add("events", stage, message.subscription.producer, ids, place, {})
        elif isinstance(message, Subscribe | Cancel | Down):
            at = message.subscription
            peer = at.consumer if at.producer is stage else at.producer
            if isinstance(message, Subscribe):
                self.law.opened(at)
            elif at.producer is stage:
                self.law.closed(stage, at)
            callback = "handle_subscribe" if isinstance(message, Subscribe) else "handle_cancel"
            self._add(type(message).__name__.lower(), stage, peer, (), self._entry(stage, callback), {})
        else:
            tape.put(TAKEN, stage, None, (), None, None, None)

    def effect(self, stage: Stage, effect: Effect) -> None:
        """A stage is about to do this."""
        if self._deaf():
            return
        if isinstance(effect, Call):
            self.tape.acting[stage] = effect.callback
            place = self._entry(stage, effect.callback)
            if effect.callback == "handle_events":
                self._add("handle_events", stage, None, self.tape.in_hand(stage, effect.args[0]), place, {})
            elif effect.callback == "handle_demand":
                self._add("handle_demand", stage, None, (), place, {"count": effect.args[0]})
            elif effect.callback == "handle_cast":
                self._add("handle_cast", stage, None, (), place, dict(carried(effect.args[0])))
            else:
                self._add(effect.callback, stage, None, (), place, {})
        elif isinstance(effect, Send) and isinstance(effect.message, Events):
            ids = kept(effect.message.events)
            self.law.sent(stage, effect.message).note(effect.message.events, ids)
            self._add("emitted", stage, effect.to, ids, self._exit(stage), {})
        elif isinstance(effect, Drop):
            self._note("dropped", stage, events=list(effect.events))

    def returned(self, stage: Stage, call: Call) -> None:
        """A callback has returned."""
        last = call.callback == "handle_events" and isinstance(stage.core, ConsumerCore)
        if not self._deaf():
            self._returned(stage, call, last)
        if last:
            for hear in self.on_consumed:
                hear(stage, len(call.args[0]))

    def _returned(self, stage: Stage, call: Call, last: bool) -> None:
        self.tape.whereabouts.over(stage)
        if call.callback == "handle_subscribe" and not isinstance(stage.core, ConsumerCore):
            self.tape.read(heard=True)
            self.law.joined(stage, self.tape.narrator.demand_of(stage))
        if call.callback == "handle_events":
            self._add("handled", stage, None, self.tape.in_hand(stage, call.args[0]), self._exit(stage), {"last": last})

    def settled(self, stage: Stage) -> None:
        """A stage has done all that a message led to: its accounts must add up now."""
        if self._deaf() or self._missed or self.broken is not None:
            return
        wrong = self.law.check(stage)
        if wrong is not None:
            self.broken = wrong
            self._note("law", stage, data={"text": wrong})
            if self._strict:
                raise LawError(wrong)

    # ---- where in the user's code

    def _entry(self, stage: Process, callback: str) -> Place | None:
        return self.tape.narrator.entry(stage, callback)

    def _exit(self, stage: Stage) -> Place | None:
        callback = self.tape.acting.get(stage)
        code = None if callback is None else self.tape.narrator.code(stage, callback)
        return None if code is None else exit_of(code)


def _opened(path: str | Path) -> IO[str]:
    try:
        file = Path(path).open("w", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise SettingError(f"expected a trace file that can be written, got: {error}") from None
    file.write(HEADER)
    return file
