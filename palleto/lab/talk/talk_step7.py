"""The talk's step 7: it has the faults of its step 6, but for the dropped batches, and two more.

Ignored delete failures: what the answer to a batch delete says is not looked at.
No lease: nothing extends a message's visibility timeout while it is worked on, and nothing gives it back after a crash.
"""

from __future__ import annotations

from typing import Any

from palleto.cloud.warehouse import Warehouse
from palleto.lab.talk.talk_step6 import Producer, named
from palleto.lab.talk.talk_step6 import Server as Step6Server
from palleto.runtime import Supervisor, child
from steps.step7 import Consumer, Event


class Server(Step6Server):
    """Looks for events, and deletes messages without looking whether that went well."""

    def events_in(self, messages: list[dict[str, Any]]) -> list[Any]:
        return [self.event_of(message) for message in messages]

    @staticmethod
    def event_of(message: dict[str, Any]) -> Event:
        return Event(*named(message), None, message["MessageId"], message["ReceiptHandle"])

    async def release(self, events: list[Event]) -> None:
        """Delete the messages of these events in one batch; whether SQS did is ignored."""
        entries = [{"Id": str(number), "ReceiptHandle": event.receipt_handle} for number, event in enumerate(events)]
        await self.warehouse.sqs.delete_message_batch(QueueUrl=self.warehouse.queue_url, Entries=entries)


def pipeline(warehouse: Warehouse) -> Supervisor:
    """Server, producer, one consumer; if one crashes, it alone starts anew."""
    return Supervisor([child(Server, warehouse), child(Producer), child(Consumer)])
