"""The talk's lost demand: step 6 with a producer that counts below zero, and two consumers of one event at a time."""

from __future__ import annotations

from typing import Any

from palleto import Supervisor, child
from palleto.cloud import Simulation
from palleto.lab import Experiment
from palleto.program import after_events
from steps.step6 import Consumer, Event, Producer, Server

WAY = [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]
"""Choices that lead to it, as few as there can be."""


class BelowZero(Producer):
    def handle_cast(self, message: tuple[str, list[Event]]) -> list[Event]:
        _, events = message
        self.owed -= len(events)
        return events


class Reader(Consumer):
    def __init__(self, warehouse: Any) -> None:
        self.warehouse = warehouse

    def init(self) -> None:
        self.subscribe("SQS.Producer", min_demand=0, max_demand=1)

    async def handle_events(self, events: list[Event]) -> None:
        for event in events:
            await self.warehouse.s3.get_object(Bucket=event.bucket, Key=event.key)


def two_readers(producer: type[Producer], **options: Any) -> Experiment:
    def pipeline(warehouse: Any) -> Supervisor:
        readers = [child(Reader, warehouse), child(Reader, warehouse)]
        return Supervisor([child(Server, warehouse), child(producer), *readers], strategy="rest_for_one")

    unlike = Simulation(receive=(0.0, 0.05), get_object=(0.0, 0.1))
    settings = {"virtual": True, "files": 12, "until": after_events(12), "seconds": 25, "simulation": unlike}
    return Experiment(pipeline, **{**settings, **options})
