"""The files of a run: the user's own, or samples; put into the bucket beside the pipeline.

The first of them is up before the pipeline starts, if that does not take long.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import anyio

from palleto import cloud as door
from palleto.cloud.stack import PREFIX
from palleto.errors import SettingError
from palleto.program.queue_depth import messages_in
from palleto.program.state import RunState

HEAD_START = 1.0
"""Seconds that a pipeline waits at most for its first file: a first poll that finds nothing but the test message of S3
is followed by a nap of 2 s."""


@dataclass(frozen=True, slots=True)
class UserFile:
    """A .gz file on disk and the S3 key it is uploaded to."""

    path: Path
    key: str

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return self.path.stat().st_size

    @property
    def etag(self) -> str:
        """Its MD5, which is what S3 calls the ETag of an object that was uploaded in one piece."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()

    def open(self) -> BinaryIO:
        """Its bytes, as a stream."""
        return self.path.open("rb")


def user_files(paths: Sequence[Path]) -> list[UserFile]:
    """The .gz files that are named, and those in folders that are named; each once, in order.

    A key is `packrat/data/` and the path below what all files have in common, so that files of one name stay apart.
    Raises SettingError for a path that is not there, cannot be read or is no .gz file, and for a folder without any.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*.gz") if file.is_file())
            if not inside:
                raise SettingError(f"expected .gz files in the folder {path}, got: none")
            found |= dict.fromkeys(inside)
        elif not path.is_file():
            raise SettingError(f"expected a file or folder for --data, got: {path}, which is not there")
        elif path.suffix != ".gz" or not os.access(path, os.R_OK):
            raise SettingError(f"expected a readable file that ends in .gz for --data, got: {path}")
        else:
            found[path] = None
    # Not `resolve`: it follows links, and a link's own name is the key.
    whole = list(dict.fromkeys(Path(os.path.abspath(path)) for path in found))  # noqa: PTH100
    common = os.path.commonpath([path.parent for path in whole]) if whole else ""
    return [UserFile(path, PREFIX + path.relative_to(common).as_posix()) for path in whole]


async def upload_files(state: RunState, own: Sequence[UserFile], samples: int, patience: float) -> None:
    """Put the user's own files, or so many samples if there are none. Raises CloudError.

    patience: seconds of run time for which a server that does not answer is waited for.

    Those that are there are left as they are; but if all are, and the queue is empty, they are put again.
    """
    warehouse = state.warehouse
    assert warehouse is not None, "files are for steps with a queue"

    def files() -> Iterable[Any]:
        return own or door.samples(samples)

    async def put_files(*, again: bool = False) -> list[str]:
        cloud, stack = warehouse.cloud, warehouse.stack
        return await door.upload(cloud, stack, files(), begun=state.begun.set, again=again, patience=patience)

    try:
        put = await put_files()
        if not put and await messages_in(warehouse, warehouse.queue_url) == 0:
            # An earlier run on a server that outlives its runs left nothing to do: what is put again is announced.
            put = await put_files(again=True)
    finally:
        state.begun.set()
    await state.playing.wait()
    if put:
        state.recorder.note("sent", None, events=put)
    state.uploaded.set()


async def head_start(state: RunState) -> None:
    """Wait for the first file; a large one is not waited for."""
    with anyio.move_on_after(HEAD_START):
        await state.begun.wait()
