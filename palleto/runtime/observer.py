"""Who watches a run: an observer is told what happens, when it happens. Each method is optional.

    class Counter(Observer):
        def returned(self, stage, callback, argument):
            print(stage.label, callback)

    async with running(top, recorder=Counter()):
        ...

Its methods are called in the run's own thread, in the middle of what happens: they must be quick, must not await, and
what they raise is a crash of the stage or task that they were told of. What is observed does not know the observer;
a run that nobody observes pays for one `if` a message. `palleto.trace.Recorder` is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from palleto.core import Message, Reason
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

    def sent(self, stage: Any, to: Any, message: Message) -> None:
        """A stage puts a message into the mailbox of another."""

    def dropped(self, stage: Any, events: Sequence[Any]) -> None:
        """A stage's buffer was full, and it has given these events up; `lost` follows."""

    def settled(self, stage: Any) -> None:
        """A stage has done all that a message led to."""

    def lost(self, process: Process, events: Sequence[Any]) -> None:
        """A crash or a full buffer has lost these events."""

    # ---- what users and libraries say

    def cast(self, sender: Process | None, receiver: Any, message: Any) -> None:
        """A message of the user's own is put into the mailbox of a stage."""

    def note(self, kind: str, process: Process | None, *, events: Any = (), **data: Any) -> None:
        """Somebody in the run tells of something: `say` of a line, the door to the cloud of a request, ..."""
