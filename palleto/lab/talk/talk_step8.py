"""The talk's step 8: it has the faults of its step 7, and three more.

Bad files: a file that is gone or no gzip crashes the stage, and with it the one below. Two such files in a row are more
    than the supervisor's restarts allow, and end the pipeline.
In memory: the whole file is held there, packed and unpacked.
Appended results: a count is added to the result's file, whose name is the last part of the key; so a file that is done
    twice is counted twice, and two keys may share a result.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from palleto.cloud.warehouse import Warehouse
from palleto.lab.talk.talk_step6 import Producer
from palleto.lab.talk.talk_step7 import Server
from palleto.runtime import Supervisor, System, actor, child, say, whereis
from steps import step8
from steps.step8 import Event


class Download(NamedTuple):
    """A file, unzipped in memory, and the event that named it."""

    event: Event
    text: bytes

    def __str__(self) -> str:
        return str(self.event)


async def download(warehouse: Warehouse, event: Any) -> Download:
    """The file of an event; raises CloudError or gzip's own error, which crash the stage."""
    response = await warehouse.s3.get_object(Bucket=event.bucket, Key=event.key)
    return Download(event, await warehouse.blocking(lambda: gzip.decompress(response["Body"].read())))


def append(path: Path, lines: int) -> None:
    """Blocks: add a line with a count to a result."""
    with path.open("a") as file:
        file.write(f"{lines}\n")


async def record(warehouse: Warehouse, key: str, text: bytes, write: Callable[[Path, int], None]) -> None:
    """Have the number of a file's lines written to its result; the trace is told what the result comes to then."""
    path = warehouse.output / f"{key.split('/')[-1].removesuffix('.gz')}.txt"
    total = await warehouse.blocking(recorded, path, text.count(b"\n"), write)
    if (observer := System.current().observer) is not None:
        observer.note("written", actor(), events=[key], lines=total, bytes=len(text))


def recorded(path: Path, lines: int, write: Callable[[Path, int], None]) -> int:
    """Blocks: write a count to a result, and return the sum of those that stand there."""
    write(path, lines)
    return sum(map(int, path.read_text().split()))


class ProducerConsumer(step8.ProducerConsumer):
    """Downloads the file of an event into memory."""

    async def handle_events(self, events: list[Event]) -> list[Any]:
        say(f"{self.name} received {len(events)} events")
        downloads = [await download(self.warehouse, event) for event in events]
        say(f"{self.name} downloaded {', '.join(event.key for event in events)}")
        return downloads


class Consumer(step8.Consumer):
    """Appends the number of a file's lines to its result, and releases the message."""

    write = staticmethod(append)

    async def handle_events(self, downloads: list[Any]) -> None:
        for event, text in downloads:
            await record(self.warehouse, event.key, text, self.write)
            await whereis("SQS.Server").release([event])
            say(f"{self.name} processed {event.key}")


def pipeline(warehouse: Warehouse) -> Supervisor:
    """From the source down; if one crashes, it alone starts anew."""
    stages = [child(Producer), child(ProducerConsumer, warehouse), child(Consumer, warehouse)]
    return Supervisor([child(Server, warehouse), *stages])
