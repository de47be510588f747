"""A tree of the lab on supervision, struck by a fault, run in virtual time on either backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio

import palleto
from palleto import Recorder, RestartError, Supervisor, Trace, running
from palleto.lab.supervision import CANCELS, Crashes, fault


def struck(
    tree: Callable[..., Supervisor],
    name: str,
    *,
    who: str = "producer-consumer",
    cancel: str = "permanent",
    seconds: float = 12,
    backend: str = "asyncio",
    seed: int = 0,
    **settings: Any,
) -> tuple[Trace, bool]:
    """The trace of a tree that is stopped after some seconds, and whether it had given up before."""
    recorder, files, gave_up = Recorder(strict=True), fault(name).files(), False

    async def main() -> None:
        nonlocal gave_up
        top, crashes = tree(files, CANCELS[cancel], **settings), Crashes(fault(name), who, files)
        try:
            async with running(top, recorder=recorder, observers=[crashes], seed=seed, report=lambda line: None):
                await anyio.sleep(seconds)
        except RestartError:
            gave_up = True

    palleto.run(main, backend=backend, time="virtual", seed=seed)
    return recorder.events, gave_up
