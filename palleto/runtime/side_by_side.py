"""The same for each of several things, at one time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio

T = TypeVar("T")
R = TypeVar("R")


async def side_by_side(function: Callable[[T], Awaitable[R]], things: Sequence[T]) -> list[R]:
    """What `await function(thing)` returns for each of the things, in their order; they are all awaited at one time.

    The first that raises cancels the others, and its exception is raised as it is. One thing alone is awaited right
    here, without a task.
    """
    if len(things) == 1:
        return [await function(things[0])]
    results: dict[int, R] = {}
    error: Exception | None = None

    async def one(number: int, thing: T) -> None:
        nonlocal error
        try:
            results[number] = await function(thing)
        except Exception as caught:
            error = error or caught
            tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        for number, thing in enumerate(things):
            tasks.start_soon(one, number, thing)
    if error is not None:
        raise error
    return [results[number] for number in range(len(things))]
