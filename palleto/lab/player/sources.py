"""The source of the files that a trace names: the steps, and the cells of a notebook."""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterable
from pathlib import Path

import palleto

_STEP = re.compile(r"step\d+\.py")
_STEPS = Path(palleto.__file__).parents[1] / "steps"  # beside `palleto`, in a clone and where a wheel puts it


def sources(files: Iterable[str]) -> dict[str, str | None]:
    """A text for each file name of a trace; None for one that is not found."""
    return {name: source(name) for name in files}


def source(name: str) -> str | None:
    """The text of `step5.py`, or of a notebook's cell; None if it cannot be found.

    A trace keeps only the last part of a file's name. A cell of a notebook is in Python's own cache of lines, and so
    is no other file unless its traceback was printed: what is found there by its last part alone must be the only one.
    """
    if _STEP.fullmatch(name):
        try:
            return (_STEPS / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None
    known = [path for path in linecache.cache if Path(path).name == name]
    return "".join(linecache.getlines(known[0])) or None if len(known) == 1 else None
