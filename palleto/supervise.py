"""Supervisors: they start processes in order, start them again when they crash, and stop them in reverse order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, ClassVar

import anyio

from palleto.child import Child, child
from palleto.errors import NotFoundError, PalletoError, RestartError, SettingError
from palleto.messages import Reason
from palleto.process import Process, describe
from palleto.restart import Budget, Restart, Strategy, affected, restarts
from palleto.system import Quits, System, _actor


class Supervisor(Process):
    """Starts its children in order; restarts those that end, by its strategy, until its budget is spent.

    strategy:     "one_for_one" restarts the child that ended; "rest_for_one" that and those after it; "one_for_all"
                  all.
    max_restarts: 0 or more in any `max_seconds` of run time; 3 in 5 by default. Over that, it stops all its children
                  and fails with RestartError, which its own supervisor sees as a crash.
    """

    strategy: Strategy = "one_for_one"
    max_restarts: int = 3
    max_seconds: float = 5.0

    def __init__(
        self,
        children: Iterable[Child] = (),
        *,
        name: str | None = None,
        strategy: Strategy | None = None,
        max_restarts: int | None = None,
        max_seconds: float | None = None,
    ) -> None:
        self.children = list(children)
        if name is not None:
            self.name = name
        self.strategy = self.strategy if strategy is None else strategy
        if self.strategy not in ("one_for_one", "rest_for_one", "one_for_all"):
            raise SettingError(f"expected strategy to be one_for_one, rest_for_one or one_for_all, got: {strategy!r}")
        self._budget = Budget(
            self.max_restarts if max_restarts is None else max_restarts,
            self.max_seconds if max_seconds is None else max_seconds,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.label} {self.strategy}, {len(self.children)} children>"

    def start(self, system: System, parent: Quits) -> None:
        self._exits: deque[tuple[Process, Reason]] = deque()
        self._wake = anyio.Event()
        self._stopping: Reason | None = None
        self._started: dict[Process, Child] = {}  # whose process: among ten thousand, one is found at once
        super().start(system, parent)
        system.tasks.start_soon(self._watch, name=self.label)
        try:
            for spec in self.children:
                self._started[spec.start(system, self)] = spec
        except BaseException:
            self._stopping = "shutdown"  # those that run already are stopped
            self._wake.set()
            raise

    def start_child(self, spec: Child) -> Process:
        """Start one more child, after all others."""
        process = spec.start(self.system, self)
        self._started[process] = spec
        self.children.append(spec)
        return process

    async def stop_child(self, process: Process) -> None:
        """Stop a child and forget it. Raises NotFoundError if it is not this supervisor's."""
        spec = self._started.pop(process, None)
        if spec is None or spec.process is not process:
            raise NotFoundError(f"expected a child of {self}, got: {process}")
        self.children.remove(spec)
        await process.end("shutdown")

    def child_exited(self, child: Process, reason: Reason) -> None:
        """A child ended: handled by this supervisor's own task, one exit after the other."""
        self._exits.append((child, reason))
        self.busy = True
        self._wake.set()

    async def end(self, reason: Reason = "shutdown") -> None:
        if self.running:
            self._stopping = self._stopping or reason
            self._wake.set()
            await self.wait()

    async def _watch(self) -> None:
        try:
            while self._stopping is None:
                self.busy = bool(self._exits)  # a child may have ended before this task began
                self.system.look_idle()
                await self._wake.wait()
                self._wake = anyio.Event()
                while self._exits and self._stopping is None:
                    await self._replace(*self._exits.popleft())
        finally:  # also where the whole run is cancelled: then nobody is restarted any more
            with anyio.CancelScope(shield=True):
                for spec in reversed(self.children):
                    if spec.process is not None:
                        await spec.process.end("shutdown")
            self.exited(self._stopping or "shutdown")

    async def _replace(self, process: Process, reason: Reason) -> None:
        """Restart for a child that ended, as its terms and the strategy say."""
        ended = self._started.pop(process, None)
        if ended is None or ended.process is not process:  # stopped on purpose, or restarted for another's sake already
            return
        if not restarts(ended.restart, reason):
            if ended.restart == "temporary":
                self.children.remove(ended)
            return
        specs = [ended]
        if self.strategy != "one_for_one":
            places = affected(self.strategy, self.children.index(ended), len(self.children))
            specs = [self.children[place] for place in places]
        if not self._budget.spend(self.system.now()):
            self._stopping = RestartError(
                f"expected at most {self._budget.max_restarts} restarts in {self._budget.max_seconds:g} s under "
                f"{self.label}, got one more; the last to end was {process.label}: {describe(reason)}"
            )
            return
        for spec in reversed(specs):
            if spec.process is not None:
                await spec.process.end("shutdown")
                if spec.restart == "temporary" and spec.process in self._started:
                    del self._started[spec.process]
                    self.children.remove(spec)
        for spec in specs:
            if self._stopping is not None or (len(specs) > 1 and spec not in self.children):
                continue  # temporary, or stopped for good meanwhile
            try:
                started = spec.start(self.system, self)
                self._started[started] = spec
                if self.system.recorder is not None:
                    self.system.recorder.note("restart", started, peer=self, reason=describe(reason))
            except Exception as error:
                # A crash like any other. Those that ended meanwhile come first: it may have needed one of them.
                failed = spec.process or process
                self._started[failed] = spec
                self._exits.append((failed, error))
                return


class Task(Process):
    """One supervised run of an `async` function, from `TaskSupervisor.start_task`."""

    longest_wait: ClassVar[float] = 30.0

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], restart: Restart, *, busy: bool = False
    ) -> None:
        self.function, self.args, self.restart = function, args, restart
        self.busy = busy  # True: a drain waits for it
        self.killed = False
        self._scope = anyio.CancelScope()
        self._attempt = anyio.CancelScope()

    def start(self, system: System, parent: Quits) -> None:
        super().start(system, parent)
        system.tasks.start_soon(self._run, name=self.label)

    def kill(self) -> None:
        """Cancel it. It ends at its next `await` that can be cancelled; `wait` waits for that."""
        if self.running and not self.killed:
            self.killed = True
            self._scope.cancel()
            if self.system.recorder is not None:
                self.system.recorder.note("loop_killed", self)

    def crash(self) -> None:
        """Let its function fail at its next `await`, as an error in it would."""
        self._attempt.cancel()

    async def end(self, reason: Reason = "shutdown") -> None:
        if self.running:
            self.kill()
            await self.wait()

    async def _run(self) -> None:
        _actor.set(self)
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
        reported: set[str] = set()
        for attempt in count():
            try:
                with anyio.CancelScope() as self._attempt:
                    await self.function(*self.args)
                if self._attempt.cancelled_caught:
                    raise PalletoError("crashed on purpose")
                return "normal"
            except Exception as error:
                if self.restart == "temporary":
                    raise
                if describe(error) not in reported:
                    reported.add(describe(error))
                    self.system.report(f"{self.label} is started again after {describe(error)}")
                if self.system.recorder is not None:
                    self.system.recorder.note("loop_crashed", self, reason=describe(error))
                wait = min(self.longest_wait, 0.1 * 2 ** min(attempt, 20))
                await anyio.sleep(wait * (1 - self.system.random.random() / 2))
        raise AssertionError("unreachable")


class TaskSupervisor(Process):
    """Tasks that come and go: start one, list them, kill one.

    A task that is "temporary" (the default) ends when its function does, however. One that is "transient" runs its
    function again, from the beginning, after a crash: after a wait that doubles from 0.1 s up to 30 s of run time, up
    to half of it taken off by chance. Each kind of crash is reported once.

    Its tasks are taken for sources of work: a drain kills them and starts no more.
    """

    def start(self, system: System, parent: Quits) -> None:
        self._tasks: dict[str, Task] = {}
        self._closed = False
        super().start(system, parent)

    @property
    def tasks(self) -> list[Task]:
        """The tasks that run, oldest first; a killed one that has not ended yet is not among them."""
        return [task for task in self._tasks.values() if not task.killed]

    def start_task(self, function: Callable[..., Any], *args: Any, restart: Restart = "temporary") -> Task:
        """Start `function(*args)` as a task and return it. During a drain it is killed before it begins."""
        task = Task(function, args, restart)
        task.start(self.system, self)
        self._tasks[task.id] = task
        if self.system.recorder is not None:
            self.system.recorder.note("loop_started", task, peer=self)
        if self._closed:
            task.kill()
        return task

    def child_exited(self, child: Process, reason: Reason) -> None:
        """A task ended."""
        del self._tasks[child.id]
        if self.system.recorder is not None:
            self.system.recorder.note("loop_ended", child, peer=self, reason=describe(reason))

    def drain(self) -> None:
        self._closed = True
        for task in self.tasks:
            task.kill()

    async def end(self, reason: Reason = "shutdown") -> None:
        if self.running:
            self.drain()
            for task in list(self._tasks.values()):
                await task.wait()
            self.exited(reason)


__all__ = ["Child", "Supervisor", "Task", "TaskSupervisor", "child"]
