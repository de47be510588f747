"""A pipeline of the lab on overload, run in virtual time and stopped where a test wants it."""

from __future__ import annotations

from collections.abc import Callable

import anyio

import palleto
from palleto import Recorder, Supervisor, Trace, running


def played(pipeline: Callable[[], Supervisor], seconds: float, backend: str = "asyncio", seed: int = 0) -> Trace:
    """The trace of a pipeline that is stopped after some seconds, also in the middle of its work."""
    recorder = Recorder(strict=True)

    async def main() -> None:
        async with running(pipeline(), recorder=recorder, seed=seed, report=print):
            await anyio.sleep(seconds)

    palleto.run(main, backend=backend, time="virtual", seed=seed)
    return recorder.events
