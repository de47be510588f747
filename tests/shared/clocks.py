"""What the tests of the clock share: the kinds of time, a run on virtual time, and a thread."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from palleto import clock

T = TypeVar("T")
MODES: list[Any] = ["real", "virtual", 1000]


def virtual(main: Callable[[], Awaitable[T]], backend: str, seed: int | None = None) -> T:
    return clock.run(main, backend=backend, time="virtual", seed=seed)


@contextmanager
def thread(function: Callable[[], object]) -> Iterator[None]:
    """A thread that neither anyio nor the clock knows of."""
    worker = threading.Thread(target=function)
    worker.start()
    try:
        yield
    finally:
        worker.join()


async def fail() -> None:
    raise ZeroDivisionError
