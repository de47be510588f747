"""A step's source as a lesson: its docstring's fields and its sections.

A step file is a docstring (title, diagram, `Changed:`, `Why:`, `Unchanged:`, `Predict:`), the import head, and
sections, each of which begins with a line like `# ---- Server ----`.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from palleto.errors import SettingError

IMPORTS = "Imports"
"""What the lines between the docstring and the first section are called."""
SECTIONS = ("Server", "Producer", "ProducerConsumer", "Consumer", "Pipeline", "Run")
"""The sections of a step, in the order in which they stand; a step need not have each."""
FIELDS = ("Changed", "Why", "Unchanged", "Predict")
"""The fields of a step's docstring, in the order in which they stand."""
STEPS = range(1, 10)
"""The numbers of the steps."""

FOLDER = Path(__file__).parents[2] / "steps"
"""Where the steps are: beside `palleto`, in a clone and where a wheel puts it."""

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


def read(number: int) -> Lesson:
    """Read a step of this package, 1 to 9. Raises SettingError for another number, or a file that is no lesson."""
    if isinstance(number, bool) or number not in STEPS:
        raise SettingError(f"expected the number of a step, {STEPS[0]} to {STEPS[-1]}, got: {number!r}")
    try:
        return parse((FOLDER / f"step{number}.py").read_text(encoding="utf-8"))
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
    return Lesson(int(title[1]), title[2], diagram, changed, why, unchanged, predict, sections(source))


def sections(source: str) -> tuple[Section, ...]:
    """The sections of a Python file with a docstring, from its import head on."""
    lines, after = source.splitlines(), ast.parse(source).body[0].end_lineno or 0
    headings = [(number, match[1]) for number, line in enumerate(lines) if (match := _HEADING.fullmatch(line))]
    found = []
    for (start, name), (end, _) in pairwise([(after, IMPORTS), *headings, (len(lines), "")]):
        filled = [number for number in range(start, end) if lines[number].strip()] or [start]
        found.append(Section(name, filled[0] + 1, tuple(lines[filled[0] : filled[-1] + 1])))
    return tuple(found)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in SECTIONS if re.search(rf"\b{name}\b", text))
