"""Trees to let crash: a source of files, parsers and writers, under one supervisor or on two floors.

The notebook of lab 3 shows this file. A tree takes the files, what each subscription says of its end (`cancel`,
`resubscribe`), and the settings of its supervisors (`strategy`, `max_restarts`, `max_seconds`).
"""

from __future__ import annotations

from typing import Any

import anyio

from palleto import runtime
from palleto.runtime import Supervisor, child

# ---- Stages ----


class Closes(runtime.Stage):
    """Takes half a second to close what it has open, however it ends."""

    async def terminate(self, reason: Any) -> None:
        await anyio.sleep(0.5)


class Source(Closes, runtime.Producer[str]):
    """Gives the files of a list, which is there for the next source when this one has crashed."""

    name = "Source"

    def __init__(self, files: list[str]) -> None:
        self.files = files

    def handle_demand(self, demand: int) -> list[str]:
        taken = self.files[:demand]
        del self.files[:demand]
        return taken


class Parser(Closes, runtime.ProducerConsumer[str, str]):
    """Takes a second a file. While it has one in hand, another one waits."""

    def __init__(self, terms: dict[str, Any]) -> None:
        self.terms = terms

    def init(self) -> None:
        self.subscribe("Source", max_demand=2, min_demand=1, **self.terms)

    async def handle_events(self, files: list[str]) -> list[str]:
        await anyio.sleep(1)
        return files


class Writer(Closes, runtime.Consumer[str]):
    """Takes half a second a file."""

    def __init__(self, parser: str, terms: dict[str, Any]) -> None:
        self.parser, self.terms = parser, terms

    def init(self) -> None:
        self.subscribe(self.parser, max_demand=2, min_demand=1, **self.terms)

    async def handle_events(self, files: list[str]) -> None:
        await anyio.sleep(0.5)


# ---- Trees ----


def pair(number: int, terms: dict[str, Any]) -> list[runtime.Child]:
    """A parser, and the writer below it."""
    parser, writer = f"Parser{number}", f"Writer{number}"
    return [child(Parser, terms, name=parser), child(Writer, parser, terms, name=writer)]


def one_floor(files: list[str], terms: dict[str, Any], **settings: Any) -> Supervisor:
    """All under one supervisor."""
    return Supervisor([child(Source, files), *pair(1, terms)], name="Top", **settings)


def two_floors(files: list[str], terms: dict[str, Any], **settings: Any) -> Supervisor:
    """Each of three pipelines has a supervisor of its own, with the same settings as the one above."""
    numbers = (1, 2, 3)
    below = [child(Supervisor, pair(number, terms), name=f"Pipeline{number}", **settings) for number in numbers]
    return Supervisor([child(Source, files), *below], name="Top", **settings)
