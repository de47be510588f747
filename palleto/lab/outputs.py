"""The outputs of cells that show runs: below each stands a line once the code of one of its runs has been edited.

A cell shows the runs that it began, and those whose trace events it read: for a figure, a sentence, a player, a table.
An empty output is added to what it shows, and filled when a cell is run that edits the pipeline of such a run, or
something that it names; it is empty again when the code is as it was. The cell that was edited says so, too.

A cell that is run again has another output. Its old one is forgotten as soon as the front-end tells cells apart.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from palleto.experiment import Code, Record, code_of, edited, readers
from palleto.lab.html import AMBER, alarm

__all__ = ["Outputs", "follow", "shell", "since"]

Version = tuple[Callable[..., Any], Code]
"""A pipeline function, and its code as a run has used it."""


@dataclass
class Output:
    """The line below a cell's outputs. names: what has been edited of what its runs were made of."""

    handle: Any
    versions: list[Version]
    names: list[str] = field(default_factory=list)

    def look(self) -> bool:
        """See whether that has changed, and show it; returns whether something is edited now that was not."""
        names = list(dict.fromkeys(name for pipeline, ran in self.versions for name in edited(pipeline, ran)))
        if names == self.names:
            return False
        more = set(names) - set(self.names)
        self.names = names
        self.handle.update(_bundle(names), raw=True)
        return bool(more)


class Outputs:
    """Follows the cells that are run in an IPython shell."""

    def __init__(self, shell: Any) -> None:
        self._shown: dict[Any, Output] = {}
        self._read: dict[Any, Version] = {}
        shell.events.register("pre_run_cell", self._before)
        shell.events.register("post_run_cell", self._after)
        readers.append(self._hear)

    def _hear(self, record: Record) -> None:
        """A run begins, or its trace events are read; if not by the cell that runs, it is none of its outputs."""
        if threading.current_thread() is threading.main_thread():
            # Repetitions, hundreds of them, have no code of their own: they are of the moment.
            key = id(record.code) if record.code else record.pipeline
            if key not in self._read:
                self._read[key] = record.pipeline, record.code or code_of(record.pipeline)

    def _before(self, *_: object) -> None:
        self._read.clear()

    def _after(self, result: Any) -> None:
        cell = getattr(result.info, "cell_id", None)
        self._shown.pop(cell, None)
        told = [name for output in self._shown.values() if output.look() for name in output.names]
        if told:
            print(f"What stands below was made by older code: {since(list(dict.fromkeys(told)))}.")
        if self._read:
            handle = _display(_bundle([]), raw=True, display_id=True)
            output = self._shown[cell or object()] = Output(handle, list(self._read.values()))
            output.look()


def since(names: list[str]) -> str:
    """Which code was edited after a run had begun, and what to do about it."""
    has, it = ("has", "it") if len(names) == 1 else ("have", "them")
    return f"{', '.join(names)} {has} been edited since; run the cells below {it} again"


def shell() -> Any:
    """IPython's shell; None outside of a notebook."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    return get_ipython()


def follow() -> None:
    """Follow the cells of this notebook, from now on. Outside of one it does nothing."""
    here = shell()
    if here is not None:
        Outputs(here)


def _bundle(names: list[str]) -> dict[str, str]:
    text = since(names) if names else ""
    return {
        "text/html": alarm("made by older code", text, AMBER) if names else "",
        "text/plain": f"made by older code: {text}" if names else "",
    }


def _display(*things: Any, **how: Any) -> Any:
    from IPython.display import display

    return display(*things, **how)  # type: ignore[no-untyped-call]
