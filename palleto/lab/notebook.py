"""The notebooks' files: code cells that show sections of a step or a lab, equal to its file's, the minutes that a
notebook takes, and nothing that a run left.

    python -m palleto.lab.notebook sync     put the steps' sections and the minutes into the notebooks, strip outputs
    python -m palleto.lab.notebook check    say what `sync` would change; exit 1 if there is something

A code cell shows a section if it begins with its heading (`# ---- Server ----`), and the imports if it begins with
`from __future__`. One that tells something (`tell(...)`) hides its code: its sentence would be read twice. Notebook
`step4_....ipynb` belongs to step 4; `LABS` names the files of the labs that show some.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from palleto.cloud.command_line import start
from palleto.errors import SettingError
from palleto.program import lesson

_PACKAGE = Path(__file__).parents[1]
FOLDER = next(filter(Path.is_dir, [_PACKAGE / "notebooks", _PACKAGE.parent / "notebooks"]), _PACKAGE / "notebooks")
"""Where the notebooks are: in an installed package, else in a clone of the repository."""

WORDS, LINES, CHALLENGE = 180, 15, 5
"""Words and lines of code that are read in a minute, and minutes that a challenge takes. A question takes one."""

KINDS = ("markdown", "code")

LABS = {"lab3_supervision": ("trees",), "lab4_overload": ("ways", "backlog"), "lab5_capacity": ("alternatives",)}
"""The modules whose sections a lab's notebook shows: of `lab4_overload` those of `palleto.lab.overload`."""

_HEADING = re.compile(r"# ---- (\w+) ----")
_NAME = re.compile(r"step(\d)_\w+\.ipynb")
_TELLS = re.compile(r"^tell\(", re.MULTILINE)
_MINUTES = re.compile(r"(?<=About )\d+(?= minutes)")
_ROW = re.compile(r"(\((\w+\.ipynb)\)[^\n]*\| )\d+(?= \|)")


def notebooks(folder: Path = FOLDER) -> list[Path]:
    """The notebooks, the index first. Raises SettingError if there are none."""
    found = sorted(folder.glob("*.ipynb"), key=lambda path: (path.stem != "index", path.name))
    if not found:
        raise SettingError(f"expected notebooks in {folder}, got none; install palleto again, or clone its repository")
    return found


def number_of(path: Path) -> int | None:
    """The number of the step that a notebook belongs to; None for a lab, the index and the glossary."""
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match else None


def sections_of(path: Path) -> dict[str, lesson.Section]:
    """The sections that a notebook may show, by name: of its step, or of its lab's modules; the first of each name."""
    number = number_of(path)
    if number is not None:
        found = list(lesson.read(number).sections)
    else:
        folder = _PACKAGE / "lab" / path.stem.partition("_")[2]
        files = [folder / f"{module}.py" for module in LABS.get(path.stem, ())]
        found = [section for file in files for section in lesson.sections(file.read_text(encoding="utf-8"))]
    return {section.name: section for section in reversed(found)}


def section_of(source: str) -> str | None:
    """The name of the section that a cell shows; None if it shows none."""
    if source.startswith("from __future__"):
        return lesson.IMPORTS
    match = _HEADING.match(source)
    return match[1] if match else None


def minutes(cells: list[Any]) -> int:
    """How long a learner takes: to read text and code, to answer the questions, to solve the challenges; in fives."""
    text, code = ("\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == kind) for kind in KINDS)
    lines = [line for line in code.splitlines() if line.strip()]
    questions = len(re.findall(r"\bask\(", code))
    challenges = len(set(re.findall(r"\bchallenge\((.+?)\)", code)))
    exactly = len(text.split()) / WORDS + len(lines) / LINES + questions + challenges * CHALLENGE
    return max(5, 5 * round(exactly / 5))


def _timed(text: str, path: Path, cells: list[Any]) -> str:
    """Markdown with the minutes that it says: those of each row's notebook in the index, elsewhere of its own."""

    def of_row(row: re.Match[str]) -> str:
        return f"{row[1]}{minutes(json.loads(synced(path.parent / row[2]))['cells'])}"

    return _ROW.sub(of_row, text) if path.stem == "index" else _MINUTES.sub(str(minutes(cells)), text)


def synced(path: Path) -> str:
    """The text that the notebook's file should have: the step's sections, the minutes, and nothing that a run left."""
    content = json.loads(path.read_text(encoding="utf-8"))
    sections = sections_of(path)
    for cell in content["cells"]:
        if cell["cell_type"] != "code":
            continue
        cell["outputs"], cell["execution_count"] = [], None
        section = sections.get(section_of("".join(cell["source"])) or "")
        if section is not None:
            cell["source"] = section.source.splitlines(keepends=True)
    for cell in content["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = _timed("".join(cell["source"]), path, content["cells"]).splitlines(keepends=True)
        cell["metadata"] = {key: value for key, value in cell["metadata"].items() if key == "tags"}
        if cell["cell_type"] == "code" and _TELLS.search("".join(cell["source"])):
            cell["metadata"]["jupyter"] = {"source_hidden": True}
    content["metadata"] = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def drifted(folder: Path = FOLDER) -> Iterator[Path]:
    """The notebooks whose files are not as they should be."""
    for path in notebooks(folder):
        if path.read_text(encoding="utf-8") != synced(path):
            yield path


@click.group()
def notebook() -> None:
    """Keep the notebooks' code cells equal to the steps' sections, and their files without outputs."""


@notebook.command()
def sync() -> None:
    """Put the steps' sections into the notebooks, and strip outputs."""
    for path in list(drifted()):
        path.write_text(synced(path), encoding="utf-8")
        print(f"synced: {path.name}")


@notebook.command()
def check() -> int:
    """Say which notebooks `sync` would change. The exit status is 1 if there is one."""
    changed = list(drifted())
    for path in changed:
        print(f"drifted: {path.name}")
    return int(bool(changed))


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line. Exits with 1 for `check` that found something, and for a folder without notebooks."""
    start(notebook, "python -m palleto.lab.notebook", arguments)


if __name__ == "__main__":
    main()
