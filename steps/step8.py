"""Step 8: download and process the file.

            ◀── pull(1)              ◀── demand 1                     ◀── demand 1
    Server               Producer                  ProducerConsumer                 Consumer
     ▲      bucket/key ──▶           bucket/key ──▶     ▲             file ──▶          │
     │                S3 object ── download, unzip ─────┘    output/<key>.txt ◀── count ┤
     └───────────────────────────────── release, and only then ─────────────────────────┘

Changed: ProducerConsumer, Consumer, Pipeline.

Why: the work is in two stages, and each asks for one thing at a time. The pretended delay of a second is gone: the
download takes its own time. Files are streamed to disk and never held in memory. A file that is gone, is not gzip, or
is too large ends nothing: it is reported, and its message goes back to the queue.

While the Consumer counts a file, the next message is found already and stays with the ProducerConsumer; its download
begins when the Consumer asks. So no more is fetched than is worked on. The result is on disk, whole, before the
message is released: if we die in between, the file is counted again, and the result replaced.

Unchanged: Server, Producer, Run.

Predict: the producer hears of a demand of 1. When does it hear of the next: after the download, or after the count?
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import palleto
from palleto import BadFile, CloudError, Supervisor, TaskSupervisor, actor, cast, child, say, whereis
from palleto.cloud import new_files
from palleto.cloud.warehouse import Warehouse
from palleto.files import count_lines, unzip
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
    """A file that is here, unzipped, and the event that named it."""

    event: Event
    path: Path

    def __str__(self) -> str:
        return str(self.event)


class ProducerConsumer(palleto.ProducerConsumer):
    """Takes one event at a time, downloads and unzips its file, and passes that on."""

    name = "ProducerConsumer"

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse

    def init(self) -> None:
        self.subscribe("SQS.Producer", min_demand=0, max_demand=1)

    async def handle_events(self, events: list[Event]) -> list[Download]:
        say(f"{self.name} received {len(events)} events")
        return [download for event in events for download in await self.download(event)]

    async def download(self, event: Event) -> list[Download]:
        """The file of an event, or nothing if it is gone or bad: its message goes back, and the next file comes."""
        try:
            response = await self.warehouse.get_object(event)
            path = self.warehouse.new_file(event, response)
            with closing(response["Body"]) as body:
                await self.warehouse.blocking(unzip, body.iter_chunks(), path, self.warehouse.max_bytes)
        except (BadFile, CloudError) as error:
            self.warehouse.leases.reject(event, error)
            return []
        say(f"{self.name} downloaded {event.key}")
        return [Download(event, path)]


# ---- Consumer ----


class Consumer(palleto.Consumer):
    """Takes one file at a time, writes the number of its lines to disk, and releases the message."""

    name = "Consumer"

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse

    def init(self) -> None:
        self.subscribe("ProducerConsumer", min_demand=0, max_demand=1)

    async def handle_events(self, downloads: list[Download]) -> None:
        for event, path in downloads:
            try:
                await self.warehouse.write(event.key, count_lines, path)
            except (BadFile, CloudError) as error:
                self.warehouse.leases.reject(event, error)
            else:
                await whereis("SQS.Server").release([event])
                say(f"{self.name} processed {event.key}")


# ---- Pipeline ----


def pipeline(warehouse: Warehouse) -> Supervisor:
    """From the source down, so that each finds what it subscribes to; if one crashes, those after it start anew."""
    stages = [child(Producer), child(ProducerConsumer, warehouse), child(Consumer, warehouse)]
    return Supervisor([child(Server, warehouse), *stages], strategy="rest_for_one")


# ---- Run ----

if __name__ == "__main__":
    main(pipeline, until=queue_empty)
