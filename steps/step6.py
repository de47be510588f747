"""Step 6: real messages.

    S3 ── "there is a new file" ──▶ SQS queue
     ┌── a long poll, at most 10 messages ──┘
     ▼    ◀── kill, start           ◀── pull(10)              ◀── demand 10
    loop                   Server                   Producer                  Consumer
     └── Producer.enqueue([bucket/key]) ─────────────▶        bucket/key ──▶

Changed: Server, Producer, Consumer, Pipeline, Run.

Why: the loop now polls a queue, in which S3 announces each new file, and takes bucket and key out of each message.
SQS gives at most ten messages at a time; that is the server's affair, the producer asks for what it owes. A poll
waits up to two seconds for a message. Only if it brought less than asked for is there a pause: of five seconds after
nothing, of two after something.

A receive cannot be taken back: SQS has handed the messages out, and hides them. So a loop that is killed in its poll
still gets the answer, and hands it on. A bad message costs nobody but itself.

*Broken on purpose:* nothing deletes the messages. After the visibility timeout (30 s) they come back, and after three
receives they are in the dead-letter queue. That is the defect that step 7 mends.

Unchanged: what each part does; but its events are files now, in place of "hey".

Predict: twelve files are announced. How many are consumed in the first half minute? When does the first come back?
"""

from __future__ import annotations

from typing import Any, NamedTuple

import palleto
from palleto import Supervisor, TaskSupervisor, actor, cast, child, say, whereis
from palleto.cloud import new_files
from palleto.cloud.warehouse import Warehouse
from palleto.program import main, second_time

import anyio

# ---- Server ----


class Event(NamedTuple):
    """A new file in S3."""

    bucket: str
    key: str
    version: str | None  # in a bucket with versions

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
            events = [event for message in messages for event in self.warehouse.leases.glance(message, self.parse)]
            if events:
                self.wanted -= len(events)
                Producer.enqueue(events)
            run += 1
            if self.wanted > 0 and len(messages) < most:
                await anyio.sleep(2 if messages else 5)

    @staticmethod
    def parse(message: dict[str, Any]) -> list[Event]:
        """An event for each new file. `new_files` knows S3's messages, also as SNS and EventBridge wrap them."""
        return [Event(*file) for file in new_files(message)]


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
    """Asks for ten events, and takes a second to consume them."""

    def init(self) -> None:
        self.subscribe("SQS.Producer", min_demand=0, max_demand=10)

    async def handle_events(self, events: list[Event]) -> None:
        await anyio.sleep(1)
        say(f"Consumed by {self.id}: {', '.join(map(str, events))}")


# ---- Pipeline ----


def pipeline(warehouse: Warehouse) -> Supervisor:
    """Server, producer, one consumer. If one crashes, those after it start anew too."""
    return Supervisor([child(Server, warehouse), child(Producer), child(Consumer)], strategy="rest_for_one")


# ---- Run ----

if __name__ == "__main__":
    main(pipeline, until=second_time)
