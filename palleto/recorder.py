"""The trace: everything that happens in a run, one event after the other, and the law of the ledger.

A trace event has these fields, and a trace file has one of them a line (JSON Lines), after a first line
`{"palleto_trace": 1}`, the version of this schema:

| field  | meaning |
|---|---|
| seq    | 0, 1, 2, ... |
| t      | seconds of run time, rounded to microseconds |
| stage  | the name, or the id, of the stage, task or supervisor that acted; "" for none |
| kind   | what happened, below |
| peer   | the name or id of the other one, or null |
| ids    | the ids of the events concerned: their `id` if they have one, else their text |
| ledger | null, or `{"before": [..], "after": [..]}` of the stage: [remembered, demand, buffered, dropped] |
| file   | the file of the user's code that acted, or null |
| line   | its line, or null |
| data   | whatever else belongs to the kind |

Kinds, in the words of GenStage, Broadway and SQS:

- subscribe, ask (data: count), events, cancel, down: a message was taken from a stage's mailbox
- handle_demand (count), handle_events, handle_cast, ...: a callback begins; handled: one ended
  (last: true in a consumer, whose events go no further)
- emitted: events went to a peer; dropped: a full buffer gave them up; lost: a crash did
- cast (text), said (text), report (text)
- started, stopped, crash, restart (reason): processes; loop_started, loop_killed, loop_crashed, loop_ended: tasks
- receive, delete, visibility, download, request (data): the cloud's door
"""

from __future__ import annotations

import inspect
import json
import os.path
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field, fields
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import IO, TYPE_CHECKING, Any, Literal

from palleto.core import ConsumerCore
from palleto.errors import PalletoError, SettingError
from palleto.messages import Ask, Call, Cancel, Down, Drop, Effect, Events, Send, Subscribe, Subscription, frozen
from palleto.outlet import Ledger

if TYPE_CHECKING:
    from palleto.process import Process
    from palleto.runner import Runner as Stage
    from palleto.system import System

VERSION = 1
_HERE = str(Path(__file__).parent)


class LawError(PalletoError):
    """The accounts of demand and events do not add up."""


@frozen
class TraceEvent:
    """One thing that happened. See the table above."""

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


_FIELDS = tuple(each.name for each in fields(TraceEvent))


def event_id(event: Any) -> str:
    """What an event is called in a trace: its `id` if it has one, else its text, at most 60 characters."""
    return str(getattr(event, "id", event))[:60]


_encode = json.JSONEncoder(default=str).encode
_base_name = lru_cache(maxsize=None)(os.path.basename)
NO_CODE: Literal["no code"] = "no code"
"""Palleto itself acts: there is no line of the user's to look for."""


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
    file:    a path to write JSON Lines to.
    strict:  raise LawError in the stage that breaks the law of the ledger; False: only mark the event
             (`data["law"]` says what is wrong) and go on.
    Listeners added to `listeners` hear each TraceEvent as it happens.
    """

    def __init__(self, *, keep: bool = True, file: str | Path | None = None, strict: bool = False) -> None:
        self.events: list[TraceEvent] = []
        self.listeners: list[Callable[[TraceEvent], None]] = []
        self.accounts: dict[Subscription, Account] = {}
        self.broken: str | None = None
        self._cancelled: dict[Stage, int] = {}
        self._unasked: dict[Stage, str] = {}
        self._last: dict[Process, list[int]] = {}
        self._strict = strict
        self._keep = keep
        self._batch: tuple[Any, tuple[str, ...]] = (), ()
        self._seq = 0
        self._system: System | None = None
        self._file: IO[str] | None = None
        if file is not None:
            try:
                self._file = Path(file).open("w", encoding="utf-8")  # noqa: SIM115
            except OSError as error:
                raise SettingError(f"expected a trace file that can be written, got: {error}") from None
            self._file.write(json.dumps({"palleto_trace": VERSION}) + "\n")

    def __repr__(self) -> str:
        return f"<Recorder {self._seq} events, the ledger {self.broken or 'adds up'}>"

    def attach(self, system: System) -> None:
        """Begin to listen to a run; times count from its start."""
        self._system = system

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
        code: CodeType | Literal["no code"] | None = None,
        **data: Any,
    ) -> None:
        """Add one event to the trace. `code`: the user's function that acts; else its caller's line is found."""
        ids = self._ids_of(events) if isinstance(events, list | tuple) else (event_id(events),)
        file, line = None, None
        if code is None:
            file, line = _user_line()
        elif code != NO_CODE:
            file, line = code.co_filename, code.co_firstlineno
        ledger = None
        core = getattr(process, "core", None)
        if core is not None and process is not None:
            after = list(core.ledger())
            before = self._last.get(process)
            ledger = {"before": list(Ledger()) if before is None else before, "after": after}
            self._last[process] = after
        if self._system is None:
            raise SettingError("expected a recorder that is attached to a run; give it to `running(recorder=...)`")
        event = TraceEvent(
            self._seq,
            round(self._system.now(), 6),
            process.label if process is not None else "",
            kind,
            peer.label if peer is not None else None,
            ids,
            ledger,
            None if file is None else _base_name(file),
            line,
            data,
        )
        self._seq += 1
        if self._keep:
            self.events.append(event)
        if self._file is not None:
            self._file.write(_encode({name: getattr(event, name) for name in _FIELDS}) + "\n")
        for listener in self.listeners:
            listener(event)

    def _ids_of(self, events: Any) -> tuple[str, ...]:
        """A batch is noted four times on its way: its ids are made once."""
        batch, ids = self._batch
        if batch is not events or len(ids) != len(events):
            ids = tuple(map(event_id, events))
            self._batch = events, ids
        return ids

    def message(self, stage: Stage, message: Any) -> None:
        """A stage takes this message from its mailbox."""
        if isinstance(message, Ask):
            self.accounts.setdefault(message.subscription, Account()).asked += message.count
            self.note("ask", stage, peer=message.subscription.consumer, code=NO_CODE, count=message.count)
        elif isinstance(message, Events):
            self.note("events", stage, peer=message.subscription.producer, events=message.events, code=NO_CODE)
        elif isinstance(message, Subscribe | Cancel | Down):
            at = message.subscription
            peer = at.consumer if at.producer is stage else at.producer
            if isinstance(message, Subscribe):
                self.accounts.setdefault(at, Account())
            elif at.producer is stage and at in self.accounts:
                self._cancelled[stage] = self._cancelled.get(stage, 0) + self.accounts.pop(at).outstanding
            self.note(type(message).__name__.lower(), stage, peer=peer)

    def effect(self, stage: Stage, effect: Effect) -> None:
        """A stage is about to do this."""
        if isinstance(effect, Call):
            events = effect.args[0] if effect.callback == "handle_events" else ()
            data = {"count": effect.args[0]} if effect.callback == "handle_demand" else {}
            self.note(effect.callback, stage, events=events, code=_code(getattr(stage, effect.callback)), **data)
        elif isinstance(effect, Send) and isinstance(effect.message, Events):
            account = self.accounts.setdefault(effect.message.subscription, Account())
            account.delivered += len(effect.message.events)
            if account.outstanding < 0:
                sent, asked = account.delivered, account.asked
                self._unasked[stage] = f"{effect.message.subscription} was sent {sent} events and had asked for {asked}"
            self.note("emitted", stage, peer=effect.to, events=effect.message.events, code=NO_CODE)
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
            self.note("handled", stage, events=call.args[0], code=_code(stage.handle_events), last=last)  # type: ignore[attr-defined]

    def settled(self, stage: Stage) -> None:
        """A stage has done all that a message led to: its accounts must add up now."""
        wrong = self.check(stage)
        if wrong is not None and self.broken is None:
            self.broken = wrong
            self.note("law", stage, text=wrong)
            if self._strict:
                raise LawError(wrong)

    def check(self, stage: Stage) -> str | None:
        """What breaks the law of the ledger at this stage, in one line; None if it holds."""
        core = stage.core
        if stage in self._unasked:
            return self._unasked[stage]
        outlet = getattr(core, "outlet", None)
        if outlet is None or not core.forwarding:  # type: ignore[attr-defined]
            return None
        ledger = core.ledger()
        excess = ledger.remembered - max(0, ledger.demand - ledger.buffered)
        if not 0 <= excess <= self._cancelled.get(stage, 0):
            return (
                f"{stage.label} remembers demand for {ledger.remembered} events, {ledger.demand} are wanted, "
                f"{ledger.buffered} are in its buffer, and {self._cancelled.get(stage, 0)} were cancelled"
            )
        return None


def _code(callback: Any) -> CodeType | None:
    """The code of a user's callback; None if it is Palleto's own default."""
    return _code_of(getattr(callback, "__func__", callback))


@lru_cache(maxsize=1000)
def _code_of(function: Any) -> CodeType | None:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return None if code is None or code.co_filename.startswith(_HERE) else code


def _user_line() -> tuple[str | None, int | None]:
    """File and line of the innermost caller that is not part of Palleto, if one is near."""
    frame = sys._getframe(2)
    for _ in range(12):
        if frame is None:
            break
        name, package = frame.f_code.co_filename, frame.f_globals.get("__name__", "").partition(".")[0]
        if not name.startswith(_HERE) and package != "contextlib":
            # The event loop drives Palleto's own tasks: no line of the user's acted then.
            inside = package in ("asyncio", "trio", "anyio", "outcome") or name.startswith("<")
            return (None, None) if inside else (name, frame.f_lineno)
        frame = frame.f_back  # type: ignore[assignment]
    return None, None


def load(path: str | Path) -> list[TraceEvent]:
    """Read a trace file. Raises SettingError, with the number of the line, for one that is broken, cut off or newer."""
    return list(_parse(Path(path)))


def _parse(path: Path) -> Iterator[TraceEvent]:
    try:
        lines: Iterable[str] = path.read_text(encoding="utf-8").splitlines() or [""]
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"expected a trace file, got: {error}") from None
    for number, line in enumerate(lines, 1):
        try:
            fields = json.loads(line)
            if number == 1:
                version = fields["palleto_trace"]
                if version != VERSION:
                    raise SettingError(
                        f"expected a trace of version {VERSION}, got version {version} in line 1 of {path}"
                    )
                continue
            fields["ids"] = tuple(fields["ids"])
            yield TraceEvent(**fields)
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, SettingError):
                raise
            raise SettingError(f"expected a trace event in line {number} of {path}, got: {line[:60]!r}") from None
