"""Small files that arrive in a bucket, on the run's clock, and what a trace is told of each.

A file is `sent` when it arrives, a `download` when a pipeline takes it into its memory, `written` when the slow step
is done with it, and `dropped` where somebody had no room for it.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import anyio

from palleto.core import Buffer
from palleto.errors import SettingError
from palleto.runtime import System, TaskSupervisor, actor, whereis

SIZES = (1_000, 9_000)
"""The least and the greatest size of a file, in bytes."""


@dataclass(frozen=True)
class File:
    """A file of one line, and its size in bytes."""

    id: str
    size: int


class Bucket(TaskSupervisor):
    """Files arrive in it at a steady rate, whatever becomes of them, and wait there until they are downloaded.

    rate:    files a second, above 0.
    seconds: of run time for which they arrive, 0 or more.
    room:    how many can wait, 1 or more; a further one takes the place of the oldest. None: any number.
    seed:    chooses their sizes.

    Raises SettingError for a rate that is not above 0, or for no room at all.
    """

    name = "Bucket"

    def __init__(self, rate: float = 20.0, seconds: float = 30.0, room: int | None = None, seed: int = 0) -> None:
        if rate <= 0:
            raise SettingError(f"expected the rate to be above 0, got: {rate!r}")
        if room is not None and room < 1:
            raise SettingError(f"expected room for 1 file or more, or None, got: {room!r}")
        self._rate, self._seconds = rate, seconds
        self._sizes = random.Random(seed)
        self._waiting = Buffer(room, keep="last")
        self._arrived = anyio.Event()

    def init(self) -> None:
        self.start_task(self._arrive)

    async def _arrive(self) -> None:
        start = anyio.current_time()
        for number in range(int(self._rate * self._seconds)):
            await anyio.sleep_until(start + number / self._rate)
            file = File(f"{number:04}.gz", self._sizes.randint(*SIZES))
            if overwritten := self._waiting.add([file]):
                note("dropped", *overwritten)
            note("sent", file)
            self._arrived.set()
            self._arrived = anyio.Event()

    async def download(self) -> File:
        """The file that has waited longest, as soon as there is one."""
        while not self._waiting.events:  # another one may have taken what has arrived
            await self._arrived.wait()
        file: File = self._waiting.take(1)[0]
        note("download", file)
        return file


class Downloads(AsyncIterator[File]):
    """The files of the bucket, one after the other: each is downloaded when the next one is asked for."""

    # No generator: one that a cancelled task leaves in the middle has to be closed.

    async def __anext__(self) -> File:
        bucket: Bucket = whereis(Bucket.name)
        return await bucket.download()


def note(kind: str, *files: File) -> None:
    """Tell the run's trace what happened to files: "download", "written" and so on."""
    observer: Any = System.current().observer
    if observer is not None:
        data = {"bytes": sum(file.size for file in files)} if kind in ("download", "written") else {}
        if kind == "written":
            data["lines"] = len(files)
        observer.note(kind, actor(), events=list(files), **data)
