"""Step 7: messages are released.

    S3 ── "there is a new file" ──▶ SQS queue
     ┌── a long poll ────────────────┘  ▲
     ▼                                  │ delete, in one batch
    loop                              Server ◀── pull(10)  Producer ◀── demand 10  Consumer
     └── Producer.enqueue([bucket/key]) ─────────────────▶          bucket/key ──▶     │
                                        ▲                                              │
                                        └────────────────── release(events) ───────────┘

Changed: Server, Consumer, Run.

Why: SQS hands a message out again unless it is deleted in time. So an event now carries the id of its message and the
receipt handle of this delivery, and the consumer calls `Server.release(events)`. How messages are deleted is the
server's affair: all in one call, and those that SQS could not delete once more.

From its receive to its delete a message is in hand (`warehouse.leases`): nobody else gets it, however long the work
takes.

Unchanged: Producer, Pipeline.

Predict: does anything come back now? What if the program is stopped between `Consumed` and the delete?
"""

from __future__ import annotations

from typing import Any, NamedTuple

import palleto
from palleto import Supervisor, TaskSupervisor, actor, cast, child, say, whereis
from palleto.cloud import new_files
from palleto.cloud.warehouse import Warehouse
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


# ---- Consumer ----


class Consumer(palleto.Consumer):
    """Asks for ten events, takes a second to consume them, and releases them."""

    def init(self) -> None:
        self.subscribe("SQS.Producer", min_demand=0, max_demand=10)

    async def handle_events(self, events: list[Event]) -> None:
        await anyio.sleep(1)
        say(f"Consumed by {self.id}: {', '.join(map(str, events))}")
        await whereis("SQS.Server").release(events)


# ---- Pipeline ----


def pipeline(warehouse: Warehouse) -> Supervisor:
    """Server, producer, one consumer. If one crashes, those after it start anew too."""
    return Supervisor([child(Server, warehouse), child(Producer), child(Consumer)], strategy="rest_for_one")


# ---- Run ----

if __name__ == "__main__":
    main(pipeline, until=queue_empty)
