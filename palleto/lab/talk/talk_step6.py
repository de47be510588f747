"""The talk's step 6, with its faults.

TestEvent: S3's first message names no file. The loop dies on it, and on every other message that it cannot read; the
    messages that came with it wait for their visibility timeout. Of a message that names several files it takes the
    first; keys stay as they are encoded.
Lost demand: the producer's count of what it owes goes below zero, and is never made good; so it asks for 0 in the end,
    which SQS refuses.
Silence: a loop that dies is not started again. Only new demand starts one. It ends when it has found exactly what was
    wanted, so one event too many keeps it going.
Dropped batches: a receive of two or more messages is taken for none.
Stranded messages: a loop that is killed in its poll takes what the poll brought with it.
Sleep: five seconds after each receive that leaves something wanted.
"""

from __future__ import annotations

import json
from typing import Any

import anyio
from anyio.lowlevel import checkpoint

from palleto.cloud.warehouse import Warehouse
from palleto.runtime import Supervisor, actor, child, say
from steps import step6
from steps.step6 import Consumer, Event


class Server(step6.Server):
    """Looks for events in the queue, in loops that nobody starts again."""

    def pull(self, count: int) -> list[Any]:
        say(f"There are currently {len(self.tasks)} servers looping")
        self.terminate_loops()
        self.wanted = count
        task = self.start_task(self.loop)  # "temporary": silence
        say(f"Started new server loop with pid {task.id}")
        return []

    async def loop(self) -> None:
        run = 0
        while True:
            say(f"Server {getattr(actor(), 'id', '')} looping: Run {run}. Looking for {self.wanted} events")
            response = await self.warehouse.sqs.receive_message(
                QueueUrl=self.warehouse.queue_url,
                MaxNumberOfMessages=min(self.wanted, 10),
                WaitTimeSeconds=2,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
            await checkpoint()  # who was killed in the poll dies here: stranded messages
            events = self.events_in(response.get("Messages", []))
            if events:
                self.wanted -= len(events)
                Producer.enqueue(events)
            run += 1
            if self.wanted == 0:
                return
            await anyio.sleep(5)

    def events_in(self, messages: list[dict[str, Any]]) -> list[Any]:
        """The events of a receive: of one message its event, of several none (dropped batches)."""
        return [self.event_of(messages[0])] if len(messages) == 1 else []

    @staticmethod
    def event_of(message: dict[str, Any]) -> Any:
        """The event of a message that names a file; raises KeyError for S3's test message."""
        return Event(*named(message), None)


def named(message: dict[str, Any]) -> tuple[str, str]:
    """Bucket and key of the first file that a message names, the key as it is encoded."""
    stored = json.loads(message["Body"])["Records"][0]["s3"]
    return stored["bucket"]["name"], stored["object"]["key"]


class Producer(step6.Producer):
    """Its count may go below zero: lost demand."""

    def handle_cast(self, message: tuple[str, list[Any]]) -> list[Any]:
        _, events = message
        say(f"{self.name} got notified about {len(events)} new events")
        self.owed -= len(events)
        return events


def pipeline(warehouse: Warehouse) -> Supervisor:
    """Server, producer, one consumer; if one crashes, it alone starts anew."""
    return Supervisor([child(Server, warehouse), child(Producer), child(Consumer)])
