"""Tasks under a supervisor: `async` functions that come and go, and are run again after a crash, ever more slowly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import anyio

from palleto.core import Reason
from palleto.errors import PalletoError
from palleto.runtime.actor import act_as, actor
from palleto.runtime.kinds import Subscribes
from palleto.runtime.process import Home, Parent, Process, describe, require_running
from palleto.runtime.supervisor import Restart
from palleto.runtime.system import System


class Task(Process):
    """One supervised run of an `async` function, from `TaskSupervisor.start_task`."""

    longest_wait: ClassVar[float] = 30.0
    patience: float = 0.0
    """Seconds that it may take to finish when it is asked to end, before it is cancelled."""

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        restart: Restart,
        *,
        busy: bool = False,
        reported: set[str] | None = None,
    ) -> None:
        self.function, self.args, self.restart = function, args, restart
        self._busy = busy  # True: a drain waits for it
        self.killed = False
        self._scope = anyio.CancelScope()
        self._attempt = anyio.CancelScope()
        self._coroutine: Any = None
        self._crashes = 0  # in a row
        self._reported: set[str] = set() if reported is None else reported  # kinds of crash, once each

    def start(self, system: Home, parent: Parent) -> None:
        assert isinstance(system, System)
        self._begun = anyio.Event()
        super().start(system, parent)
        if (starter := actor()) is not None and (owner := system.owners.get(starter, starter)).running:
            system.owners[self] = owner  # of a task that a task started: whose that one is
        system.expects(self, 1)
        system.pump.holds.append(self._begun)
        system.tasks.start_soon(self._run, name=self.label)

    def looks_for_events(self) -> bool:
        """Whether it is a source of work: not a timer, or the like, of a stage that events still come to."""
        owner = self.system.owners.get(self)
        return not isinstance(owner, Subscribes) or owner in self.system.drained or not owner.running

    def is_busy(self) -> bool:
        return self._busy

    def is_ending(self) -> bool:
        return self.killed

    def kill(self) -> None:
        """Cancel it. It ends at its next `await` that can be cancelled; `wait` waits for that."""
        if self.running and not self.killed:
            self.killed = True
            self._scope.cancel()
            if self.system.observer is not None:
                self.system.observer.task_killed(self, self._coroutine)

    def crash(self) -> None:
        """Let its function fail at its next `await`, as an error in it would."""
        self._attempt.cancel()

    def progressed(self) -> None:
        """What its function does goes well again: the wait after its next crash is the shortest."""
        self._crashes = 0

    async def end(self, reason: Reason = "shutdown") -> None:
        if self.running:
            if self.patience > 0:
                with anyio.move_on_after(self.patience):
                    await self.wait()
            self.kill()
            await self.wait()

    async def _run(self) -> None:
        act_as(self)
        self._begun.set()  # the stage that started it goes on when this task comes to its first `await`
        reason: Reason = "shutdown"  # of a kill
        try:
            if not self.killed:  # else its function would run up to its first `await`
                with self._scope:
                    reason = await self._attempts()
        except Exception as error:
            reason = error
        finally:
            self.exited(reason)

    async def _attempts(self) -> Reason:
        """Run the function; after a crash, if it is not temporary, again and again, each time after a longer wait."""
        while True:
            try:
                with anyio.CancelScope() as self._attempt:
                    self._coroutine = self.function(*self.args)
                    if self.system.observer is not None:
                        self.system.observer.awaits(self, self._coroutine)
                    await self._coroutine
                if self._attempt.cancelled_caught:
                    raise PalletoError("crashed on purpose")
                return "normal"
            except Exception as error:
                if self.restart == "temporary":
                    raise
                if self.killed:
                    return "shutdown"
                self._say_once(error)
                wait = min(self.longest_wait, 0.1 * 2 ** min(self._crashes, 20)) * (1 - self.system.random.random() / 2)
                self._crashes += 1
                if self.system.observer is not None:
                    self.system.observer.task_crashed(self, error, self.system.now() + wait)
                await anyio.sleep(wait)

    def _say_once(self, error: Exception) -> None:
        """Report a crash, if no task of the same supervisor has crashed like that."""
        operation, code = getattr(error, "operation", None), getattr(error, "code", None)
        kind = f"{operation} {code}" if operation and code else describe(error)  # the text of one may name a port
        if kind not in self._reported:
            self._reported.add(kind)
            self.system.report(line := f"{self.label} is started again after {describe(error)}")
            self.system.log(self, line, error)


class TaskSupervisor(Process):
    """Tasks that come and go: start one, list them, kill one.

    A task that is "temporary" (the default) ends when its function does, however. One that is "transient" runs its
    function again, from the beginning, after a crash: after a wait that doubles from 0.1 s up to 30 s of run time, up
    to half of it taken off by chance. Each kind of crash is reported once, whichever task it is that crashes.

    Its tasks are taken for sources of work: a drain kills them and starts no more. Those that a consumer or
    producer-consumer has started, in its `init` or in a callback, are its timers: they run until it is done.
    """

    def start(self, system: Home, parent: Parent) -> None:
        self._tasks: dict[str, Task] = {}
        self._closed = self._ending = False
        self._reported: set[str] = set()
        super().start(system, parent)

    @property
    def tasks(self) -> list[Task]:
        """The tasks that run, oldest first; a killed one that has not ended yet is not among them."""
        return [task for task in self._tasks.values() if not task.killed]

    def start_task(self, function: Callable[..., Any], *args: Any, restart: Restart = "temporary") -> Task:
        """Start `function(*args)` as a task and return it. During a drain it is killed before it begins.

        Raises NotFoundError if this supervisor does not run.
        """
        require_running(self, "start a task")
        task = Task(function, args, restart, reported=self._reported)
        task.start(self.system, self)
        self._tasks[task.id] = task
        if self.system.observer is not None:
            self.system.observer.task_started(task, self)
        if self._ending or (self._closed and task.looks_for_events()):
            task.kill()
        return task

    def child_exited(self, child: Process, reason: Reason) -> None:
        """A task ended."""
        del self._tasks[child.id]
        try:
            if self.system.observer is not None:
                self.system.observer.task_ended(child, self, reason)
        except Exception as error:  # a crash of the task, which has ended already
            self.system.report(f"{child.label} crashed: {describe(error)}")

    def drain(self) -> None:
        self._closed = True
        for task in self.tasks:
            if task.looks_for_events():
                task.kill()

    async def end(self, reason: Reason = "shutdown") -> None:
        if self.running:
            self._ending = True
            for task in self.tasks:
                task.kill()
            for task in list(self._tasks.values()):
                await task.wait()
            self.exited(reason)
