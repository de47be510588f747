"""Unzip a gzip file, whatever is wrong with it, within bounds of memory and of the disk: to a file, or as it is read.

Plain blocking functions: a stage calls them in a worker thread.
"""

from __future__ import annotations

import errno
import io
import shutil
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from isal import isal_zlib

from palleto.errors import BadFile, SettingError
from palleto.files.pieces import PIECE, write_all
from palleto.files.spool import make_folder_again, open_over

_SMALL = 1 << 20  # a text that may take the last of a disk
TOLD = 4
"""Bytes that an error shows of what is no gzip; as many are waited for, so that it is the same however they come."""
_MAGIC = b"\x1f\x8b"  # how every member of a gzip file begins
_GZIP = 31  # as zlib's wbits: the largest window, in a gzip wrapper
_CORRUPT: Any = (isal_zlib.error, zlib.error)
LONGEST_HEADER = 1 << 20
"""Bytes of a member's header that are waited for: it may hold names of any length."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def unzip(chunks: Iterable[bytes], target: Path, max_bytes: int) -> int:
    """Unzip `chunks` into the file `target` (replaced if it exists) and return the unzipped size in bytes.

    As Python's `gzip` does, it joins the members of a file that has several, and skips zeros that follow one. Whatever
    else follows is bad: it may be a member whose first bytes were damaged. It lets the flags pass that the format
    reserves (RFC 1952, 2.3.1.2): if they meant anything, the text would not have its checksum.

    A text of more than 1 MiB must leave as much room on the disk as it takes, so that even three bombs at one time
    leave a quarter of it to the others.

    Args:
        chunks: the gzip file, in pieces of any size; not read further once an error is certain.
        target: where the text goes. Its folder is made if it is not there. On any error no file is left there.
        max_bytes: how many bytes the text may have, 0 or more.

    Raises:
        BadFile: the data is not gzip, cut off, corrupt, or unzips to more than `max_bytes` or than there is room for.
        SettingError: `max_bytes` is negative, or the disk is full although the text is small.
        OSError: `target` cannot be written for another reason.
    """
    if max_bytes < 0:
        raise SettingError(f"expected --max-bytes to be 0 or more, got {max_bytes}")
    size = 0
    try:
        with open(target, "wb", buffering=0, opener=open_over) as file:
            for piece in _bounded(chunks, max_bytes):
                size += len(piece)
                if size > _SMALL and size > (left := _room(target.parent)):
                    raise BadFile(
                        f"unzips to {size:,} bytes and more, where the disk has {left:,} left; "
                        "name a folder on a larger one in TMPDIR"
                    )
                write_all(file, piece)
            file.truncate()
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _FULL:  # every other file would fail as well
            raise SettingError(
                f"cannot unzip to {target.parent}: {error.strerror}; name a folder with more room in TMPDIR"
            ) from error
        raise
    return size


def is_small(data: bytes, most: int = 8 << 20) -> bool:
    """Whether a gzip file says that it has a text of at most `most` bytes (8 MiB): in its last four (RFC 1952, 2.3.1).

    What is cut off, corrupt at its end, too large or no gzip mostly does not say so.
    """
    return data.startswith(_MAGIC) and int.from_bytes(data[-4:], "little") <= most


class Zipped:
    """A small file that is here as gzip: `open` it as a path is opened. It is unzipped as it is read, each time.

    To write its text to the disk and read it again takes 0.3 ms of processor time more, where two dozen threads do so.
    To keep the texts of all that are on their way takes 14 MiB more.

    Whoever reads it has `unzip`'s BadFile where the data goes bad. origin: what it was made of, as its maker says.
    """

    def __init__(self, data: bytes, max_bytes: int, origin: Any = None) -> None:
        self._data = data
        self._max_bytes = max_bytes
        self.origin = origin
        self._size: int | None = None

    def __repr__(self) -> str:
        return f"<Zipped: {len(self._data):,} bytes>"

    def open(self, mode: str = "r", buffering: int = -1, **text: Any) -> IO[Any]:
        """Its text, to be read, from the beginning; the arguments are `Path.open`'s."""
        raw = _Text(self._pieces())
        if buffering == 0:
            return cast("IO[bytes]", raw)
        buffered = io.BufferedReader(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, **text)

    @property
    def size(self) -> int:
        """The unzipped size in bytes. It is read for that, unless somebody has read it to its end."""
        if self._size is None:
            for _ in self._pieces():
                pass
        assert self._size is not None
        return self._size

    def _pieces(self) -> Iterator[bytes]:
        size = 0
        for piece in _bounded([self._data], self._max_bytes):
            size += len(piece)
            yield piece
        self._size = size


class _Text(io.RawIOBase):
    """Bytes that come in pieces, as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes, at most `size`; without a copy, mostly."""
        if size is None or size < 0:
            return self.readall()
        data = self._left or next(self._pieces, b"")
        self._left = data[size:]
        return data[:size]

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _bounded(chunks: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    """Unzip piece by piece, to `max_bytes` in all."""
    size = 0
    for piece in _inflate(chunks):
        size += len(piece)
        if size > max_bytes:
            raise BadFile(f"unzips to more than --max-bytes={max_bytes}")
        yield piece


def _room(folder: Path) -> int:
    """The bytes that are left on the disk of a folder, which is made again if somebody has removed it."""
    try:
        return shutil.disk_usage(folder).free
    except FileNotFoundError:
        make_folder_again(folder)
        return shutil.disk_usage(folder).free


def _inflate(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Unzip piece by piece, each of `PIECE` bytes at most."""
    taken = members = 0
    library: Any = isal_zlib
    member = None
    data = b""
    for part in _parts(chunks):
        taken += len(part)
        data += part
        while data:
            if member is None:
                if members:
                    data = data.lstrip(b"\0")
                if len(data) < TOLD and not data.startswith(_MAGIC):  # the rest may begin another member
                    break
                if not data.startswith(_MAGIC):
                    raise _not_gzip(data, taken - len(data) if members else 0)
                whole = header_size(data) is not None
                if not whole and len(data) <= LONGEST_HEADER:
                    break
                member = Member(library if whole else zlib)
                members += 1
            yield from member.pieces(data, taken)
            data = member.unused
            if member.ended:
                library, member = member.library, None
    if taken < len(_MAGIC):
        raise BadFile("not gzip: " + ("the file has a single byte" if taken else "the file is empty"))
    if member is not None or data.startswith(_MAGIC):
        raise BadFile(f"cut off after {taken} bytes of gzip")
    if data:
        raise _not_gzip(data, taken - len(data))


def _not_gzip(data: bytes, before: int) -> BadFile:
    begins = f"begins with {data[:TOLD].hex(' ')} instead of 1f 8b"
    return BadFile(f"not gzip after {before} bytes: what follows {begins}" if before else f"not gzip: {begins}")


def _parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut large chunks, because the library copies what it has not used yet each time that it stops at a full piece."""
    for chunk in chunks:
        for start in range(0, len(chunk), PIECE):
            yield chunk[start : start + PIECE]


def header_size(data: bytes) -> int | None:
    """The bytes of the header that a member begins with (RFC 1952, 2.3); None if not all of it is here."""
    if len(data) < 12:
        return 10 if len(data) >= 10 and not data[3] & 0b11110 else None
    flags, size = data[3], 10
    if flags & 4:  # FEXTRA
        size += 2 + int.from_bytes(data[10:12], "little")
    for flag in (8, 16):  # FNAME, FCOMMENT
        if flags & flag:
            size = data.find(b"\0", size) + 1
            if not size:
                return None
    size += flags & 2  # FHCRC
    return size if size <= len(data) else None


class Member:
    """A member of a gzip file. ISA-L unzips it, as it is fast.

    ISA-L refuses, or does not find the end of, a valid header that comes in two pieces and has a checksum, or two of
    the fields extra, name and comment. So it gets headers whole; and where it complains of a member's beginning, zlib
    is asked, whose word counts.

    library: what the next member is unzipped with: zlib once that was asked.
    """

    def __init__(self, library: Any) -> None:
        self.library = library
        self._object = library.decompressobj(_GZIP)
        self._begins = True

    def __repr__(self) -> str:
        return f"<Member by {self.library.__name__}{', ended' if self.ended else ''}>"

    @property
    def ended(self) -> bool:
        """Whether its last byte has come."""
        return bool(self._object.eof)

    @property
    def unused(self) -> bytes:
        """What has come after its last byte."""
        return bytes(self._object.unused_data)

    def pieces(self, data: bytes, taken: int) -> Iterator[bytes]:
        """Yield what `data` unzips to, to the end of `data` or of the member. `taken`: the file's bytes so far."""
        size = 0
        begins, self._begins = self._begins, False
        try:
            for piece in self._pieces(data):
                size += len(piece)
                yield piece
        except _CORRUPT as error:
            if not begins or self.library is zlib:
                raise BadFile(f"corrupt within the first {taken} bytes of gzip ({error})") from error
        else:
            return
        self.library, self._object = zlib, zlib.decompressobj(_GZIP)
        for piece in self.pieces(data, taken):
            if left := piece[size:]:
                yield left
            size = max(0, size - len(piece))

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        while not self._object.eof:
            piece = self._object.decompress(data, PIECE)
            if piece:
                yield piece
            data = self._object.unconsumed_tail
            # A full piece without a tail: the library has used all input but may still hold output.
            if not data and len(piece) < PIECE:
                return
