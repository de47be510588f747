"""Two other ways to read a queue: a poller for each consumer, and a process for each file. Lab 5 shows this file."""

from __future__ import annotations

from typing import Any

from palleto.files import count_lines
from palleto.runtime import Supervisor, TaskSupervisor, child
from steps.step9 import Event, Server

# ---- Work ----


async def work(warehouse: Any, event: Event) -> None:
    """Download a file, count its lines, write the result, and delete the message: what step 9's two stages do."""
    [found] = await warehouse.download([event])
    await warehouse.write_each([(event.key, found)], count_lines)
    entries = [{"Id": "0", "ReceiptHandle": handle} for handle in warehouse.leases.finish([event])]
    if entries:
        response = await warehouse.sqs.delete_message_batch(QueueUrl=warehouse.queue_url, Entries=entries)
        warehouse.leases.released(entries, response)


async def receive(warehouse: Any, most: int) -> list[Event]:
    """What one receive brings, at most ten."""
    response = await warehouse.sqs.receive_message(
        QueueUrl=warehouse.queue_url, MaxNumberOfMessages=most, MessageSystemAttributeNames=["ApproximateReceiveCount"]
    )
    return [event for each in response.get("Messages", []) for event in warehouse.leases.take(each, Server.parse)]


# ---- Poller ----


class Poller(TaskSupervisor):
    """A consumer that polls for itself: a file, and then the next."""

    def __init__(self, warehouse: Any) -> None:
        self.warehouse = warehouse

    def init(self) -> None:
        self.start_task(self.poll, restart="transient")

    async def poll(self) -> None:
        """Receive a message, do its file, and so on."""
        while True:
            for event in await receive(self.warehouse, 1):
                await work(self.warehouse, event)


def pollers(warehouse: Any, pipelines: int = 3) -> Supervisor:
    """As many consumers, each with a poller of its own."""
    return Supervisor([child(Poller, warehouse) for _ in range(pipelines)])


# ---- Process ----

START = 0.35
"""Seconds that a core works to start a Python process with boto3 and two clients: measured on an AMD EPYC."""


class Spawner(TaskSupervisor):
    """One loop that receives, and starts a process for each file. Nobody counts them."""

    def __init__(self, warehouse: Any) -> None:
        self.warehouse = warehouse

    def init(self) -> None:
        self.start_task(self.poll, restart="transient")

    async def poll(self) -> None:
        """Receive up to ten messages, and start as many processes."""
        while True:
            for event in await receive(self.warehouse, 10):
                self.start_task(self.process, event)

    async def process(self, event: Event) -> None:
        """Start, do a file, and end. Here it is a task, that takes the core as a process would."""
        await self.warehouse.compute(START)
        await work(self.warehouse, event)


def processes(warehouse: Any) -> Supervisor:
    """A process for each file."""
    return Supervisor([child(Spawner, warehouse)])
