"""Downloads of several objects at one time: each is got from S3 and unzipped to a file of the spool.

The clear form is `one`: a request in a worker thread, back to the event loop, and another call to unzip. Where the
place allows it, `_in_one_call` does both in one call to a thread, and asks by the short cut (`shortcut.py`).
Processor time of step 9, 8 x 10, at LocalStack: 3.6 ms a file with one call and 3.8 with two, in one run; 3.8 with the
short cut and 4.4 without, in another.
`tests/cloud/clients/test_downloads.py` holds the two forms equal.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from palleto.cloud.clients.client import Client
from palleto.cloud.clients.direct import Direct
from palleto.cloud.clients.errors import passing
from palleto.errors import BadFile, CloudError
from palleto.files import Spool, unzip
from palleto.runtime import side_by_side

MAX_BYTES = 10 * 2**30
"""What one file may unzip to, in bytes, unless `--max-bytes` says otherwise: 10 GiB."""

Found = Path | BadFile | CloudError


class Wanted(NamedTuple):
    """An object, and where its text goes: a path of the spool."""

    bucket: str
    key: str
    path: Path


class Downloads:
    """Downloads to one spool. `blocking` calls a function in a worker thread, as `Warehouse.blocking` does."""

    def __init__(self, s3: Client, blocking: Callable[..., Awaitable[Any]], spool: Spool, max_bytes: int) -> None:
        self._s3 = s3
        self._blocking = blocking
        self._spool = spool
        self._max_bytes = max_bytes

    def __repr__(self) -> str:
        return f"<Downloads to {self._spool!r}>"

    async def several(self, wanted: Sequence[Wanted]) -> list[Found]:
        """For each, in their order: its path, or why there is no file. On any other error none of the files is left."""
        try:
            return await side_by_side(self._in_one_call if self._s3.can_direct else self.one, wanted)
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

    async def _in_one_call(self, wanted: Wanted) -> Found:
        """As `one`."""
        try:
            with self._s3.direct(wanted.bucket, wanted.key) as s3:
                await self._blocking(self._get, s3, wanted.path)
        except (BadFile, CloudError) as error:
            if isinstance(error, CloudError) and passing(error):
                return await self.one(wanted)  # which tries again
            self._spool.remove([wanted.path])
            return error
        return wanted.path

    def _get(self, s3: Direct, path: Path) -> None:
        """Blocks: an object's text, to a file."""
        response = s3.get_object()
        with closing(response["Body"]):
            self._unzip(response, path)

    def _unzip(self, response: dict[str, Any], path: Path) -> None:
        """Blocks: what S3 answered, to a file."""
        unzip(response["Body"].iter_chunks(), path, self._max_bytes)
