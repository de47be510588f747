"""The first step of an async callback, made on the spot: most callbacks that could wait do not, and need no switch.

A switch of tasks costs asyncio 2.5 microseconds and its event loop's look at the operating system; a callback that does
not wait costs 0.3. So the pump makes the first step of the callback itself, but in the name of the stage's own task and
in that task's context: whatever the callback enters (a timeout, a task group, a cancel scope) belongs to that task. If
the callback waits, its task takes it over where it stands. This file is for asyncio; trio_eager.py is for trio.

`asyncio._enter_task` and `_leave_task` are what Python's documentation ("Extending") gives to other kinds of tasks.
"""

from __future__ import annotations

import sys
import types
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any


class Standing:
    """A coroutine whose first step has been made, and that waits for `waits_for` now."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], waits_for: Any, context: Context) -> None:
        self.coroutine, self.waits_for, self.context = coroutine, waits_for, context
        if hasattr(waits_for, "_asyncio_future_blocking"):  # a future, which has to be told that it was taken in hand
            waits_for._asyncio_future_blocking = False
        self.error: BaseException | None = None

    def throw(self, error: BaseException) -> None:
        """Raise `error` in it, where it stands, once it is awaited."""
        self.error = error

    def __await__(self) -> Generator[Any, Any, Any]:
        coroutine, waits_for, error = self.coroutine, self.waits_for, self.error
        while True:
            if error is None:
                if hasattr(waits_for, "_asyncio_future_blocking"):
                    waits_for._asyncio_future_blocking = True  # as its own `await` left it
                try:
                    yield waits_for
                except BaseException as thrown:
                    error = thrown
            try:
                if error is None:
                    waits_for = self.context.run(coroutine.send, None)
                else:
                    waits_for = self.context.run(coroutine.throw, error)
            except StopIteration as stop:
                return stop.value
            error = None


class Eager(ABC):
    """Makes first steps in the name of the task that it is made in. Only the pump may ask for them."""

    @abstractmethod
    def rest(self) -> Awaitable[None]:
        """Wait for `wake`, or for a callback that waits. Awaited in the task itself."""

    @abstractmethod
    def wake(self) -> None:
        """Let the task go on, at once, or when the callback that waits can."""

    @abstractmethod
    def step(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """What the coroutine returns, or an awaitable, with which the task goes on, if it waits."""

    def first(self, callback: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """The callback, and its first step if it is async: what it returns, or an awaitable."""
        step = self.step

        def call(argument: Any) -> Any:
            result = callback(argument)
            return step(result) if result.__class__ is types.CoroutineType else result

        return call


class AsyncioEager(Eager):
    """On asyncio, a task may be entered and left by whoever steps its coroutine."""

    def __init__(self) -> None:
        import asyncio

        task = asyncio.current_task()
        assert task is not None, "made in a task"
        self._loop, self._task, self._context = asyncio.get_running_loop(), task, copy_context()
        self._enter: Callable[[Any, Any], None] = asyncio._enter_task
        self._leave: Callable[[Any, Any], None] = asyncio._leave_task
        self._pump: Any = None
        self._resting: Any = None

    async def rest(self) -> None:
        self._resting = self._loop.create_future()
        await self._resting

    def wake(self) -> None:
        if not self._resting.done():
            self._resting.set_result(None)

    def step(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        loop, task, pump = self._loop, self._task, self._pump
        if pump is None:
            import asyncio

            pump = self._pump = asyncio.current_task()
        self._leave(loop, pump)
        self._enter(loop, task)
        try:
            return Standing(coroutine, self._context.run(coroutine.send, None), self._context)
        except StopIteration as stop:
            return stop.value
        finally:
            self._leave(loop, task)
            self._enter(loop, pump)


def asyncio_loop() -> Any:
    """The event loop, if asyncio runs the current task. A trio that is its guest has a loop around it, but no task."""
    asyncio = sys.modules.get("asyncio")  # not imported for the asking: trio does without
    loop = None if asyncio is None else asyncio._get_running_loop()
    return None if loop is None or asyncio is None or asyncio.current_task() is None else loop


def eager(aborted: Callable[[], None]) -> Eager | None:
    """First steps for the current task; None where its backend does not allow them.

    aborted: may be called when the task's rest is cancelled: it takes no more callbacks over.
    """
    if asyncio_loop() is not None:
        return AsyncioEager()
    from palleto.runtime.trio_eager import trio_eager

    return trio_eager(aborted)
