"""What steps 6 to 9 work with: the queue, the bucket, the messages in hand, and the folder for results.

The newest object's count wins. An object may be overwritten while it is counted, and its older count be done last, here
or by another worker that writes to the same folder. So whoever replaces a result that was not there before the download
asks S3 afterwards whether the object is still the one that was counted, and if not, counts what is there now. Of two
writers the second replaces the first's, and by then S3 has what both counted: so the last of all has seen the newest. A
result from before the download is of no newer object: it costs no request.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from errno import ENOENT
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, TypeVarTuple

import anyio
from anyio import CapacityLimiter
from anyio.lowlevel import checkpoint_if_cancelled

from palleto.cloud.clients import MAX_BYTES, Client, Downloads, Named, Origin, Response, object_name, origin
from palleto.cloud.door import Cloud
from palleto.cloud.queue import Leases
from palleto.cloud.stack import Stack
from palleto.errors import BadFile, CloudError, NotFoundError, SettingError
from palleto.files import SPARE, Mark, Spool, Zipped, locked_folder, result_mark, result_path, sweep, write_result
from palleto.runtime import System, actor, background, side_by_side

__all__ = ["MAX_BYTES", "Warehouse", "open_warehouse"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

Text = Path | Zipped
"""What is counted: a file of the spool, or one that is here as gzip. Both can be opened."""
Count = Callable[[Any], int]
"""Counts a text."""

LONGEST = 0.2
"""Seconds after which no other result is begun in the same call to a thread: who is cancelled waits for that."""
GONE = (403, 404)
"""HTTP's status of an object that is not there any more; 403 for whoever may not list the bucket."""


class Written(NamedTuple):
    """A result: its path, the lines and the bytes that were counted; replaced: one that was not seen before."""

    path: Path
    lines: int
    size: int
    replaced: bool


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
        # More would wait for the interpreter's lock: where the server is fast, that cost step 9 a fifth of its time.
        # On the simulated place there are no threads, and a turn that is waited for would change the schedule.
        processors = CapacityLimiter(os.cpu_count() or 1)
        self._counting: CapacityLimiter | nullcontext[None] = nullcontext() if cloud.simulated else processors

    def __repr__(self) -> str:
        return f"<Warehouse {self.cloud.place.name}: {self.bucket}, {len(self.leases.held)} messages in hand>"

    async def blocking(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Call a function that blocks, in a worker thread, and return what it returns.

        If it raises, or the caller is cancelled meanwhile, the files of the spool among `args` are removed: nobody else
        knows them. A SettingError (the disk is full, the results' folder cannot be written) ends the run.
        """
        spooled = self.spool.owned(args)
        try:
            with _ending_the_run():
                result = await self.cloud.blocking(function, *args)
            if spooled:
                await checkpoint_if_cancelled()
        except BaseException:
            self.spool.remove(spooled)
            raise
        return result

    def lost(self, events: Iterable[Any]) -> None:
        """A crash lost these events, or what was made of them: messages go back, and files of the spool are removed."""
        events = list(events)
        self.leases.lost(events)
        self.spool.remove(events)

    async def get_object(self, event: Named) -> Response:
        """Ask S3 for the object that an event names, in its version if it has one. `new_file` takes the answer.

        Raises CloudError, and BadFile for a key that is refused: before it is asked for.
        """
        seen = await self.blocking(self._seen, event.key)
        response = await self.s3.get_object(**object_name(event.bucket, event.key, event.version))
        return {**response, "Seen": seen}

    def new_file(self, event: Named | None = None, response: Response | None = None) -> Path:
        """A path in the spool that nobody else uses; for the text of what `get_object` answered for an event."""
        path = self.spool.new()
        if event is not None and response is not None:
            self.spool.origins[path.name] = origin(event, response, response.get("Seen"))
        return path

    async def download(self, events: Sequence[Named]) -> list[Text | BadFile | CloudError]:
        """Get the files that several events name, as fast as the place and this machine allow.

        For each, in their order: its text, or why there is none. What is small is unzipped when it is counted. Whoever
        crashes, or is cancelled, has none of them.
        """
        with _ending_the_run():
            return await Downloads(self.s3, self.blocking, self.spool, self.max_bytes, self._seen).several(events)

    def _place(self, key: str) -> Path:
        """Blocks: where the result of a key belongs. Raises BadFile for a key that is refused."""
        return result_path(self.output, key)

    def _seen(self, key: str) -> Mark | None:
        """Blocks: the result of a key that is there now. Raises BadFile for a key that is refused."""
        return result_mark(self._place(key))

    async def write(self, key: str, count: Count, file: Text) -> Path:
        """Write `count(file)` to the result file of `key`, whole or not at all; the file of the spool is done then.

        Raises BadFile for a key that is refused, and for what is no gzip (if it was not unzipped before), CloudError if
        S3 does not say what the newest object is, and FileNotFoundError for a file that is done already.
        """
        [result] = await self.write_each([(key, file)], count)
        if isinstance(result, BadFile | CloudError):
            raise result
        return result

    async def write_each(self, files: Sequence[tuple[str, Text]], count: Count) -> list[Path | BadFile | CloudError]:
        """Write the results of several keys, as `write` does that of one. For each: its path, or why it is not done.

        All in one worker thread: the event loop would wait for the interpreter's lock after each call to the system,
        0.9 ms a file. Raises FileNotFoundError, and writes nothing, if one of the files is done already.
        """
        for _, file in files:
            if isinstance(file, Path) and not self.spool.owned([file]):
                raise FileNotFoundError(ENOENT, "expected a file of the spool that is not done yet", str(file))

        results: list[Path | BadFile | CloudError] = []
        removed: list[tuple[int, str, Origin]] = []
        replaced: list[tuple[int, str, Origin]] = []
        while len(results) < len(files):
            async with self._counting:
                written = await self.blocking(self._write_some, files[len(results) :], count)
            for result in written:
                key, file = files[len(results)]
                if isinstance(result, BadFile):
                    self.spool.remove([file])
                    results.append(result)
                    continue
                counted = self._origin(file)
                if result is None:
                    assert counted is not None
                    assert isinstance(file, Path)
                    removed.append((len(results), key, counted))
                    self.spool.remove([file])
                    results.append(file)  # until it is here again
                    continue
                if result.replaced and counted is not None:
                    replaced.append((len(results), key, counted))
                if isinstance(file, Path):
                    self.spool.done(file)
                results.append(result.path)
                system = System.current()
                if system.observer is not None:
                    system.observer.note("written", actor(), events=[key], lines=result.lines, bytes=result.size)

        async def renew(number: int, key: str, counted: Origin) -> None:
            results[number] = await self._renew(key, counted, count) or results[number]

        async def count_again(number: int, key: str, counted: Origin) -> None:
            results[number] = await self._count(key, counted, count)

        if replaced or removed:
            await side_by_side(lambda each: renew(*each), replaced)
            await side_by_side(lambda each: count_again(*each), removed)
        return results

    def _write_some(self, files: Sequence[tuple[str, Text]], count: Count) -> list[Written | BadFile | None]:
        """Blocks: write the results of the first files, for `LONGEST`. None: somebody has removed the file."""
        start = time.monotonic()
        written: list[Written | BadFile | None] = []
        while len(written) < len(files) and (not written or time.monotonic() - start < LONGEST):
            key, file = files[len(written)]
            try:
                written.append(self._write(key, file, count))
            except BadFile as error:
                written.append(error)
            except FileNotFoundError:
                if isinstance(file, Zipped) or file.name not in self.spool.origins:
                    raise
                written.append(None)
        return written

    def _origin(self, file: Text) -> Origin | None:
        counted: Origin | None = file.origin if isinstance(file, Zipped) else self.spool.origins.get(file.name)
        return counted

    def _write(self, key: str, file: Text, count: Count) -> Written:
        path = self._place(key)
        lines = count(file)
        size = file.size if isinstance(file, Zipped) else file.stat().st_size
        counted = self._origin(file)
        replaced = write_result(path, f"{lines}\n", None if counted is None else counted.seen)
        if isinstance(file, Path) and size > SPARE:
            file.unlink(missing_ok=True)
        return Written(path, lines, size, replaced)

    async def _count(self, key: str, wanted: Named, count: Count) -> Path | BadFile | CloudError:
        """Download an object, and write its result: that of one of which no file is here."""
        [found] = await self.download([wanted])
        return (await self.write_each([(key, found)], count))[0] if isinstance(found, Text) else found

    async def _renew(self, key: str, counted: Origin, count: Count) -> CloudError | None:
        """Count the object anew if it is another one than was counted; the error if S3 does not tell."""
        try:
            newest = await self._newest(counted)
        except CloudError as error:
            return None if error.status in GONE else error
        if newest == counted:
            return None
        found = await self._count(key, newest, count)
        # If the newer one is bad or gone, that is what its own message is about.
        return found if isinstance(found, CloudError) and found.status not in GONE else None

    async def _newest(self, counted: Origin) -> Origin:
        """The newest object of the same key; raises CloudError. Below a delete marker it is the newest version."""
        try:
            now = await self.s3.head_object(Bucket=counted.bucket, Key=counted.key)
        except CloudError as error:
            if error.status not in GONE:
                raise
            answer = await self.s3.list_object_versions(Bucket=counted.bucket, Prefix=counted.key)  # the newest first
            versions = [each["VersionId"] for each in answer.get("Versions", []) if each["Key"] == counted.key]
            return counted if not versions or versions[0] == counted.version else counted._replace(version=versions[0])
        etag = now.get("ETag", "")
        return counted if counted.etag in ("", etag) else Origin(counted.bucket, counted.key, None, etag)


@contextmanager
def _ending_the_run() -> Iterator[None]:
    """A SettingError ends the run: every other file would fail as well, and be taken for bad in the end."""
    try:
        yield
    except SettingError as error:
        with suppress(NotFoundError):
            System.current().fail(error)
        raise


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
