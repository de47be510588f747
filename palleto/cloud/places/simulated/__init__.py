"""The simulated place: SQS, S3 and CloudFormation in memory, on the run's clock, deterministic for a seed.

    world.py           the settings, the clock, the seeded chance, and who may call what
    queue.py           one queue: what is visible, in flight, deleted, dead-lettered
    sqs.py             SQS's operations on queues
    notification.py    the messages that S3 sends to queues
    s3.py              S3's operations on buckets
    cloudformation.py  stacks of a template's buckets and queues

Each service takes boto3's arguments and answers boto3's responses; an error is a `CloudError` with AWS's code.
"""

from __future__ import annotations

from palleto.cloud.places.simulated.cloudformation import SimulatedCloudFormation
from palleto.cloud.places.simulated.queue import Ledger
from palleto.cloud.places.simulated.s3 import SimulatedS3
from palleto.cloud.places.simulated.sqs import SimulatedSQS
from palleto.cloud.places.simulated.world import Simulation, World

__all__ = ["Ledger", "Simulated", "Simulation"]


class Simulated:
    """One simulated cloud: its three services, and what only a simulation can do.

    >>> Simulated()
    <Simulated seed=0: no queues>
    """

    def __init__(self, simulation: Simulation | None = None) -> None:
        self.world = World(simulation or Simulation())
        self.sqs = SimulatedSQS(self.world)
        self.s3 = SimulatedS3(self.world, self.sqs)
        self.cloudformation = SimulatedCloudFormation(self.world, self.sqs, self.s3)

    def __repr__(self) -> str:
        queues = "; ".join(f"{name} {queue.ledger()}" for name, queue in self.sqs.queues.items())
        return f"<Simulated seed={self.world.simulation.seed}: {queues or 'no queues'}>"

    def script(self, queue_url: str, deliveries: list[int]) -> None:
        """Say how many messages each of a queue's next receives hands out, for a transcript or a test.

        The i-th receive that finds something visible hands out `deliveries[i]` messages, or as many as there are, or as
        `MaxNumberOfMessages` allows. A 0 makes one receive wait its whole long poll and come back empty. After
        the last, receives are as before. Raises `CloudError` when there is no such queue.
        """
        self.sqs.at("ReceiveMessage", queue_url).script.extend(deliveries)

    def ledger(self, queue_url: str) -> Ledger:
        """Where a queue's messages are now; `ledger.holds` is the conservation law."""
        queue = self.sqs.at("GetQueueAttributes", queue_url)
        queue.settle(self.world.now())
        return queue.ledger()
