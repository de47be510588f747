"""Standard output and standard error that are closed, full, or whose reader is gone: no reason for a traceback."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from palleto.errors import one_line


def open_closed() -> None:
    """Open the standard streams that this process was started without, as a daemon is: to nowhere.

    Else the next file or socket would get a stream's number, and what others print would go there.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is not None:
            continue
        try:
            os.fstat(number)
        except OSError:
            _point(number, os.devnull)
        stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - it stays open as long as the process
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def silence() -> None:
    """Let what cannot be written to standard output or standard error go nowhere, from now on."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _point(stream.fileno(), os.devnull)


def tell(line: str) -> bool:
    """Print a line to standard error, if that can be written to; and whether it can."""
    try:
        print(one_line(line), file=sys.stderr, flush=True)
    except OSError:
        silence()
        return False
    return True


def _point(number: int, path: str) -> None:
    """Let a stream's number stand for this file."""
    file = os.open(path, os.O_RDWR)
    if file != number:
        os.dup2(file, number)
        os.close(file)
