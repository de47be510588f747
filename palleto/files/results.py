"""Results: where the one of each S3 key belongs, and written there whole or not at all. Both block."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from contextlib import suppress
from io import FileIO
from pathlib import Path

from palleto.errors import BadFile, SettingError
from palleto.files.locks import lock, wait_for_lock
from palleto.files.pieces import write_all

ATTEMPTS = 5
_NOT_IN_KEYS = re.compile(r"[\\\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Backslashes, control characters, and halves of surrogate pairs."""
_LONGEST_NAME = 255  # bytes in one name, on the file systems of Linux, macOS and Windows


def result_path(output: Path, key: str) -> Path:
    """Name the result file of an S3 key: `output/<key without .gz>.txt`, always below `output`.

    Two different keys never share a path, nor is one's file another's folder. What would break that is refused:
    a key that does not end in `.gz`; an empty segment, `.` or `..`, so also a leading `/`; backslashes and
    control characters; a folder that ends in `.txt`; a name of more than 255 bytes; and below `output` a symbolic
    link, a folder where the result belongs, or a file where a folder does. On a file system that takes `A` and `a` for
    one name, keys that differ in no more do share a path.

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
    if _NOT_IN_KEYS.search(key):
        raise BadFile(f"expected a key without backslashes and control characters, got {shown}")
    if any(folder.lower().endswith(".txt") for folder in folders):
        raise BadFile(f"expected a key whose folders do not end in .txt, as results do, got {shown}")
    if max(len(segment.encode()) for segment in segments) > _LONGEST_NAME:
        raise BadFile(f"expected names of at most {_LONGEST_NAME} bytes (with .txt) in a key, got {shown}")
    # Not `Path`, which took 0.05 ms a key; not `resolve`: what it makes of a loop of links depends on Python's version.
    path = str(output)
    for depth, segment in enumerate(segments, 1):
        path = os.path.join(path, segment)  # noqa: PTH118
        try:
            mode = os.lstat(path).st_mode
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:  # the whole path: 4,096 bytes on Linux, 1,024 on macOS
                raise BadFile(f"expected a shorter key, got {shown}: {error.strerror}") from error
            continue  # nothing is there yet
        if stat.S_ISLNK(mode):
            raise BadFile(f"expected no symbolic link in {_shown(path)}, where the result of the key goes")
        is_result = depth == len(segments)
        if stat.S_ISDIR(mode) == is_result:
            there, wanted = ("folder", "the result") if is_result else ("file", "the folder for the result")
            raise BadFile(f"expected no {there} in {_shown(path)}, where {wanted} of the key goes; remove it")
    return Path(path)


def _shown(path: str) -> str:
    return repr(Path(path).as_posix())


Mark = tuple[int, int, int]
"""Which result it is that stands somewhere."""


def result_mark(path: Path) -> Mark | None:
    """Which result stands there now; None for none."""
    try:
        return _mark(path.lstat())
    except OSError:
        return None


def _mark(status: os.stat_result) -> Mark:
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def write_result(path: Path, text: str, seen: Mark | None = None) -> bool:
    """Write `text` to `path`, whole or not at all; folders are made, and an earlier result is replaced.

    Returns whether that may have been another one than the caller has `seen`. Of two writers that have seen the same,
    the second is always told so.

    The text goes to a hidden file of the same folder first, which is then renamed: a reader sees the old result
    or the new one, and nothing in between. On any error the hidden file is removed; if the process is killed, the next
    run does so (`palleto.files.locks`).

    Raises:
        BadFile: there is a folder where the result belongs.
        SettingError: the folder cannot be made or written to, or the disk is full.
    """
    data = text.encode()
    try:
        # Another run, as it began, swept the file in the moment before it was locked; or somebody removes folders.
        for _ in range(ATTEMPTS - 1):
            with suppress(FileNotFoundError):
                return _write_hidden(path, data, seen)
        return _write_hidden(path, data, seen)
    except IsADirectoryError as error:
        raise BadFile(f"expected no folder in {path.as_posix()!r}, where the result goes; remove it") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingError(
            f"cannot write results below {path.parent}: {reason}; choose another folder with --output"
        ) from error


def _write_hidden(path: Path, data: bytes, seen: Mark | None) -> bool:
    """Write a hidden file next to `path`, and give it that name. Whether another than the `seen` one had it."""
    hidden = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with _created(hidden) as file:
            locked = lock(file)
            write_all(file, data)
            if locked:  # and stays so until it is renamed
                return _renamed(hidden, path, seen)
        return _renamed(hidden, path, seen)
    except BaseException:
        hidden.unlink(missing_ok=True)
        raise


def _renamed(hidden: Path, path: Path, seen: Mark | None) -> bool:
    """Give a file its name, which another may have. Whether that may be another than the `seen` one.

    Of all writers of a name one alone links it; and who replaces a file has it locked, so that nobody replaces it
    between the look at it and the renaming.
    """
    while True:
        with suppress(OSError):  # there is one, or the file system has no hard links
            os.link(hidden, path)
            hidden.unlink()
            return False
        try:
            there = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        except OSError:
            hidden.replace(path)
            return True
        try:
            locked = wait_for_lock(there)
            status = os.fstat(there)
            if locked and result_mark(path) != _mark(status):  # somebody was faster
                continue
            hidden.replace(path)
            return not locked or _mark(status) != seen
        finally:
            os.close(there)


def _created(path: Path) -> FileIO:
    """A new file, and the folders above it, where they are missing: mostly they are not."""
    try:
        return path.open("xb", buffering=0)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb", buffering=0)
