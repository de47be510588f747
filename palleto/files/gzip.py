"""Unzip a gzip file, whatever is wrong with it, within bounds of memory and of the disk.

A plain blocking function: a stage calls it in a worker thread.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from isal import isal_zlib

from palleto.errors import BadFile, SettingError
from palleto.files.pieces import PIECE, write_all
from palleto.files.spool import open_over

_SMALL = 1 << 20  # a text that may take the last of a disk
_MAGIC = b"\x1f\x8b"  # how every member of a gzip file begins
_GZIP = 31  # as zlib's wbits: the largest window, in a gzip wrapper
_CORRUPT: Any = isal_zlib.error  # its types say that it is an exception, where it is the class of them
_FULL = (errno.ENOSPC, errno.EDQUOT)


def unzip(chunks: Iterable[bytes], target: Path, max_bytes: int) -> int:
    """Unzip `chunks` into the file `target` (replaced if it exists) and return the unzipped size in bytes.

    As `zcat` does, it joins the members of a file that has several, and ignores what follows the last one:
    padding with zeros, or anything else that does not begin like a member. Unlike it, it lets the flags pass that the
    format reserves (RFC 1952, 2.3.1.2): if they meant anything, the text would not have its checksum.

    A text of more than 1 MiB must leave as much room on the disk as it takes, so that even three bombs at one time
    leave a quarter of it to the others.

    Args:
        chunks: the gzip file, in pieces of any size; not read further once an error is certain.
        target: where the text goes. Its folder must exist. On any error no file is left there.
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
            for piece in _inflate(chunks):
                size += len(piece)
                if size > max_bytes:
                    raise BadFile(f"unzips to more than --max-bytes={max_bytes}")
                if size > _SMALL and size > (left := shutil.disk_usage(target.parent).free):
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


def _inflate(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Unzip piece by piece, each of `PIECE` bytes at most."""
    taken = members = 0
    member = None
    data = b""
    for part in _parts(chunks):
        taken += len(part)
        data += part  # between members, `data` may hold a first byte that begins the next one
        while data and (member or data != _MAGIC[:1]):
            if member is None:
                if not data.startswith(_MAGIC):
                    if members:
                        return
                    raise BadFile(f"not gzip: begins with {data[:4].hex(' ')} instead of 1f 8b")
                member = isal_zlib.decompressobj(_GZIP)
                members += 1
            yield from _pieces(member, data, taken)
            data = member.unused_data
            if member.eof:
                member = None
    if members == 0:
        raise BadFile("not gzip: " + ("the file has a single byte" if taken else "the file is empty"))
    if member is not None:
        raise BadFile(f"cut off after {taken} bytes of gzip")


def _parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut large chunks, because the library copies what it has not used yet each time that it stops at a full piece."""
    for chunk in chunks:
        for start in range(0, len(chunk), PIECE // 4):
            yield chunk[start : start + PIECE // 4]


def _pieces(member: isal_zlib.Decompress, data: bytes, taken: int) -> Iterator[bytes]:
    """Yield what `data` unzips to, to the end of `data` or of the member."""
    while not member.eof:
        try:
            piece = member.decompress(data, PIECE)
        except _CORRUPT as error:
            raise BadFile(f"corrupt within the first {taken} bytes of gzip ({error})") from error
        if piece:
            yield piece
        data = member.unconsumed_tail
        # A full piece without a tail: the library has used all input but may still hold output.
        if not data and len(piece) < PIECE:
            return
