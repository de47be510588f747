"""A backlog that several consumers share, each with a demand of its own. The notebook of lab 4 shows this file."""

from __future__ import annotations

import anyio

from palleto import runtime
from palleto.lab.overload.bucket import File, note
from palleto.runtime import Supervisor, child

# ---- Backlog ----


class Inbox(runtime.Producer[File]):
    """A backlog of files. A request for some of them takes half a second, however many they are."""

    name = "Source"

    def init(self) -> None:
        self.files = [File(f"{number:03}.gz", 1_000) for number in range(120)]
        note("sent", *self.files)

    async def handle_demand(self, demand: int) -> list[File]:
        await anyio.sleep(0.5)
        files, self.files = self.files[:demand], self.files[demand:]
        for file in files:
            note("download", file)
        return files


class Worker(runtime.Consumer[File]):
    """Takes a second a file, or as long as it is told."""

    def __init__(self, max_demand: int, seconds: float = 1) -> None:
        self.most, self.seconds = max_demand, seconds

    def init(self) -> None:
        self.subscribe("Source", max_demand=self.most)

    async def handle_events(self, files: list[File]) -> None:
        for file in files:
            await anyio.sleep(self.seconds)
            note("written", file)


def workers(*max_demands: int) -> Supervisor:
    """A consumer for each of these numbers: the most that it asks for."""
    return Supervisor([child(Inbox), *(child(Worker, number) for number in max_demands)])
