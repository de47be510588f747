"""A step's source as a lesson: its docstring's fields and its sections, and the difference of two steps.

    difference(read(4), read(5))   # a `Change` for each section: what was kept, added and removed

A step file is a docstring (title, diagram, `Changed:`, `Why:`, `Unchanged:`, `Predict:`), the import head, and
sections, each of which begins with a line like `# ---- Server ----`. All here is data; who shows it chooses colours.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import groupby, pairwise
from pathlib import Path
from typing import Literal

from palleto.errors import SettingError

__all__ = [
    "FIELDS",
    "IMPORTS",
    "SECTIONS",
    "Change",
    "Lesson",
    "Line",
    "Section",
    "counted",
    "difference",
    "parse",
    "read",
    "stretches",
]

IMPORTS = "Imports"
"""What the lines between the docstring and the first section are called."""
SECTIONS = ("Server", "Producer", "ProducerConsumer", "Consumer", "Pipeline", "Run")
"""The sections of a step, in the order in which they stand; a step need not have each."""
FIELDS = ("Changed", "Why", "Unchanged", "Predict")
"""The fields of a step's docstring, in the order in which they stand."""
STEPS = range(1, 10)
"""The numbers of the steps."""

Kind = Literal["unchanged", "changed", "added", "removed"]

CONTEXT = 3
"""Lines shown around a change; longer stretches that are kept are folded."""

_FOLDER = Path(__file__).parents[2] / "steps"  # beside `palleto`, in a clone and where a wheel puts it
_HEADING = re.compile(r"# ---- (\w+) ----")
_TITLE = re.compile(r"Step (\d+): (.+)\.")
_FIELD = re.compile(rf"^({'|'.join(FIELDS)}):", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a step: its name, the number of its first line in the file (from 1), and its lines."""

    name: str
    start: int
    lines: tuple[str, ...] = field(repr=False)

    @property
    def source(self) -> str:
        """Its lines as one text, without a newline at the end: a notebook's cell."""
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A step. The fields of its docstring are texts as they stand there, without their names.

    >>> read(4)
    Lesson(number=4, title='nothing is there yet, so the server waits')
    >>> read(4).names_changed, read(4).names_unchanged
    (('Server',), ('Producer', 'Consumer', 'Pipeline', 'Run'))
    """

    number: int
    title: str
    diagram: str = field(repr=False)
    changed: str = field(repr=False)
    why: str = field(repr=False)
    unchanged: str = field(repr=False)
    predict: str = field(repr=False)
    sections: tuple[Section, ...] = field(repr=False)

    @property
    def command(self) -> str:
        """What runs the step."""
        return f"python -m steps.step{self.number}"

    @property
    def names_changed(self) -> tuple[str, ...]:
        """The sections that the docstring names as changed; all that there are, if it says "everything"."""
        if self.changed.startswith("everything"):
            return tuple(section.name for section in self.sections if section.name in SECTIONS)
        return _names(self.changed)

    @property
    def names_unchanged(self) -> tuple[str, ...]:
        """The sections that the docstring names as unchanged."""
        return _names(self.unchanged)

    def section(self, name: str) -> Section | None:
        """The section of that name; None if the step does not have it."""
        return next((section for section in self.sections if section.name == name), None)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a difference: in both steps (kept), only in the second (added), or only in the first (removed)."""

    mark: Literal["kept", "added", "removed"]
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one section: its lines in the order in which a reader meets them.

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


def read(number: int) -> Lesson:
    """Read a step of this package, 1 to 9. Raises SettingError for another number, or a file that is no lesson."""
    if isinstance(number, bool) or number not in STEPS:
        raise SettingError(f"expected the number of a step, {STEPS[0]} to {STEPS[-1]}, got: {number!r}")
    try:
        return parse((_FOLDER / f"step{number}.py").read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"expected the source of step {number}, got: {error}") from None


def parse(source: str) -> Lesson:
    """Take a step's source apart. Raises SettingError for one that is not Python, or has no lesson's docstring."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise SettingError(f"expected the source of a step, got: {error}") from None
    docstring = ast.get_docstring(tree) or ""
    title = _TITLE.match(docstring)
    # ["the title and the diagram", "Changed", "its text", "Why", "its text", ...]
    start, *rest = _FIELD.split(docstring)
    fields = dict(zip(rest[::2], rest[1::2], strict=True))
    missing = [name for name in FIELDS if not fields.get(name, "").strip()]
    if title is None or missing:
        lacks = f"no {', '.join(missing)}" if missing else f"{docstring[:60]!r}"
        raise SettingError(f"expected a docstring 'Step N: title.' with {', '.join(FIELDS)}, got: {lacks}")
    changed, why, unchanged, predict = (fields[name].strip() for name in FIELDS)
    diagram = start.partition("\n")[2].strip("\n")
    sections = _sections(source.splitlines(), after=tree.body[0].end_lineno or 0)
    return Lesson(int(title[1]), title[2], diagram, changed, why, unchanged, predict, sections)


def _sections(lines: Sequence[str], after: int) -> tuple[Section, ...]:
    """The sections of a file, from the import head on, which begins after that many lines."""
    headings = [(number, match[1]) for number, line in enumerate(lines) if (match := _HEADING.fullmatch(line))]
    found = []
    for (start, name), (end, _) in pairwise([(after, IMPORTS), *headings, (len(lines), "")]):
        filled = [number for number in range(start, end) if lines[number].strip()] or [start]
        found.append(Section(name, filled[0] + 1, tuple(lines[filled[0] : filled[-1] + 1])))
    return tuple(found)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in SECTIONS if re.search(rf"\b{name}\b", text))


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
