"""The talk's step 9. Its faults are those of its step 8; with several pipelines, demand comes in the midst of polls.

Stranded messages, which take luck in step 8, are everyday here: each new ask kills the loop of the last.
"""

from __future__ import annotations

from typing import Any

from palleto.cloud.warehouse import Warehouse
from palleto.lab.talk.talk_step6 import Producer
from palleto.lab.talk.talk_step7 import Server
from palleto.lab.talk.talk_step8 import append, download, record
from palleto.runtime import Supervisor, child, say, whereis
from steps import step9
from steps.step9 import Event


class ProducerConsumer(step9.ProducerConsumer):
    """Downloads the file of an event into memory."""

    async def handle_events(self, events: list[Event]) -> list[Any]:
        say(f"{self.pipeline} ProducerConsumer received {len(events)} events")
        downloads = [await download(self.warehouse, event) for event in events]
        say(f"{self.pipeline} ProducerConsumer downloaded {', '.join(event.key for event in events)}")
        return downloads


class Consumer(step9.Consumer):
    """Appends the number of a file's lines to its result, and releases the message."""

    write = staticmethod(append)

    async def handle_events(self, downloads: list[Any]) -> None:
        for event, text in downloads:
            await record(self.warehouse, event.key, text, self.write)
            await whereis("SQS.Server").release([event])
            say(f"{self.pipeline} Consumer processed {event.key}")


class Pipeline(Supervisor):
    """One pair of stages; if one crashes, it alone starts anew."""

    def __init__(self, warehouse: Warehouse, name: str) -> None:
        super().__init__([child(stage, warehouse, name, 1) for stage in (ProducerConsumer, Consumer)], name=name)

    def init(self) -> None:
        say(f"SQS.Supervisor {self.name}")


def pipeline(warehouse: Warehouse, pipelines: int = 3) -> Supervisor:
    """One source, and as many pipelines as you like; if one crashes, it alone starts anew."""
    pairs = [child(Pipeline, warehouse, f"Pipeline{number}") for number in range(1, pipelines + 1)]
    return Supervisor([child(Server, warehouse), child(Producer), *pairs])
