"""Step 9: concurrent pipelines.

                         ┌─ demand 1 ─ Pipeline1ProducerConsumer ◀─ 1 ─ Pipeline1Consumer
    Server ◀── Producer ◀┼─ demand 1 ─ Pipeline2ProducerConsumer ◀─ 1 ─ Pipeline2Consumer
                         └─ demand 1 ─ Pipeline3ProducerConsumer ◀─ 1 ─ Pipeline3Consumer
           events ──▶    events ──▶                              files ──▶

Changed: ProducerConsumer, Consumer, Pipeline.

Why: one pipeline downloads one file at a time, and downloads are what takes time. Three pipelines, each with a
supervisor of its own, download three. A pipeline that crashes is started again by its own supervisor, and the others
do not notice.

The one producer adds up what they ask for, and the one server polls for the sum. So the work scales with the
pipelines, and the receive requests do not.

Unchanged: Server, Producer, Run.

Predict: which pipeline gets the first file? What does the producer ask for when two pipelines are busy and the third
is done?
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import palleto
from palleto import Supervisor, TaskSupervisor, actor, cast, child, say, whereis
from palleto.cloud import new_files
from palleto.cloud.warehouse import Warehouse
from palleto.files import Zipped, count_lines
from palleto.program import main, queue_empty

import anyio

# ---- Server ----


class Event(NamedTuple):
    """A new file in S3, and the message that said so."""

    bucket: str
    key: str
    version: str | None  # in a bucket with versions
    message_id: str
    receipt_handle: str

    def __str__(self) -> str:
        return f"{self.bucket}/{self.key}"


class Server(TaskSupervisor):
    """Looks for events in the queue, in loops, one at a time."""

    name = "SQS.Server"
    shown = ("wanted",)

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse

    def init(self) -> None:
        say(f"Attempting to start {self.name}")
        say(f"Initializing {self.name} supervision tree")
        self.wanted = 0

    def pull(self, count: int) -> list[Event]:
        """Start to look for `count` events, and for no others; there is nothing yet."""
        say(f"There are currently {len(self.tasks)} servers looping")
        self.terminate_loops()
        self.wanted = count
        task = self.start_task(self.loop, restart="transient")  # a network error must not end it
        say(f"Started new server loop with pid {task.id}")
        return []

    def terminate_loops(self) -> None:
        for task in self.tasks:
            say(f"Terminating server with pid {task.id}")
            task.kill()
        say("All servers terminated")

    async def loop(self) -> None:
        """Poll the queue until all that is wanted was found."""
        run = 0
        while self.wanted > 0:
            say(f"Server {actor().id} looping: Run {run}. Looking for {self.wanted} events")
            most = min(self.wanted, 10)  # the API's limit; the producer knows nothing of it
            response = await self.warehouse.sqs.receive_message(
                QueueUrl=self.warehouse.queue_url,
                MaxNumberOfMessages=most,
                WaitTimeSeconds=2,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
            # No `await` before `enqueue`: a loop that is killed in its poll gets the answer, and hands it on.
            messages = response.get("Messages", [])
            events = [event for message in messages for event in self.warehouse.leases.take(message, self.parse)]
            if events:
                self.wanted -= len(events)
                Producer.enqueue(events)
            run += 1
            if self.wanted > 0 and len(messages) < most:
                await anyio.sleep(2 if messages else 5)

    async def release(self, events: list[Event]) -> None:
        """Delete the messages whose files are all done, in one batch; what SQS could not delete is tried again."""
        handles = self.warehouse.leases.finish(events)
        entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles)]
        if entries:
            response = await self.warehouse.sqs.delete_message_batch(QueueUrl=self.warehouse.queue_url, Entries=entries)
            self.warehouse.leases.released(entries, response)

    @staticmethod
    def parse(message: dict[str, Any]) -> list[Event]:
        """An event for each new file. `new_files` knows S3's messages, also as SNS and EventBridge wrap them."""
        ids = message["MessageId"], message["ReceiptHandle"]
        return [Event(*file, *ids) for file in new_files(message)]


# ---- Producer ----


class Producer(palleto.Producer):
    """Remembers what it owes, pulls that from the server, and emits what the server's loops send."""

    name = "SQS.Producer"
    shown = ("owed",)

    def init(self) -> None:
        say(f"Initialised {self.name}")
        self.owed = 0

    @staticmethod
    def enqueue(events: list[Event]) -> None:
        """Give events to the producer: the public interface, for whoever found some."""
        say("Casting events to producer")
        cast(Producer.name, ("enqueue", events))

    def handle_demand(self, demand: int) -> list[Event]:
        say(f"{self.name} handling demand of {demand}")
        self.owed += demand
        return self.take(self.owed)

    def handle_cast(self, message: tuple[str, list[Event]]) -> list[Event]:
        _, events = message
        say(f"{self.name} got notified about {len(events)} new events")
        self.owed = max(0, self.owed - len(events))  # a killed loop may have sent one too many
        return events

    def take(self, count: int) -> list[Event]:
        say(f"Asking for {count} events")
        events = whereis("SQS.Server").pull(count)
        say(f"Received {len(events)} events")
        self.owed -= len(events)
        return events


# ---- ProducerConsumer ----


class Download(NamedTuple):
    """A file that is here, and the event that named it. A small one is in memory, to be unzipped as it is counted."""

    event: Event
    file: Path | Zipped

    def __str__(self) -> str:
        return str(self.event)


class ProducerConsumer(palleto.ProducerConsumer):
    """Takes a few events at a time (one, as in the talk), has their files downloaded, and passes those on."""

    def __init__(self, warehouse: Warehouse, pipeline: str, max_demand: int) -> None:
        self.warehouse = warehouse
        self.pipeline = pipeline
        self.max_demand = max_demand
        self.name = f"{pipeline}ProducerConsumer"

    def init(self) -> None:
        self.subscribe("SQS.Producer", min_demand=0, max_demand=self.max_demand)

    async def handle_events(self, events: list[Event]) -> list[Download]:
        say(f"{self.pipeline} ProducerConsumer received {len(events)} events")
        downloads = []
        for event, found in zip(events, await self.warehouse.download(events), strict=True):
            if isinstance(found, Path | Zipped):
                say(f"{self.pipeline} ProducerConsumer downloaded {event.key}")
                downloads.append(Download(event, found))
            else:  # it is gone or bad: its message goes back, and the next file comes
                self.warehouse.leases.reject(event, found)
        return downloads


# ---- Consumer ----


class Consumer(palleto.Consumer):
    """Takes one file at a time, writes the number of its lines to disk, and releases the message."""

    def __init__(self, warehouse: Warehouse, pipeline: str, max_demand: int) -> None:
        self.warehouse = warehouse
        self.pipeline = pipeline
        self.max_demand = max_demand
        self.name = f"{pipeline}Consumer"

    def init(self) -> None:
        source = f"{self.pipeline}ProducerConsumer"
        self.subscribe(source, min_demand=self.max_demand // 2, max_demand=self.max_demand)

    async def handle_events(self, downloads: list[Download]) -> None:
        files = [(event.key, file) for event, file in downloads]
        written = await self.warehouse.write_each(files, count_lines)
        for event, result in zip((event for event, _ in downloads), written, strict=True):
            if isinstance(result, Path):
                await whereis("SQS.Server").release([event])
                say(f"{self.pipeline} Consumer processed {event.key}")
            else:
                self.warehouse.leases.reject(event, result)


# ---- Pipeline ----


class Pipeline(Supervisor):
    """One pair of stages. A stage's name is the pipeline's and its role, so the consumer knows who is above it."""

    def __init__(self, warehouse: Warehouse, name: str, max_demand: int = 1) -> None:
        stages = [child(stage, warehouse, name, max_demand) for stage in (ProducerConsumer, Consumer)]
        super().__init__(stages, name=name)

    def init(self) -> None:
        say(f"SQS.Supervisor {self.name}")


def pipeline(warehouse: Warehouse, pipelines: int = 3, max_demand: int = 1) -> Supervisor:
    """One source, and as many pipelines as you like; if the source crashes, they start anew with it."""
    pairs = [child(Pipeline, warehouse, f"Pipeline{number}", max_demand) for number in range(1, pipelines + 1)]
    return Supervisor([child(Server, warehouse), child(Producer), *pairs], strategy="rest_for_one")


# ---- Run ----

if __name__ == "__main__":
    main(pipeline, until=queue_empty)
