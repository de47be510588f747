"""The files that a run puts into the bucket for its pipeline: beside it, and the first of them before it starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import anyio

from palleto.program.data import UserFile
from palleto.program.endings import Run, messages_in

HEAD_START = 1.0
"""Seconds that a pipeline waits at most for its first file: a first poll that finds nothing but the test message of S3
is followed by a nap of 2 s."""


async def supply(cloud: Any, run: Run, data: Sequence[UserFile], samples: int) -> None:
    """Put the user's files, or so many samples if there are none. Raises CloudError.

    Those that are there are left as they are; but if all are, and the queue is empty, they are put again.
    """
    from palleto import cloud as door

    warehouse = run.warehouse
    assert warehouse is not None, "files are for steps with a queue"

    def files() -> Iterable[Any]:
        return data or door.samples(samples)

    try:
        put = await door.upload(cloud, warehouse.stack, files(), begun=run.begun.set)
        if not put and await messages_in(warehouse, warehouse.queue_url) == 0:
            # An earlier run on a server that outlives its runs left nothing to do: what is put again is announced.
            put = await door.upload(cloud, warehouse.stack, files(), again=True)
    finally:
        run.begun.set()
    await run.playing.wait()
    if put:
        run.recorder.note("sent", None, events=put)
    run.uploaded.set()


async def head_start(run: Run) -> None:
    """Wait for the first file; a large one is not waited for."""
    with anyio.move_on_after(HEAD_START):
        await run.begun.wait()
