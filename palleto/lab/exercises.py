"""The exercises of the notebooks: a file of questions and one of challenges a step, `questions/step5.py`.

They are looked for in the folder of the notebook first, so that a learner's copy has its own, then beside the package.
"""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from palleto.errors import SettingError, unknown

__all__ = ["find", "names"]

PACKAGE = Path(__file__).parents[1]
BESIDE = (PACKAGE.parent / "notebooks", PACKAGE / "notebooks")
"""Where the notebooks are: in a clone of the repository, and in an installed package."""


def find(kind: str, mark: str, name: str) -> Any:
    """What a file defines under a name: `find("questions", mark, "step5.kills")` reads `questions/step5.py`.

    mark: the attribute of the file's functions that holds what is wanted.

    Raises SettingError, with the nearest name, if there is none.
    """
    file, _, wanted = str(name).partition(".")
    known = defined_in(_path(kind, file), mark)
    if wanted not in known:
        raise unknown(name, (f"{file}.{one}" for one in known))
    return known[wanted]


def names(kind: str, mark: str) -> list[str]:
    """All names, as "step5.kills", in the order of files and of what stands in them."""
    folder = next((folder for folder in _folders(kind) if folder.is_dir()), None)
    paths = [] if folder is None else sorted(folder.glob("*.py"))
    return [f"{path.stem}.{name}" for path in paths for name in defined_in(path, mark)]


def defined_in(path: Path, mark: str) -> dict[str, Any]:
    """What the functions of a file define, by their names. Raises SettingError for a file that cannot be run."""
    try:
        found = runpy.run_path(str(path), run_name=f"palleto_{path.parent.name}_{path.stem}")
    except Exception as error:
        raise SettingError(f"expected Python that runs in {path}, got {type(error).__name__}: {error}") from None
    return {name: getattr(value, mark) for name, value in found.items() if hasattr(value, mark)}


def _folders(kind: str) -> Iterator[Path]:
    for folder in (Path.cwd(), *BESIDE):
        yield folder / kind


def _path(kind: str, file: str) -> Path:
    paths = [folder / f"{file}.py" for folder in _folders(kind)]
    if not any(path.is_file() for path in paths):
        there = sorted({path.stem for folder in _folders(kind) for path in folder.glob("*.py")})
        known = f", as there are {kind} of {', '.join(there)}" if there else ""
        raise SettingError(f"expected a name such as step5.kills{known}; got: {file!r}")
    return next(path for path in paths if path.is_file())
