"""The files that a trace names: what to call them, and their text.

A trace keeps the last part of a file's name. The steps stand beside `palleto`, in a clone and where a wheel puts them,
and the talk's own in it.
A notebook's cells, which IPython names like `3740536404.py`, are in Python's own cache of lines.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterable
from pathlib import Path

from palleto.trace import TraceEvent

__all__ = ["called", "code_of", "place_of", "source_of", "text_of", "titles"]

_STEPS = Path(__file__).parents[2] / "steps"
_STEP = re.compile(r"step\d+\.py")
_TALK = Path(__file__).parents[1] / "lab" / "talk"
_TALKS = re.compile(r"talk_step\d+\.py")
_CELL = re.compile(r"\d+\.py|<ipython-input-.*>")
_HEADING = re.compile(r"^# ---- (\w+) ----|^(?:class|def|async def) (\w+)", re.MULTILINE)


def text_of(file: str) -> str | None:
    """The text of `step5.py`, or of a notebook's cell; None if it cannot be found.

    Another file is in Python's cache of lines if its traceback was printed: what is found there by the last part of its
    name must be the only one that ends so.
    """
    if _STEP.fullmatch(file) or _TALKS.fullmatch(file):
        try:
            return ((_STEPS if _STEP.fullmatch(file) else _TALK) / file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None
    known = [path for path in linecache.cache if Path(path).name == file]
    return "".join(linecache.getlines(known[0])) or None if len(known) == 1 else None


def called(file: str) -> str:
    """What a person calls a file of a trace: a cell by the section that it shows, or the first thing that it defines.

    "the Producer cell", or "a cell" for one that defines nothing; any other file keeps its name.
    """
    if _CELL.fullmatch(file) is None:
        return file
    match = _HEADING.search(text_of(file) or "")
    return "a cell" if match is None else f"the {match[1] or match[2]} cell"


def titles(files: Iterable[str]) -> list[str]:
    """What to call each file, no two alike: a cell that was run again after an edit is another file."""
    found: dict[str, int] = {}
    shown = []
    for name in map(called, files):
        found[name] = found.get(name, 0) + 1
        shown.append(name if found[name] == 1 else f"{name} ({found[name]})")
    return shown


def place_of(event: TraceEvent | None) -> str:
    """Where the code of a trace event stands: "step5.py:54", "the Producer cell:12"; empty if unknown."""
    return "" if event is None or event.file is None else f"{called(event.file)}:{event.line}"


def code_of(event: TraceEvent) -> str:
    """The line of code that caused a trace event, without its indent; empty if it cannot be found."""
    if event.file is None or event.line is None:
        return ""
    lines = (text_of(event.file) or "").splitlines()
    return lines[event.line - 1].strip() if 0 < event.line <= len(lines) else ""


def source_of(event: TraceEvent) -> str:
    """Where the code of a trace event stands, and the code: "step5.py, line 54: `task.kill()`"; empty if unknown."""
    if event.file is None or event.line is None:
        return ""
    code = code_of(event)
    return f"{called(event.file)}, line {event.line}" + (f": `{code}`" if code else "")
