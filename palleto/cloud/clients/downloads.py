"""Downloads of several objects at one time. What is small stays in memory as it came, to be unzipped as it is counted;
what comes as a stream, has a large text or seems to be bad is unzipped to a file of the spool.

On a real place a request and what is done with its answer are one call to a thread: two calls cost 0.2 ms of processor
time a file more in step 9. What did not come as it is in S3 is fetched again, before it counts against the file.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from palleto.cloud.clients.boto import object_name
from palleto.cloud.clients.client import Client
from palleto.errors import BadFile, CloudError
from palleto.files import Mark, Spool, Zipped, is_small, unzip
from palleto.runtime import side_by_side

MAX_BYTES = 10 * 2**30
"""What one file may unzip to, in bytes, unless `--max-bytes` says otherwise: 10 GiB."""

FETCHES = 3
"""How often an object is fetched that does not come as it is in S3."""
DAMAGED = ("BadDigest", "FlexibleChecksumError")
"""The codes of what came otherwise; the second is botocore's, by S3's checksum."""

Found = Path | Zipped | BadFile | CloudError


class Origin(NamedTuple):
    """The object that a text was made of: `etag` and `version` say which of those that the key has had.

    seen: the result that stood in its place before the object was asked for: of no newer object than this one.
    """

    bucket: str
    key: str
    version: str | None
    etag: str
    seen: Mark | None = None


class Named(Protocol):
    """What names an object: an event, or an origin."""

    @property
    def bucket(self) -> str:
        """The bucket that it is in."""

    @property
    def key(self) -> str:
        """Its key."""

    @property
    def version(self) -> str | None:
        """Which version of it, in a bucket with versions; None: the newest."""


def origin(named: Named, response: dict[str, Any], seen: Mark | None) -> Origin:
    """What the text of an answer of `get_object` is made of. A named version may be older than what was `seen`."""
    version = response.get("VersionId", named.version)
    return Origin(named.bucket, named.key, version, response.get("ETag", ""), seen if named.version is None else None)


class Downloads:
    """Downloads to one spool.

    blocking: calls a function in a worker thread, as `Warehouse.blocking` does.
    prepare:  called with each key before it is asked for: the result that stands in its place. It may block, and raises
              BadFile for a key that is refused.
    """

    def __init__(
        self,
        s3: Client,
        blocking: Callable[..., Awaitable[Any]],
        spool: Spool,
        max_bytes: int,
        prepare: Callable[[str], Mark | None] = lambda key: None,
    ) -> None:
        self._s3 = s3
        self._blocking = blocking
        self._spool = spool
        self._max_bytes = max_bytes
        self._prepare = prepare

    def __repr__(self) -> str:
        return f"<Downloads to {self._spool!r}>"

    async def several(self, wanted: Sequence[Named]) -> list[Found]:
        """For each, in their order: its text, or why there is none. On any other error no file is left of them."""
        made: list[Path] = []
        try:
            seen = await self._blocking(self._look, wanted)
            return await side_by_side(lambda each: self._one(*each, made), list(zip(wanted, seen, strict=True)))
        except BaseException:
            self._spool.remove(made)
            raise

    def _look(self, wanted: Sequence[Named]) -> list[Mark | BadFile | None]:
        """Blocks: what stands in the place of each result, or why there can be none."""
        seen: list[Mark | BadFile | None] = []
        for each in wanted:
            try:
                seen.append(self._prepare(each.key))
            except BadFile as error:
                seen.append(error)
        return seen

    async def _one(self, wanted: Named, seen: Mark | BadFile | None, made: list[Path]) -> Found:
        if isinstance(seen, BadFile):
            return seen
        name = object_name(wanted.bucket, wanted.key, wanted.version)
        found: Found | None = None
        try:
            for left in reversed(range(FETCHES)):
                found = await self._s3.download(partial(self._text, wanted, seen, made, left > 0), **name)
                if found is not None:
                    break
        except CloudError as error:
            found = error
        assert found is not None
        return found

    def _text(
        self, wanted: Named, seen: Mark | None, made: list[Path], again: bool, response: dict[str, Any]
    ) -> Found | None:
        """Blocks: the text of what S3 answered; a file is noted in `made`.

        None to fetch it `again`: it is not what S3 has, as far as one knows.
        """
        body = response["Body"]
        if (data := body.here) is not None and is_small(data):
            return Zipped(data, self._max_bytes, origin(wanted, response, seen))
        path = self._spool.new()
        with closing(body):
            try:
                unzip(body.iter_chunks(), path, self._max_bytes)
            except (BadFile, CloudError) as error:
                self._spool.remove([path])
                damaged = body.md5 is not None if isinstance(error, BadFile) else error.code in DAMAGED
                return None if again and damaged else error
        made.append(path)
        self._spool.origins[path.name] = origin(wanted, response, seen)
        return path
