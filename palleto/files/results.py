"""Results: where the one of each S3 key belongs, and written there whole or not at all. Both block."""

from __future__ import annotations

import errno
import secrets
import stat
import unicodedata
from io import FileIO
from pathlib import Path

from palleto.errors import BadFile, SettingError
from palleto.files.locks import lock
from palleto.files.pieces import write_all

_LONGEST_NAME = 255  # bytes in one name, on the file systems of Linux, macOS and Windows


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
            write_all(file, data)
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
