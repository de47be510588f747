"""Who watches a run: an observer is told what happens, when it happens. Each method is optional.

    class Counter(Observer):
        def returned(self, stage, callback, argument):
            print(stage.label, callback)

    async with running(top, observers=[Counter()]):
        ...

Its methods are called in the run's own thread, in the middle of what happens: they must be quick, must not await, and
what they raise is a crash of the stage or task that they were told of (over `sent`, `dropped` and `lost` once the stage
has done what its message leads to: nothing of a batch is forgotten). Those that are told of none (`attached`,
`ending`, `turns`) must not raise. What is observed does not know the observer; a run that nobody observes pays for one
`if` a message. `palleto.trace.Recorder` is one, `palleto.trace.otel.OpenTelemetry` another.

Of several, each is told of all: first the recorder, then the others in the order given. What one of them raises keeps
nothing back from those after it; then the first error is raised. A method that an observer does not override costs a
run with several observers nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from palleto.core import Message, Reason
from palleto.errors import SettingError
from palleto.runtime.process import Process


class Observer:
    """What happened, and when it is called."""

    # ---- the run

    def attached(self, system: Any) -> None:
        """A run (a `System`) begins, with this observer."""

    def ending(self) -> None:
        """The run's end begins: its sources are told to stop. May be called more than once."""

    def turns(self) -> None:
        """Stages are about to take their turns; something else may have run before."""

    # ---- processes

    def started(self, process: Process) -> None:
        """A process begins to run; its `init` is called next."""

    def ended(self, process: Process, reason: Reason) -> None:
        """A process has ended, or could not start."""

    def restarted(self, process: Process, supervisor: Process, reason: Reason) -> None:
        """A supervisor has started this process for one that ended."""

    def task_started(self, task: Process, supervisor: Process) -> None:
        """A task supervisor has started a task."""

    def task_killed(self, task: Process, coroutine: Any) -> None:
        """A task is about to be cancelled; `coroutine` is what it runs, if it has begun."""

    def task_crashed(self, task: Process, error: Exception, again: float) -> None:
        """A task's function has crashed, and will be run again at run time `again`, in seconds."""

    def task_ended(self, task: Process, supervisor: Process, reason: Reason) -> None:
        """A task supervisor hears that a task of its own has ended."""

    # ---- a stage: `took`, then for each callback `called` and `returned`, with what it leads to, then `settled`

    def took(self, stage: Any, message: Message) -> None:
        """A stage takes a message from its mailbox."""

    def called(self, stage: Any, callback: str, argument: Any) -> None:
        """A callback is about to be called."""

    def awaits(self, process: Process, coroutine: Any) -> None:
        """Something async begins to run: a task's function, or what a stage's callback returned."""

    def returned(self, stage: Any, callback: str, argument: Any) -> None:
        """A callback has returned, and what it returned was taken: what it emitted has been `sent` already."""

    def handled(self, stage: Any, events: Sequence[Any]) -> None:
        """A ConsumerSupervisor is through with these events: their children have ended normally."""

    def sent(self, stage: Any, to: Any, message: Message) -> None:
        """A stage puts a message into the mailbox of another."""

    def dropped(self, stage: Any, events: Sequence[Any]) -> None:
        """A stage's buffer was full, and it has given these events up; `lost` follows."""

    def settled(self, stage: Any) -> None:
        """A stage has done all that a message led to."""

    def lost(self, process: Process, events: Sequence[Any]) -> None:
        """These events are lost: `events` is a `Lost`, and its `why` says why."""

    # ---- what users and libraries say

    def cast(self, sender: Process | None, receiver: Any, message: Any) -> None:
        """A message of the user's own is put into the mailbox of a stage."""

    def note(self, kind: str, process: Process | None, *, events: Any = (), **data: Any) -> None:
        """Somebody in the run tells of something: `say` of a line, the door to the cloud of a request, ..."""


class Observers(Observer):
    """Several observers, told of everything in their order."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self.observers = tuple(observers)
        for name in METHODS:
            heard = [
                getattr(one, name) for one in self.observers if getattr(type(one), name) is not vars(Observer)[name]
            ]
            if heard:
                setattr(self, name, heard[0] if len(heard) == 1 else partial(_tell_all, heard))

    def __repr__(self) -> str:
        return f"<Observers {list(self.observers)}>"


METHODS = tuple(name for name in vars(Observer) if not name.startswith("_"))


def _tell_all(heard: Sequence[Callable[..., None]], *told: Any, **data: Any) -> None:
    """Tell each; then raise the first error that one of them has raised."""
    failed: Exception | None = None
    for hear in heard:
        try:
            hear(*told, **data)
        except Exception as error:
            failed = failed or error
    if failed is not None:
        raise failed


def one_of(recorder: Observer | None, observers: Iterable[Observer]) -> Observer | None:
    """Whom a run tells: none, the only one, or all. Raises SettingError for what is no observer."""
    told = [*([] if recorder is None else [recorder]), *observers]
    for one in told:
        if not isinstance(one, Observer):
            raise SettingError(f"expected an observer, such as Recorder(), got: {one!r:.60}")
    if len(told) > 1:
        return Observers(told)
    return told[0] if told else None
