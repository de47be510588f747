"""Count the lines of a file, of whatever size. It blocks: a stage calls it in a worker thread."""

from __future__ import annotations

from pathlib import Path

from palleto.files.gzip import Zipped
from palleto.files.pieces import PIECE


def count_lines(path: Path | Zipped, chunk_bytes: int = PIECE) -> int:
    r"""Count the lines that are not empty, as `LC_ALL=C grep -c .` does; a last line need not end in a newline.

    A line is not empty if it has any byte besides its `\n`: a space, a `\r`, or a byte that is no valid UTF-8,
    which `grep` in a UTF-8 locale would not count. A NUL byte ends a line, because it does so for GNU grep.

    Args:
        path: the file, or one that is here as gzip.
        chunk_bytes: how much to read at a time, 1 or more.

    Raises:
        OSError: the file cannot be read.
        BadFile: it is no gzip, or corrupt, or too large (see `Zipped`).
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
