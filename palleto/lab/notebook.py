"""The notebooks' files: code cells that show a step's sections, equal to the step's, and nothing that a run left.

    python -m palleto.lab.notebook sync     put the steps' sections into the notebooks, and strip outputs
    python -m palleto.lab.notebook check    say what `sync` would change; exit 1 if there is something

A code cell shows a section if it begins with its heading (`# ---- Server ----`), and the imports if it begins with
`from __future__`. Notebook `step4_....ipynb` belongs to step 4.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from palleto.program import lesson

FOLDER = Path(__file__).parents[2] / "notebooks"

_HEADING = re.compile(r"# ---- (\w+) ----")
_NAME = re.compile(r"step(\d)_\w+\.ipynb")


def notebooks(folder: Path = FOLDER) -> list[Path]:
    """The notebooks, the index first."""
    return sorted(folder.glob("*.ipynb"))


def number_of(path: Path) -> int | None:
    """The number of the step that a notebook belongs to; None for the index."""
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match else None


def section_of(source: str) -> str | None:
    """The name of the section that a cell shows; None if it shows none."""
    if source.startswith("from __future__"):
        return lesson.IMPORTS
    match = _HEADING.match(source)
    return match[1] if match else None


def synced(path: Path) -> str:
    """The text that the notebook's file should have: the step's sections, no outputs, no counts, no widget state."""
    content = json.loads(path.read_text(encoding="utf-8"))
    number = number_of(path)
    for cell in content["cells"]:
        if cell["cell_type"] != "code":
            continue
        cell["outputs"], cell["execution_count"] = [], None
        name = section_of("".join(cell["source"]))
        if number is not None and name is not None:
            section = lesson.read(number).section(name)
            if section is not None:
                cell["source"] = section.source.splitlines(keepends=True)
    for cell in content["cells"]:
        cell["metadata"] = {key: value for key, value in cell["metadata"].items() if key in ("tags", "jupyter")}
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


def main(arguments: list[str]) -> int:
    """The command line; returns the exit status."""
    if arguments not in (["sync"], ["check"]):
        print("usage: python -m palleto.lab.notebook sync | check", file=sys.stderr)
        return 2
    changed: list[Any] = list(drifted())
    for path in changed:
        if arguments == ["sync"]:
            path.write_text(synced(path), encoding="utf-8")
        print(f"{'synced' if arguments == ['sync'] else 'drifted'}: {path.name}")
    return int(bool(changed) and arguments == ["check"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
