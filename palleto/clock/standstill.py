"""What ends a run on virtual time that stands still: no timer, no thread at work, and `GRACE` seconds of silence."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import anyio

from palleto.clock.quiet import Virtual, virtual
from palleto.errors import StandstillError

T = TypeVar("T")

GRACE = 0.5
"""Real seconds that virtual time, standing still, waits for the outside world before it gives up."""


class Ending(Virtual, Protocol):
    """A virtual clock, as who is to be ended sees it: it cancels `scope`."""

    scope: anyio.CancelScope | None

    def enter(self) -> None:
        """Called in the run, before anything else."""


async def guard(main: Callable[[], Awaitable[T]], find: Callable[[], Ending]) -> T:
    """Run `main` so that virtual time can end it by cancelling, as a deadline does. `find`: the run's virtual clock."""
    ending = find()
    ending.enter()
    virtual.set(ending)
    with anyio.CancelScope() as ending.scope:
        return await main()
    raise StandstillError
