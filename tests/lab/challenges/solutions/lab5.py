"""Solutions of lab 5's challenge: a pipeline that reaches the goal of its name."""

from functools import partial
from typing import Any

from palleto import Supervisor, child
from palleto.lab.capacity import pollers
from steps.step9 import Pipeline, Producer, Server


def served_by(server: type[Server], warehouse: Any) -> Supervisor:
    pairs = [child(Pipeline, warehouse, f"Pipeline{number}") for number in (1, 2, 3)]
    return Supervisor([child(server, warehouse), child(Producer), *pairs], strategy="rest_for_one")


class Waiting(Server):
    """Asks, and lets SQS answer when there is something."""

    seconds = 20

    async def loop(self) -> None:
        while self.wanted > 0:
            response = await self.warehouse.sqs.receive_message(
                QueueUrl=self.warehouse.queue_url,
                MaxNumberOfMessages=min(self.wanted, 10),
                WaitTimeSeconds=self.seconds,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
            messages = response.get("Messages", [])
            events = [event for message in messages for event in self.warehouse.leases.take(message, self.parse)]
            if events:
                self.wanted -= len(events)
                Producer.enqueue(events)


awake = partial(served_by, Waiting)
awake_as_it_is = partial(served_by, Server)
"""The notebook's code, with its gap."""


# ---- what does not count


class Restless(Waiting):
    """Asks again and again: the receives take 20 ms each."""

    seconds = 0


not_awake_restless = partial(served_by, Restless)


def not_awake_a_poller_each(warehouse: Any) -> Supervisor:
    return pollers(warehouse, 12)
