"""How a run's time goes: real, N times faster, or virtual; `run` chooses. Read run, then asyncio_time and trio_time."""

from palleto.clock.now import asyncio_loop, now_of
from palleto.clock.run import GRACE, StandstillError, run

__all__ = [
    "GRACE",
    "StandstillError",
    "asyncio_loop",
    "now_of",
    "run",
]
