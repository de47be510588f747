"""Threads for calls that block: as many as there are calls at one time, which is its caller's to limit.

`anyio.to_thread` does the same on every backend, and on trio it is what is used. On asyncio a call through it switches
tasks five times and costs 60 us; step 9 makes five calls a file. Here it is one switch and half of that.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

from anyio import CapacityLimiter, WouldBlock, to_thread
from anyio.lowlevel import checkpoint_if_cancelled

T = TypeVar("T")

Item = tuple[Context, Callable[[], Any], Any, Any]  # where to call what, the future that waits for it, and its loop


class Threads:
    """Worker threads of one event loop. They end when that has closed; a call that is left behind ends when it will."""

    def __init__(self) -> None:
        self._items: SimpleQueue[Item | None] = SimpleQueue()
        # Futures, results and errors, and whether the thread waits for another item: none does once all is closed.
        self._done: deque[tuple[Any, Any, BaseException | None, bool]] = deque()
        self._closing = Lock()
        self._waking = False  # one wake serves all that are done by then: each costs the loop two waits for the lock
        self._idle = 0  # threads that wait for an item, less the items that wait: the event loop's to count
        self._closed = False
        self._elsewhere = CapacityLimiter(math.inf)

    def __repr__(self) -> str:
        return f"<Threads {self._idle} idle>"

    async def call(self, function: Callable[[], T]) -> T:
        """What the function returns or raises. A caller that is cancelled leaves the thread behind."""
        loop = _asyncio_loop()
        if loop is None:
            return await to_thread.run_sync(function, limiter=self._elsewhere, abandon_on_cancel=True)
        future = loop.create_future()
        if self._idle == 0:
            Thread(target=self._work, name="palleto blocking", daemon=True).start()
        else:
            self._idle -= 1
        self._items.put((copy_context(), function, future, loop))
        result: T = await future
        return result

    def close(self) -> None:
        """Let the threads end, each when it has nothing to do."""
        with self._closing:
            self._closed = True
        self._settle()
        for _ in range(self._idle):
            self._items.put(None)
        self._idle = 0

    def _work(self) -> None:
        while (item := self._items.get()) is not None:
            context, function, future, loop = item
            result, error = None, None
            try:
                result = context.run(function)
            except BaseException as caught:
                error = caught
            with self._closing:
                stays = not self._closed
                self._done.append((future, result, error, stays))
            if not self._waking:  # else the loop is about to look
                self._waking = True
                try:
                    loop.call_soon_threadsafe(self._settle)
                except RuntimeError:  # the loop has closed: nobody waits any more
                    return
            if not stays:  # nobody would tell it to end
                return
            del item, context, function, future, result, error  # hold nothing while there is nothing to do

    def _settle(self) -> None:
        """In the event loop: give the callers what came of their calls; who is done from now on wakes it anew."""
        self._waking = False
        while self._done:
            future, result, error, stays = self._done.popleft()
            if not self._closed:
                self._idle += 1
            elif stays:
                self._items.put(None)
            if future.cancelled():
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)


def _asyncio_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop, if asyncio runs the current task. A trio that is its guest has a loop around it, but no task."""
    try:
        return asyncio.get_running_loop() if asyncio.current_task() is not None else None
    except RuntimeError:
        return None


class turn:  # noqa: N801 - reads as a verb: `async with turn(limiter)`
    """Hold a place of the limiter in the block. Who is cancelled already gets none; a free one takes no switch."""

    def __init__(self, limiter: CapacityLimiter) -> None:
        self._limiter = limiter

    async def __aenter__(self) -> None:
        await checkpoint_if_cancelled()
        try:
            self._limiter.acquire_nowait()
        except WouldBlock:
            await self._limiter.acquire()

    async def __aexit__(self, *exception: object) -> None:
        self._limiter.release()
