"""Files and folders of a run that vanish when the run is killed: not at once, but with the next run.

A run locks what it is writing. The lock ends with its process, however that ends; so what a run finds unlocked belongs
to nobody. Where the system has no such locks (Windows) nothing is swept, and what a killed run left stays.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import IO, Any

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:
    fcntl = None

HIDDEN = ".????????????????.tmp"
"""How a result is called while it is written: `write_result` makes such names."""
PREFIX = "palleto-"
LOCK = ".lock"


def lock(file: IO[Any]) -> bool:
    """Lock an open file for this process, until it is closed. False if another process has it locked."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def wait_for_lock(descriptor: int) -> bool:
    """Lock an open file for this process when nobody else has it locked. False if there are no locks. It blocks."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:  # not on this file system
        return False
    return True


def _deserted(path: Path) -> bool:
    """Whether a file that is locked while somebody works with it is not."""
    try:
        with path.open("rb") as file:
            return lock(file)
    except OSError:  # it is gone, or somebody else's
        return False


def sweep(output: Path) -> None:
    """Remove the half-written results that killed runs left below `output`, and their spools. It blocks."""
    for path in output.rglob(HIDDEN):
        if _deserted(path):
            path.unlink(missing_ok=True)
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if not folder.is_symlink() and _deserted(folder / LOCK):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def locked_folder() -> Iterator[Path]:
    """A folder for the files of a spool, gone at the end of the block."""
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if fcntl is None:
            yield folder
            return
        new = folder / f"{LOCK}.new"
        with new.open("wb") as file:
            lock(file)
            new.rename(folder / LOCK)  # nobody sees the lock before it is locked
            yield folder
            with suppress(OSError):
                (folder / LOCK).unlink()
