"""The body of an object: what `get_object` answers as `"Body"`, wherever its bytes come from.

The methods of a body block: call them through `cloud.blocking`.
"""

from __future__ import annotations

import hashlib
import io
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

from palleto.cloud.clients.errors import raise_cloud_error
from palleto.cloud.endurance import passing
from palleto.errors import CloudError

Response = dict[str, Any]
Use = Callable[[Response], None]
"""What is done with an answer where it came: it may block."""

CHUNK = 64 * 1024  # bytes; what one read of a body asks for by default
REOPENINGS = 8
"""How often in a row a body is asked for again before a byte of it has come."""

Reopen = Callable[[int, int], Any]
"""Called with the number of bytes that are here, and how often it was called in vain: the body of the rest."""


def md5_in(answer: Response) -> str | None:
    """The MD5 that an answer's ETag says, if it is one.

    >>> md5_in({"ETag": '"6057f13c496ecf7fd777ceb9e79ae285"'})
    '6057f13c496ecf7fd777ceb9e79ae285'
    >>> md5_in({"ETag": '"6057f13c496ecf7fd777ceb9e79ae285-2"'})  # of several parts
    >>> md5_in({"ETag": '"6057f13c496ecf7fd777ceb9e79ae285"', "ServerSideEncryption": "aws:kms"})
    """
    found = re.fullmatch('"([0-9a-f]{32})"', answer.get("ETag") or "")
    return found[1] if found and not encrypted(answer) else None


def encrypted(answer: Response) -> bool:
    """Whether an object is encrypted in a way that makes its ETag another one than the MD5: SSE-KMS or SSE-C."""
    return "kms" in answer.get("ServerSideEncryption", "") or "SSECustomerAlgorithm" in answer


class Readable:
    """What all bodies do, by their `read` and `close`. Close it when it is not read to its end: `with` does so."""

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def read(self, n: int | None = None) -> bytes:
        """The next bytes, at most `n`; all that are left without `n`; empty at the end."""
        raise NotImplementedError

    def iter_chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """The rest of the bytes, in chunks of `size` (64 KiB by default); the last may be shorter."""
        while chunk := self.read(size):
            yield chunk

    def close(self) -> None:
        """Give the connection up; what was not read is lost. Closing twice is no error."""
        raise NotImplementedError


class MemoryBody(Readable):
    """A body that is here already."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._stream = io.BytesIO(data)

    def read(self, n: int | None = None) -> bytes:
        return b"" if self._stream.closed else self._stream.read(n)

    def close(self) -> None:
        self._stream.close()


class Body(Readable):
    """A body that comes as a stream of a library's. Its methods raise `CloudError` when the stream breaks off."""

    def __init__(self, operation: str, stream: Any) -> None:
        self._operation = operation
        self._stream = stream
        self._reading = threading.Lock()
        self._given_up = False

    def read(self, n: int | None = None) -> bytes:
        with self._reading:
            try:
                data: bytes = self._stream.read(n)
            except Exception as error:
                raise_cloud_error(self._operation, error)
            finally:
                if self._given_up:
                    self._stream.close()
        return data

    def close(self) -> None:
        """As any body's; a read that was left behind in another thread is not waited for, and closes the stream."""
        self._given_up = True
        if self._reading.acquire(blocking=False):
            try:
                self._stream.close()
            finally:
                self._reading.release()


class WholeBody(Readable):
    """A body that goes on where it broke off, and is compared with its MD5 at its end.

    Its methods raise `CloudError` when the object changed meanwhile, nothing comes of it `REOPENINGS` times in a row,
    or what came is not the object (`BadDigest`).

    md5: what the bytes must have; None once they have it, or where nobody knows.
    """

    def __init__(self, body: Any, reopen: Reopen, md5: str | None = None) -> None:
        self._body = body
        self._reopen = reopen
        self._offset = 0
        self._sum = hashlib.md5(usedforsecurity=False)
        self.md5 = md5

    @property
    def here(self) -> bytes | None:
        """All of it, where it is in memory, and has the MD5 that is known of it; else it comes by and by."""
        return self._body.data if isinstance(self._body, MemoryBody) and self.md5 is None else None

    def __repr__(self) -> str:
        return f"<WholeBody at byte {self._offset} of {self._body!r}>"

    def read(self, n: int | None = None) -> bytes:
        if n is None:
            return b"".join(self.iter_chunks())
        attempt, broken = 0, False
        while True:
            try:
                if broken:
                    self._body.close()
                    self._body = self._reopen(self._offset, attempt)
                    broken = False
                data: bytes = self._body.read(n)
            except CloudError as error:
                attempt, broken = attempt + 1, True
                if attempt > REOPENINGS or not passing(error):
                    raise
            else:
                self._offset += len(data)
                self._check(data)
                return data

    def _check(self, data: bytes) -> None:
        if self.md5 is None:
            return
        self._sum.update(data)
        if not data:
            if (got := self._sum.hexdigest()) != self.md5:
                raise CloudError("s3.GetObject", "BadDigest", f"expected the object with MD5 {self.md5}, got {got}")
            self.md5 = None

    def close(self) -> None:
        self._body.close()
