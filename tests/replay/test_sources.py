"""The files of a trace: the steps, and the cells of a notebook, which are in Python's cache of lines."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from pathlib import Path

import pytest

from palleto import TraceEvent
from palleto.replay.sources import called, code_of, place_of, source_of, text_of, titles
from steps import step5

CELL = TraceEvent(7, 1.5, "#3", "loop_killed", file="123456789.py", line=2)


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Gives the cell `123456789.py` that text."""

    def write(text: str, folder: str = "/tmp/ipykernel_77") -> None:
        path = f"{folder}/123456789.py"
        monkeypatch.setitem(linecache.cache, path, (len(text), None, text.splitlines(keepends=True), path))

    return write


def test_the_line_of_a_cell(cell: Callable[..., None]) -> None:
    cell("a = 1\n    b = kill(a)\n")
    assert source_of(CELL) == "a cell, line 2: `b = kill(a)`"


def test_a_cell_is_called_by_its_section_or_by_what_it_defines(cell: Callable[..., None]) -> None:
    cell("# ---- Producer ----\n\nclass Other:\n")
    assert place_of(CELL) == "the Producer cell:2"
    assert titles(["step5.py", "123456789.py", "99.py", "123456789.py"]) == [
        "step5.py", "the Producer cell", "a cell", "the Producer cell (2)",
    ]  # fmt: skip
    cell("x = 1\nclass Other:\n")
    assert called("123456789.py") == "the Other cell"


def test_texts(cell: Callable[..., None]) -> None:
    assert text_of("step5.py") == Path(step5.__file__).read_text(encoding="utf-8")
    assert text_of("step0.py") is None
    assert (text_of("123456789.py"), code_of(CELL)) == (None, "")
    cell("a = 1\n")
    assert (text_of("123456789.py"), code_of(CELL)) == ("a = 1\n", "")  # it has no second line
    cell("a = 2\n", "/elsewhere")
    assert text_of("123456789.py") is None, "of two files that end so, neither is meant for sure"
