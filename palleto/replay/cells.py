"""The cells of a notebook in a trace: what to call them. IPython gives each a file name like `3740536404.py`."""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterable
from pathlib import Path

from palleto.trace import TraceEvent

__all__ = ["called", "is_cell", "place_of", "titles"]

_CELL = re.compile(r"\d+\.py|<ipython-input-.*>")
_HEADING = re.compile(r"^# ---- (\w+) ----|^(?:class|def|async def) (\w+)", re.MULTILINE)


def is_cell(file: str) -> bool:
    """Whether a file's name is one that IPython gives to a cell."""
    return _CELL.fullmatch(file) is not None


def called(file: str) -> str:
    """What a person calls a file of a trace: a cell by the section that it shows, or the first thing that it defines.

    "the Producer cell", or "a cell" for one that defines nothing; any other file keeps its name.
    """
    if not is_cell(file):
        return file
    known = next((name for name in reversed(list(linecache.cache)) if Path(name).name == file), None)
    match = _HEADING.search("" if known is None else "".join(linecache.getlines(known)))
    return "a cell" if match is None else f"the {match[1] or match[2]} cell"


def place_of(event: TraceEvent | None) -> str:
    """Where the code of a trace event stands: "step5.py:54", "the Producer cell:12"; empty if unknown."""
    return "" if event is None or event.file is None else f"{called(event.file)}:{event.line}"


def titles(files: Iterable[str]) -> list[str]:
    """What to call each file, no two alike: a cell that was run again after an edit is another file."""
    found: dict[str, int] = {}
    shown = []
    for name in map(called, files):
        found[name] = found.get(name, 0) + 1
        shown.append(name if found[name] == 1 else f"{name} ({found[name]})")
    return shown
