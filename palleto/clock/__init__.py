"""How a run's time goes: real, N times faster, or virtual; `run` chooses.

Read in this order:

    run            the rules
    now            the time of the run that goes on
    quiet          the moment before virtual time moves
    standstill     what ends a run on virtual time in which nothing can happen
    asyncio_time   asyncio's event loop with a clock of its own
    trio_time      the same for trio

This is the only package that uses what asyncio, anyio and trio do not document; each use names its reason.
"""

from palleto.clock.now import asyncio_loop, now_of
from palleto.clock.quiet import is_virtual, quiet, virtual_time
from palleto.clock.run import run
from palleto.errors import StandstillError

__all__ = ["StandstillError", "asyncio_loop", "is_virtual", "now_of", "quiet", "run", "virtual_time"]
