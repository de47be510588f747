"""The notebooks in a folder of the user's: a copy to write in, with the step files that they link to.

In a folder `mine` they are `mine/notebooks/index.ipynb` and so on, and `mine/steps/step1.py` and so on. The step files
are there to be read: what the notebooks import is the package's.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from palleto.errors import SettingError
from palleto.lab.notebook import FOLDER, notebooks
from palleto.program import lesson

_ELSEWHERE = re.compile(r"\[([^\[\]]+)\]\(\.\./(?!steps/)[^)]*\)")
"""A link to what only the repository has."""
_LEFT_BY_RUNS = {"output", "__pycache__"}


@dataclass(frozen=True, slots=True)
class Copies:
    """What `copy` did: the folder, and how many files were copied, and how many were there and kept as they are."""

    folder: Path
    copied: int
    kept: int

    @property
    def notebooks(self) -> Path:
        """The folder of the notebooks, the index among them."""
        return self.folder / "notebooks"

    def __str__(self) -> str:
        if not self.kept:
            return f"copied {self.copied} files to {self.folder}"
        kept = f"kept the {self.kept} files that are in {self.folder} already"
        return f"{kept}, and copied {self.copied}" if self.copied else kept


def copy(folder: Path) -> Copies:
    """Copy the notebooks and the step files into a folder, which is made if need be. No file is overwritten.

    Raises SettingError if there are no notebooks, or the folder cannot be written to.
    """
    notebooks()
    copied = kept = 0
    try:
        for source, name in _files():
            target = folder / name
            if target.exists():
                kept += 1
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.suffix == ".ipynb":
                target.write_text(_ELSEWHERE.sub(r"\1", source.read_text(encoding="utf-8")), encoding="utf-8")
            else:
                shutil.copyfile(source, target)
            copied += 1
    except OSError as error:
        reason = "it is a file" if folder.is_file() else error.strerror or str(error)
        raise SettingError(f"expected a folder to write to, got {folder}: {reason}; choose another") from None
    return Copies(folder, copied, kept)


def _files() -> Iterator[tuple[Path, Path]]:
    """Each file, and where it is in a copy."""
    for path in sorted(FOLDER.rglob("*")):
        name = path.relative_to(FOLDER)
        left = any(part in _LEFT_BY_RUNS or part.startswith(".") for part in name.parts)
        if path.is_file() and not left:
            yield path, Path("notebooks", name)
    for path in sorted(lesson.FOLDER.glob("step*.py")):
        yield path, Path("steps", path.name)
