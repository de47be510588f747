"""Four ways to connect a source that is too fast with a step that is too slow. The notebook of lab 4 shows this file.

Each pipeline takes a bucket's settings: files a second, seconds for which they arrive, and how many can wait there.
"""

from __future__ import annotations

import math
from typing import Any

import anyio

from palleto import runtime
from palleto.lab.overload.bucket import Bucket, Downloads, File, note
from palleto.runtime import Supervisor, TaskSupervisor, child, whereis

# ---- Step ----


async def slow_step(file: File) -> None:
    """Process a file: ten a second, one after the other."""
    await anyio.sleep(0.1)
    note("written", file)


# ---- Queue ----


class Queue(TaskSupervisor):
    """Written by hand, as it often is: a task downloads, another one works, and between them is a queue of anyio's."""

    size: float = math.inf

    def init(self) -> None:
        self.start_task(self.work)

    async def work(self) -> None:
        """Do what comes out of the queue."""
        entrance, queue = anyio.create_memory_object_stream[File](self.size)
        async with entrance, queue:
            self.start_task(self.download, entrance)
            async for file in queue:
                await slow_step(file)

    async def download(self, entrance: Any) -> None:
        """Put every file into the queue."""
        async for file in Downloads():
            await entrance.send(file)  # waits while the queue is full


class Bounded(Queue):
    """The same queue, with room for fifty."""

    size = 50


# ---- Consumer ----


class Consumer(runtime.Consumer[File]):
    """Asks for ten files, and for five more whenever it has done five."""

    def init(self) -> None:
        self.subscribe("Source", max_demand=10, min_demand=5)

    async def handle_events(self, files: list[File]) -> None:
        for file in files:
            await slow_step(file)


# ---- Shedding ----


class Shedding(runtime.Producer[File]):
    """Emits what it is given. What nobody has asked for is buffered, and of more than fifty the oldest are dropped."""

    name = "Source"
    buffer_size = 50
    buffer_keep = "last"

    def handle_demand(self, demand: int) -> list[File]:
        return []


class Feed(TaskSupervisor):
    """Downloads every file at once, and gives it to the source, asked or not."""

    def init(self) -> None:
        self.start_task(self.feed)

    async def feed(self) -> None:
        """Pass on what is downloaded."""
        async for file in Downloads():
            whereis("Source").emit([file])


# ---- Demand ----


def source() -> runtime.Producer[File]:
    """Downloads a file when somebody has asked for it, and not before."""
    return runtime.Producer.from_iterable(Downloads(), name="Source")


# ---- Pipelines ----


def unbounded(rate: float = 20, seconds: float = 30, room: int | None = None) -> Supervisor:
    """Holds whatever comes."""
    return Supervisor([child(Bucket, rate, seconds, room), child(Queue)])


def bounded(rate: float = 20, seconds: float = 30, room: int | None = None) -> Supervisor:
    """Holds fifty, and lets the download wait."""
    return Supervisor([child(Bucket, rate, seconds, room), child(Bounded)])


def shedding(rate: float = 20, seconds: float = 30, room: int | None = None) -> Supervisor:
    """Holds fifty, and drops the oldest."""
    return Supervisor([child(Bucket, rate, seconds, room), child(Shedding), child(Consumer), child(Feed)])


def demand(rate: float = 20, seconds: float = 30, room: int | None = None) -> Supervisor:
    """Holds what its consumer has asked for."""
    return Supervisor([child(Bucket, rate, seconds, room), child(source), child(Consumer)])
