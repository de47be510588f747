"""What steps 6 to 9 work with: the queue, the bucket, the messages in hand, and the folder for results."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from errno import ENOENT
from pathlib import Path
from typing import Any, Protocol, TypeVar, TypeVarTuple

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from palleto.cloud.clients import MAX_BYTES, Client, Downloads, Wanted
from palleto.cloud.door import Cloud
from palleto.cloud.queue import Leases
from palleto.cloud.stack import Stack
from palleto.errors import BadFile, CloudError, NotFoundError, SettingError
from palleto.files import SPARE, Spool, locked_folder, result_path, sweep, write_result
from palleto.runtime import System, actor, background

__all__ = ["MAX_BYTES", "NewFile", "Warehouse", "open_warehouse"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

LONGEST = 0.2
"""Seconds after which no other result is begun in the same call to a thread: who is cancelled waits for that."""


class NewFile(Protocol):
    """An event that names a file."""

    @property
    def bucket(self) -> str:
        """The bucket that it is in."""

    @property
    def key(self) -> str:
        """Its key."""


class Warehouse:
    """The surroundings of a pipeline. Made by `open_warehouse`.

    sqs, s3:   clients with boto3's operation names, to be awaited.
    queue_url: the queue that S3 announces new files in; bucket: where the files are.
    leases:    the messages in hand.
    output:    the folder for results; nothing is written outside of it.
    spool:     files on their way.
    max_bytes: what one file may unzip to.
    """

    def __init__(self, cloud: Cloud, stack: Stack, leases: Leases, output: Path, spool: Path, max_bytes: int) -> None:
        self.cloud = cloud
        self.stack = stack
        self.sqs: Client = cloud.sqs
        self.s3: Client = cloud.s3
        self.queue_url = stack.queue_url
        self.bucket = stack.bucket
        self.leases = leases
        self.output = output
        self.spool = Spool(spool)
        self.max_bytes = max_bytes

    def __repr__(self) -> str:
        return f"<Warehouse {self.cloud.place.name}: {self.bucket}, {len(self.leases.held)} messages in hand>"

    async def blocking(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Call a function that blocks, in a worker thread, and return what it returns.

        If it raises, or the caller is cancelled meanwhile, the files of the spool among `args` are removed: nobody else
        knows them. A SettingError (the disk is full, the results' folder cannot be written) ends the run.
        """
        spooled = self.spool.owned(args)
        try:
            result = await self.cloud.blocking(function, *args)
            if spooled:
                await checkpoint_if_cancelled()
        except BaseException as error:
            self.spool.remove(spooled)
            if isinstance(error, SettingError):  # every other file would fail as well, and be taken for bad in the end
                with suppress(NotFoundError):
                    system = System.current()
                    system.failure = system.failure or error
                    system.body.cancel()
            raise
        return result

    def lost(self, events: Iterable[Any]) -> None:
        """A crash lost these events, or what was made of them: messages go back, and files of the spool are removed."""
        events = list(events)
        self.leases.lost(events)
        self.spool.remove(events)

    def new_file(self) -> Path:
        """A path in the spool that nobody else uses."""
        return self.spool.new()

    async def download(self, events: Sequence[NewFile]) -> list[Path | BadFile | CloudError]:
        """Get and unzip the files that several events name, as fast as the place and this machine allow.

        For each, in their order: a path in the spool, or why there is no file. Whoever crashes, or is cancelled, has
        none of them.
        """
        wanted = [Wanted(event.bucket, event.key, self.new_file()) for event in events]
        return await Downloads(self.s3, self.blocking, self.spool, self.max_bytes).several(wanted)

    async def write(self, key: str, count: Callable[[Path], int], file: Path) -> Path:
        """Write `count(file)` to the result file of `key`, whole or not at all; the file of the spool is done then.

        Raises BadFile for a key that is refused, FileNotFoundError for a file that is done already.
        """
        [result] = await self.write_each([(key, file)], count)
        if isinstance(result, BadFile):
            raise result
        return result

    async def write_each(self, files: Sequence[tuple[str, Path]], count: Callable[[Path], int]) -> list[Path | BadFile]:
        """Write the results of several keys, as `write` does that of one. For each: its path, or why it is refused.

        All in one worker thread: the event loop would wait for the interpreter's lock after each call to the system,
        0.9 ms a file. Raises FileNotFoundError, and writes nothing, if one of the files is done already.
        """
        for _, file in files:
            if not self.spool.owned([file]):
                raise FileNotFoundError(ENOENT, "expected a file of the spool that is not done yet", str(file))

        def write(key: str, file: Path) -> tuple[Path, int]:
            path = result_path(self.output, key)
            lines = count(file)
            write_result(path, f"{lines}\n")
            if file.stat().st_size > SPARE:
                file.unlink()
            return path, lines

        def write_some(files: Sequence[tuple[str, Path]]) -> list[tuple[Path, int] | BadFile]:
            start = time.monotonic()
            written: list[tuple[Path, int] | BadFile] = []
            while len(written) < len(files) and (not written or time.monotonic() - start < LONGEST):
                try:
                    written.append(write(*files[len(written)]))
                except BadFile as error:
                    written.append(error)
            return written

        results: list[Path | BadFile] = []
        while len(results) < len(files):
            written = await self.blocking(write_some, files[len(results) :])
            for result in written:
                key, file = files[len(results)]
                if isinstance(result, BadFile):
                    self.spool.remove([file])
                    results.append(result)
                    continue
                path, lines = result
                self.spool.done(file)
                results.append(path)
                system = System.current()
                if system.observer is not None:
                    system.observer.note("written", actor(), events=[key], lines=lines)
        return results


@asynccontextmanager
async def open_warehouse(
    cloud: Cloud,
    stack: Stack,
    *,
    output: Path = Path("output"),
    max_bytes: int = MAX_BYTES,
    batch: int = 1,
    report: Callable[[str], None] = print,
) -> AsyncIterator[Warehouse]:
    """Open the warehouse of a deployed stack; at the end of the block what is still in hand is given back at once.

    batch: how many messages are deleted in one request, 1 to 10; fewer when others keep them waiting.
    Raises SettingError if the folder `output` is not there and cannot be made.
    """
    await cloud.blocking(make_folder, output)
    leases = Leases(cloud.sqs, stack.queue_url, stack.visibility_timeout, report, batch)
    await cloud.blocking(sweep, output)
    with locked_folder() as folder:
        async with background(leases.run):
            try:
                yield Warehouse(cloud, stack, leases, output, folder, max_bytes)
            finally:
                with anyio.CancelScope(shield=True):
                    await leases.give_back()


def make_folder(output: Path) -> None:
    """Make the folder for results. Raises SettingError if that cannot be done."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "it is a file" if output.is_file() else error.strerror or str(error)
        raise SettingError(f"expected a folder for --output, got {output}: {reason}; choose another folder") from error
