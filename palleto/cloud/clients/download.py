"""The body of an S3 object whose download goes on where it broke off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from palleto.cloud.clients.errors import passing
from palleto.errors import CloudError

CHUNK = 64 * 1024  # bytes; what one read of a body asks for by default
REOPENINGS = 8
"""How often in a row a body is asked for again before a byte of it has come."""

Reopen = Callable[[int, int], Any]
"""Called with the number of bytes that are here, and how often it was called in vain: the body of the rest."""


class ResumedBody:
    """What `get_object` answers as `"Body"`: the methods of the body inside, which it replaces when that breaks.

    Its methods block (call them through `cloud.blocking`) and raise `CloudError` when the object changed meanwhile, or
    nothing comes of it `REOPENINGS` times in a row.
    """

    def __init__(self, body: Any, reopen: Reopen) -> None:
        self._body = body
        self._reopen = reopen
        self._offset = 0

    def __repr__(self) -> str:
        return f"<ResumedBody at byte {self._offset} of {self._body!r}>"

    def __enter__(self) -> ResumedBody:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def read(self, n: int | None = None) -> bytes:
        """The next bytes, at most `n`; all that are left without `n`; empty at the end."""
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
                return data

    def iter_chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """The rest of the bytes, in chunks of `size` (64 KiB by default); the last may be shorter."""
        while chunk := self.read(size):
            yield chunk

    def close(self) -> None:
        """Give the connection up; what was not read is lost. Closing twice is no error."""
        self._body.close()
