"""First steps of async callbacks on trio: the same as eager.py makes on asyncio, for the same reason.

A trio task is stepped by nobody but trio: what it runs is fixed when it is made. But trio asks one variable which task
runs, and a task that waits is known by one thing, the function that breaks its wait off. So while a stage's task rests
in a wait of its own, the pump makes the first step of a callback with the variable set to that task. If the callback
then waits, its wait takes the place of the task's: whoever ends or cancels it wakes the task, which hands on to the
callback what it was woken with. trio cannot tell this from a task that made the step itself, and neither can the
callback; only trio's instruments do not hear of the step.

None of this is public in trio, so `trio_eager` looks whether all is in its place; if not, the task makes all steps.
"""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

import trio

from palleto.runtime.eager import Eager


class TrioStanding:
    """A coroutine whose first step has been made, and what it yielded."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], trap: Any) -> None:
        self.coroutine, self.trap = coroutine, trap
        self.received: Any = None
        """What its wait ended with; None: the trap is still to be yielded."""

    def __await__(self) -> Generator[Any, Any, Any]:
        coroutine, trap, received = self.coroutine, self.trap, self.received
        try:
            if received is not None:
                trap = coroutine.send(received)
            while True:
                try:
                    received = yield trap
                except BaseException as error:
                    trap = coroutine.throw(error)
                else:
                    trap = coroutine.send(received)
        except StopIteration as stop:
            return stop.value


class TrioEager(Eager):
    """On trio, the pump sets who runs (`running.task`), and how its wait is broken off."""

    def __init__(self, running: Any, wait: Any, aborted: Callable[[], None]) -> None:
        self._running, self._wait, self._aborted = running, wait, aborted
        self._task: Any = trio.lowlevel.current_task()
        self._run = self._task.context.run
        self._awake = True
        self._standing: TrioStanding | None = None

    def rest(self) -> Awaitable[None]:
        self._awake, self._standing = False, None
        return self._resting()

    @types.coroutine
    def _resting(self) -> Generator[Any, Any, None]:
        received = yield self._wait(self._abort)
        self._awake = True
        if self._standing is None:
            received.unwrap()
        else:
            self._standing.received = received

    def _abort(self, raise_cancel: Any) -> Any:
        self._awake = True
        self._aborted()
        return trio.lowlevel.Abort.SUCCEEDED

    def wake(self) -> None:
        if not self._awake and self._standing is None:
            self._awake = True
            trio.lowlevel.reschedule(self._task)

    def step(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        if self._awake:  # cancelled a moment ago: the task begins it, and it hears of that
            return coroutine
        running, task = self._running, self._task
        pump, running.task = running.task, task
        task._abort_func = None  # as of a task that runs
        try:
            trap = self._run(coroutine.send, None)
        except StopIteration as stop:
            return stop.value
        else:
            standing = TrioStanding(coroutine, trap)
            if type(trap) is self._wait:
                self._standing = standing
            return standing
        finally:
            running.task = pump
            if self._standing is None:
                task._abort_func = self._abort
            else:
                task._abort_func = trap.abort_func
                task._schedule_points += 1
                task._cancel_points += 1
            task._attempt_delivery_of_any_pending_cancel()


def trio_eager(aborted: Callable[[], None]) -> TrioEager | None:
    """First steps for the current task; None where this trio is not as we know it."""
    task: Any = trio.lowlevel.current_task()
    try:
        from trio._core._run import GLOBAL_RUN_CONTEXT as RUNNING
        from trio._core._traps import WaitTaskRescheduled
    except ImportError:
        return None
    needed = ("_abort_func", "_attempt_delivery_of_any_pending_cancel", "_schedule_points", "_cancel_points")
    known = all(hasattr(task, name) for name in needed) and getattr(RUNNING, "task", None) is task
    return TrioEager(RUNNING, WaitTaskRescheduled, aborted) if known else None
