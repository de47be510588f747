"""The difference of two steps: what of each section was kept, added and removed.

All here is data; who shows it chooses colours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal

from palleto.program.lesson import IMPORTS, SECTIONS, Lesson

Kind = Literal["unchanged", "changed", "added", "removed"]

CONTEXT = 3
"""Lines shown around a change; longer stretches that are kept are folded."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a difference: in both steps (kept), only in the second (added), or only in the first (removed)."""

    mark: Literal["kept", "added", "removed"]
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one section: its lines in the order in which a reader meets them.

    >>> from palleto.program.lesson import read
    >>> difference(read(3), read(4))[:3]
    [Change(name='Imports', kind='unchanged'), Change(name='Server', kind='changed'), \
Change(name='Producer', kind='unchanged')]
    """

    name: str
    kind: Kind
    lines: tuple[Line, ...] = field(repr=False)

    @property
    def added(self) -> int:
        """How many lines were added, blank ones not counted."""
        return self._count("added")

    @property
    def removed(self) -> int:
        """How many lines were removed, blank ones not counted."""
        return self._count("removed")

    def _count(self, mark: str) -> int:
        return sum(line.mark == mark and bool(line.text.strip()) for line in self.lines)


def difference(before: Lesson, after: Lesson) -> list[Change]:
    """A change for each section that either has, in the order of `SECTIONS`, the imports first."""
    changes = []
    for name in (IMPORTS, *SECTIONS):
        old, new = before.section(name), after.section(name)
        if old is not None or new is not None:
            lines = tuple(_compare(old.lines if old else (), new.lines if new else ()))
            same = all(line.mark == "kept" for line in lines)
            kind: Kind = "added" if old is None else "removed" if new is None else "unchanged" if same else "changed"
            changes.append(Change(name, kind, lines))
    return changes


def _compare(old: Sequence[str], new: Sequence[str]) -> list[Line]:
    found: list[Line] = []
    # autojunk would take a line that comes often for noise.
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            found += [Line("kept", text) for text in old[i1:i2]]
        else:
            found += [Line("removed", text) for text in old[i1:i2]]
            found += [Line("added", text) for text in new[j1:j2]]
    return found


def counted(change: Change) -> str:
    """How much of a section changes, in words."""
    if change.kind == "unchanged":
        return "unchanged"
    if change.kind in ("added", "removed"):
        return f"{change.kind}, {change.added or change.removed} lines"
    parts = [f"{count} {mark}" for count, mark in ((change.added, "added"), (change.removed, "removed")) if count]
    return " and ".join(parts) if parts else "blank lines"


def stretches(change: Change) -> Iterator[Line | list[Line]]:
    """The lines of a change, and in place of a long stretch that is kept a list of it, to be folded."""
    groups = [list(lines) for _, lines in groupby(change.lines, key=lambda line: line.mark == "kept")]
    for number, lines in enumerate(groups):
        head = CONTEXT if number > 0 else 1  # the section's own heading
        tail = CONTEXT if number < len(groups) - 1 else 0
        if lines[0].mark != "kept" or len(lines) <= head + tail + 1:
            yield from lines
        else:
            yield from lines[:head]
            yield lines[head : len(lines) - tail]
            yield from lines[len(lines) - tail :]
