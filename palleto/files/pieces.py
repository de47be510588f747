"""A file in pieces: what is read, unzipped or written at one time, so that memory is bounded whatever its size."""

from __future__ import annotations

from io import FileIO

PIECE = 1 << 16
"""Bytes that are worked on at one time. Dozens of threads do so at once, and glibc keeps what it once gave them: pieces
of 1 MiB made the whole process 10 MiB larger, and not faster."""


def write_all(file: FileIO, data: bytes) -> None:
    """Write all of it, unbuffered: each call to the system lets another thread have the interpreter's lock."""
    while data:
        data = data[file.write(data) :]
