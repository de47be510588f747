"""Downloads of several objects at one time: each is got from S3 and unzipped to a file of the spool.

The clear form is `one`, for each of them side by side: a request in a worker thread, back to the event loop, and
another call to unzip. That is right where there is time, in which the process waits for answers. A process that has its
hands full loses by it: each of its threads wants the interpreter's lock, and so does the event loop after each call
(step 9, 8 x 10, at LocalStack: half of the time in which the lock was held was the loop's, 70 switches of threads a
file). So there several are downloaded in one call, one after the other. `tests/cloud/test_downloads.py` holds the two
forms equal.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from palleto.cloud.client import Client
from palleto.cloud.direct import Direct
from palleto.cloud.endurance import passing
from palleto.cloud.workbench import SMALL, Workbench
from palleto.errors import BadFile, CloudError
from palleto.files import unzip
from palleto.side_by_side import side_by_side
from palleto.spool import Spool

BUSY = 0.5
"""Processor time a second, in all threads, from which on the process has its hands full. The interpreter's lock lets
it have 1 and a little. Step 9, 8 x 10, has 0.8 at LocalStack, and 0.5 to 0.6 if each request takes 20 ms more; with 0.6
and 0.7 it was slower at LocalStack."""
LONGEST = 0.2
"""Seconds after which no other download begins in the same call: a caller that is cancelled waits for it."""

Found = Path | BadFile | CloudError


class Wanted(NamedTuple):
    """An object, and where its text goes: a path of the spool."""

    bucket: str
    key: str
    path: Path


class Downloads:
    """Downloads to one spool. `blocking` calls a function in a worker thread, as `Warehouse.blocking` does."""

    def __init__(
        self,
        s3: Client,
        blocking: Callable[..., Awaitable[Any]],
        spool: Spool,
        workbench: Workbench,
        max_bytes: int,
    ) -> None:
        self._s3 = s3
        self._blocking = blocking
        self._spool = spool
        self._workbench = workbench
        self._max_bytes = max_bytes

    def __repr__(self) -> str:
        return f"<Downloads to {self._spool!r}>"

    async def several(self, wanted: Sequence[Wanted]) -> list[Found]:
        """For each, in their order: its path, or why there is no file. On any other error none of the files is left."""
        try:
            if self._s3.can_direct:
                return await self._several(wanted)
            return await side_by_side(self.one, wanted)
        except BaseException:
            self._spool.remove(each.path for each in wanted)
            raise

    async def one(self, wanted: Wanted) -> Found:
        """The path, or why there is no file."""
        try:
            response = await self._s3.get_object(Bucket=wanted.bucket, Key=wanted.key)
            with closing(response["Body"]):
                await self._blocking(self._unzip, response, wanted.path)
        except (BadFile, CloudError) as error:
            self._spool.remove([wanted.path])
            return error
        return wanted.path

    async def _several(self, wanted: Sequence[Wanted]) -> list[Found]:
        """One after the other, as long as the process has its hands full; else the rest in two halves at one time."""
        if len(wanted) == 1:
            return [await self.one(wanted[0])]
        found: list[Found] = []
        while len(found) < len(wanted):
            rest = wanted[len(found) :]
            done, waits = await self._in_one_call(rest)
            found += done
            left = wanted[len(found) :]
            if waits and len(left) > 1:
                halves = left[: len(left) // 2], left[len(left) // 2 :]
                return found + [each for half in await side_by_side(self._several, halves) for each in half]
        return found

    async def _in_one_call(self, wanted: Sequence[Wanted]) -> tuple[list[Found], bool]:
        """What came of the first of them, one at least, and whether the process waited more than it worked."""
        try:
            with self._s3.direct() as s3:
                found, waits = await self._blocking(self._some, s3, wanted)
        except CloudError as error:  # abandoned
            return [error] * len(wanted), False
        for number, (each, came) in enumerate(zip(wanted, found, strict=False)):
            if isinstance(came, CloudError) and passing(came):
                found[number] = await self.one(each)  # which tries again
            elif not isinstance(came, Path):
                self._spool.remove([each.path])
        return found, waits

    def _some(self, s3: Direct, wanted: Sequence[Wanted]) -> tuple[list[Found], bool]:
        """Blocks: see `_in_one_call`."""
        start, used = time.monotonic(), time.process_time()
        found: list[Found] = []
        for each in wanted:
            try:
                response = s3.get_object(Bucket=each.bucket, Key=each.key)
                with closing(response["Body"]):
                    self._unzip(response, each.path)
                found.append(each.path)
            except (BadFile, CloudError) as error:
                found.append(error)
            seconds = time.monotonic() - start
            waits = time.process_time() - used < BUSY * seconds
            if waits or seconds > LONGEST:
                break
        return found, waits

    def _unzip(self, response: dict[str, Any], path: Path) -> None:
        """Blocks: an object's text, to a file."""
        size = response.get("ContentLength", SMALL)
        with self._workbench.chunks(response["Body"].iter_chunks(), size) as chunks:
            unzip(chunks, path, self._max_bytes)
