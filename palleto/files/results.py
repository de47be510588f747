"""Files on disk: unzip within bounds, count lines, and write results where they belong.

Plain blocking functions: a stage calls them through `anyio.to_thread.run_sync`. Memory is bounded by a MiB
or two, whatever the size of a file or of its longest line.
"""

from __future__ import annotations

import errno
import secrets
import shutil
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

from isal import isal_zlib

from palleto.errors import BadFile, SettingError
from palleto.files.locks import lock
from palleto.files.spool import open_over

__all__ = ["count_lines", "result_path", "unzip", "write_result"]

PIECE = 1 << 16
"""Bytes that are worked on at one time. Dozens of threads do so at once, and glibc keeps what it once gave them: pieces
of 1 MiB made the whole process 10 MiB larger, and not faster."""
_SMALL = 1 << 20  # a text that may take the last of a disk
_MAGIC = b"\x1f\x8b"  # how every member of a gzip file begins
_GZIP = 31  # as zlib's wbits: the largest window, in a gzip wrapper
_CORRUPT: Any = isal_zlib.error  # its types say that it is an exception, where it is the class of them
_FULL = (errno.ENOSPC, errno.EDQUOT)
_LONGEST_NAME = 255  # bytes in one name, on the file systems of Linux, macOS and Windows


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
                _write(file, piece)
            file.truncate()
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _FULL:  # every other file would fail as well
            raise SettingError(
                f"cannot unzip to {target.parent}: {error.strerror}; name a folder with more room in TMPDIR"
            ) from error
        raise
    return size


def _write(file: FileIO, data: bytes) -> None:
    """Write all of it, unbuffered: each call to the system lets another thread have the interpreter's lock."""
    while data:
        data = data[file.write(data) :]


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


def count_lines(path: Path, chunk_bytes: int = PIECE) -> int:
    r"""Count the lines that are not empty, as `LC_ALL=C grep -c .` does; a last line need not end in a newline.

    A line is not empty if it has any byte besides its `\n`: a space, a `\r`, or a byte that is no valid UTF-8,
    which `grep` in a UTF-8 locale would not count. A NUL byte ends a line, because it does so for GNU grep.

    Args:
        path: the file.
        chunk_bytes: how much to read at a time, 1 or more.

    Raises:
        OSError: the file cannot be read.
    """
    lines = 0
    inside = False  # a line whose first byte came, and with it its count, in a chunk before
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(chunk_bytes):
            # Cut at each newline and counted: half the time of a search for two newlines in a row.
            pieces = chunk.replace(b"\0", b"\n").split(b"\n")
            lines += len(pieces) - pieces.count(b"") - (inside and pieces[0] != b"")
            inside = pieces[-1] != b""
    return lines


def result_path(output: Path, key: str) -> Path:
    """Name the result file of an S3 key: `output/<key without .gz>.txt`, always below `output`.

    Two different keys never share a path, nor is one's file another's folder. What would break that is refused:
    a key that does not end in `.gz`; an empty segment, `.` or `..`, so also a leading `/`; backslashes and
    control characters; a folder that ends in `.txt`; a name of more than 255 bytes; a symbolic link below
    `output`. On a file system that takes `A` and `a` for one name, keys that differ in no more do share a path.

        >>> result_path(Path("output"), "packrat/data/20160720.gz").as_posix()
        'output/packrat/data/20160720.txt'

    Raises:
        BadFile: the key is refused.
    """
    shown = ascii(key) if len(key) <= 80 else f"{key[:80]!a}..."
    if not key.endswith(".gz"):
        raise BadFile(f"expected a key that ends in .gz, got {shown}")
    *folders, name = key.split("/")
    segments = [*folders, name.removesuffix(".gz") + ".txt"]
    if any(segment in ("", ".", "..") for segment in folders):
        raise BadFile(f"expected a key without empty, '.' or '..' segments, got {shown}")
    if any(character == "\\" or unicodedata.category(character) in ("Cc", "Cs") for character in key):
        raise BadFile(f"expected a key without backslashes and control characters, got {shown}")
    if any(folder.lower().endswith(".txt") for folder in folders):
        raise BadFile(f"expected a key whose folders do not end in .txt, as results do, got {shown}")
    if max(len(segment.encode()) for segment in segments) > _LONGEST_NAME:
        raise BadFile(f"expected names of at most {_LONGEST_NAME} bytes (with .txt) in a key, got {shown}")
    path = output
    for segment in segments:  # not `resolve`: what it makes of a loop of links depends on Python's version
        path = path / segment
        try:
            is_link = stat.S_ISLNK(path.lstat().st_mode)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:  # the whole path: 4,096 bytes on Linux, 1,024 on macOS
                raise BadFile(f"expected a shorter key, got {shown}: {error.strerror}") from error
            is_link = False  # nothing is there yet
        if is_link:
            raise BadFile(f"expected no symbolic link in {path.as_posix()!r}, where the result of the key goes")
    return path


def write_result(path: Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all; folders are made, and an earlier result is replaced.

    The text goes to a hidden file of the same folder first, which is then renamed: a reader sees the old result
    or the new one, and nothing in between. On any error the hidden file is removed; if the process is killed, the next
    run does so (`palleto.files.locks`).

    Raises:
        SettingError: the folder cannot be made or written to, or the disk is full.
    """
    data = text.encode()
    try:
        try:
            _write_hidden(path, data)
        except FileNotFoundError:  # another run, as it began, swept the file in the moment before it was locked
            _write_hidden(path, data)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingError(
            f"cannot write results below {path.parent}: {reason}; choose another folder with --output"
        ) from error


def _write_hidden(path: Path, data: bytes) -> None:
    """Write a hidden file next to `path`, and rename it to that."""
    hidden = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with _created(hidden) as file:
            locked = lock(file)
            _write(file, data)
            if locked:  # and stays so until it is renamed
                hidden.replace(path)
        if not locked:
            hidden.replace(path)
    except BaseException:
        hidden.unlink(missing_ok=True)
        raise


def _created(path: Path) -> FileIO:
    """A new file, and the folders above it, where they are missing: mostly they are not."""
    try:
        return path.open("xb", buffering=0)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb", buffering=0)
