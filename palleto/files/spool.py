"""The files of a run that are on their way from the bucket to a result, in a folder that is gone after the run.

A file that is done is written over by a later one, in place. To make a file and to remove it costs 0.5 ms of processor
time where two dozen threads do so in one folder, as they wait for each other in the kernel; to write over one, 0.15.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any

SPARE = 1 << 20
"""Bytes that a file may have to be kept when it is done: of larger ones it is the room that counts."""


class Spool:
    """Paths in `folder` that nobody else uses.

    A name is handed out again as another path: another object. So whoever still has the old one, in a batch that is
    lost, say, has nothing any more, and cannot remove or read what is somebody else's now.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count(1)
        self._spare: list[str] = []
        self._holders: dict[str, Path | None] = {}  # of names that were done once; None: it is spare
        self.origins: dict[str, Any] = {}  # of what a file was made, by its name, where its maker has noted that

    def __repr__(self) -> str:
        return f"<Spool {self.folder}: {len(self._spare)} spare>"

    def new(self) -> Path:
        """A path for a file that is to be written. There may be an old one, to be written over (`open_over`)."""
        if not self._spare:
            return self.folder / str(next(self._numbers))
        name = self._spare.pop()
        path = self._holders[name] = self.folder / name
        return path

    def done(self, path: Path) -> None:
        """Its file will not be read any more, and has `SPARE` bytes at most, or is removed."""
        if self.owned([path]):
            self._holders[path.name] = None
            self.origins.pop(path.name, None)
            self._spare.append(path.name)

    def owned(self, things: Iterable[Any]) -> list[Path]:
        """The paths of this spool that are among these things, or part of them, as far as they are still valid."""
        found: list[Path] = []
        for thing in things:
            if isinstance(thing, Path) and thing.parent == self.folder:
                if self._holders.get(thing.name, thing) is thing:
                    found.append(thing)
            elif isinstance(thing, list | tuple):
                found += self.owned(thing)
        return found

    def remove(self, things: Iterable[Any]) -> None:
        """Remove the files whose paths are `owned`."""
        for path in self.owned(things):
            path.unlink(missing_ok=True)
            self._holders.pop(path.name, None)
            self.origins.pop(path.name, None)


def open_over(path: str, flags: int) -> int:
    """An `opener` that keeps what is in a file, to be written over: to cut it off first is the slow part of it.

    Whoever writes less than there was truncates it. A folder that somebody has removed is made again.
    """
    try:
        return os.open(path, flags & ~os.O_TRUNC, 0o666)
    except FileNotFoundError:
        make_folder_again(Path(path).parent)
        return os.open(path, flags & ~os.O_TRUNC, 0o666)


def make_folder_again(folder: Path) -> None:
    """Make the spool's folder, for this user alone, if it is not there any more."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
