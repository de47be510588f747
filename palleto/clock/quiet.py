"""The moment before virtual time moves: no task can run, and nothing has happened yet.

Whoever waits for it with `quiet` is served alone, sees a run that stands, and may change it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import Protocol

import anyio

from palleto.errors import SettingError


class Quiet:
    """Who waits for that moment, on one virtual clock."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, anyio.Event]] = deque()
        self.looks: dict[Callable[[], bool], None] = {}
        """Called, in order, when no task can run and nobody waits for that, outside of any task. One that returns True
        has done something: that is served before time moves, and it is called no more."""

    def due(self, now: float) -> bool:
        """Whether somebody waits for a time before `now`."""
        return any(since < now for since, _ in self._waiting)

    def wake(self, now: float) -> bool:
        """Called when no task can run: wake the first who waited for a time before `now`, or look at what stands.

        Returns False if time may move.
        """
        for one in self._waiting:
            since, event = one
            if since < now:
                self._waiting.remove(one)
                event.set()
                return True
        for look in self.looks:
            if look():
                del self.looks[look]
                return True
        return False

    async def wait(self, since: float) -> None:
        """Wait until no task can run, at a time after `since`."""
        event = anyio.Event()
        self._waiting.append((since, event))
        await event.wait()  # one that is cancelled is woken in vain


class Virtual(Protocol):
    """A virtual clock, as who waits sees it."""

    quiet: Quiet


virtual: ContextVar[Virtual] = ContextVar("palleto.clock.virtual")


def virtual_time() -> Virtual:
    """The virtual clock of the run that goes on. Raises SettingError if its time is not virtual."""
    try:
        return virtual.get()
    except LookupError:
        raise SettingError(
            "expected a run on virtual time, got another; start it with palleto.run(..., time='virtual')"
        ) from None


def is_virtual() -> bool:
    """Whether the time of the run that goes on is virtual."""
    return virtual.get(None) is not None


async def quiet(*, later: bool = False) -> None:
    """Wait until no task can run. Time has not moved then; later: it has, once or more, and stands again.

    Of several who wait, the first is served first, alone. Raises SettingError if time is not virtual.
    """
    await virtual_time().quiet.wait(anyio.current_time() if later else -math.inf)
