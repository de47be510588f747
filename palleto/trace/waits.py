"""Who has come to stand at which `await` of the user's code: of tasks, and of stages in an async callback.

Nobody tells when a coroutine begins to wait. But only one acts at a time: when another one does, all that acted before
and are suspended stand where they will be found until they act again. So each is looked at once after it acted (2 µs).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from palleto.runtime import Process
from palleto.trace.source import Place, standing


class Waits:
    """The coroutines that run, by process.

    moved: who acted since it was last seen to wait, in that order; empty while there is nobody to look at.
    """

    def __init__(self) -> None:
        self._coroutines: dict[Process, Any] = {}
        self.moved: dict[Process, None] = {}

    def begun(self, process: Process, coroutine: Any) -> None:
        """A task's function, or a stage's callback, begins to run."""
        self._coroutines[process] = coroutine
        self.moved[process] = None

    def acted(self, process: Process | None) -> None:
        """A process did something; where it stands is to be looked at again."""
        if process in self._coroutines:
            self.moved[process] = None

    def over(self, process: Process | None) -> None:
        """What ran in that process has ended."""
        if process in self._coroutines:
            del self._coroutines[process]
            self.moved.pop(process, None)

    def standing(self, acting: Process | None) -> Iterator[tuple[Process, Place]]:
        """Those that acted, and stand at an `await` by now; `acting` is just about to act."""
        for process in [each for each in self.moved if each is not acting]:
            coroutine = self._coroutines[process]
            if getattr(coroutine, "cr_suspended", False):
                del self.moved[process]
                place = standing(coroutine)
                if place is not None:
                    yield process, place
