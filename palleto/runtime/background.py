"""Something that runs beside a block of code and ends with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.abc import TaskGroup


@asynccontextmanager
async def background(*functions: Callable[[], Coroutine[Any, Any, Any]]) -> AsyncIterator[TaskGroup]:
    """Run `functions` beside the block and cancel them at its end. An error of the block arrives as itself.

    Yields the task group, to start more in. An error of a function cancels the block and is raised in an
    ExceptionGroup, as from any task group.
    """
    error: Exception | None = None
    async with anyio.create_task_group() as tasks:
        for function in functions:
            tasks.start_soon(function)
        try:
            yield tasks
        except Exception as caught:
            error = caught
        tasks.cancel_scope.cancel()
    if error is not None:
        raise error
