"""A run in a thread of its own: a notebook's thread has an event loop already, and Ctrl-C must end us, not the run."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from palleto import clock

__all__ = ["run_aside"]

T = TypeVar("T")


def run_aside(main: Callable[[], Awaitable[T]], time: Any = "real", backend: str = "asyncio") -> T:
    """What `palleto.clock.run` gives for `main`. What it raises is raised here."""
    found: list[T] = []
    failed: list[BaseException] = []

    def call() -> None:
        try:
            found.append(clock.run(main, backend=backend, time=time))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=call, name="palleto lab", daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]
