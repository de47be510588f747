"""A queue on the simulated place, its leases, and requests that go wrong by plan."""

from __future__ import annotations

from typing import Any, NamedTuple

from queues import receive

from palleto import BadMessage, CloudError
from palleto.cloud.queue import Leases

TIMEOUT = 30


class Event(NamedTuple):
    name: str
    message_id: str
    receipt_handle: str

    def __str__(self) -> str:
        return self.name


class Download(NamedTuple):
    event: Event
    path: str


def parse(message: dict[str, Any]) -> list[Event]:
    """An event a word of the body; "bad" is a bad message, "none" has no events, "oops" is a mistake of ours."""
    words = message["Body"].split()
    if words == ["bad"]:
        raise BadMessage("expected something good, got: bad\n\x1b[31m")
    if words == ["oops"]:
        raise RecursionError("too deep")
    ids = message["MessageId"], message["ReceiptHandle"]
    return [] if words == ["none"] else [Event(word, *ids) for word in words]


class Refusing:
    """A client whose next batch requests go wrong: an error is raised, a set of numbers is the entries that fail."""

    def __init__(self, sqs: Any) -> None:
        self.sqs = sqs
        self.plan: list[CloudError | set[int]] = []
        self.sent: list[tuple[str, int]] = []
        self.hidden: list[int] = []  # for how many seconds, entry by entry

    def __getattr__(self, name: str) -> Any:
        async def call(QueueUrl: str, Entries: list[dict[str, Any]]) -> Any:  # noqa: N803
            self.sent.append((name, len(Entries)))
            self.hidden += [entry["VisibilityTimeout"] for entry in Entries if "VisibilityTimeout" in entry]
            plan = self.plan.pop(0) if self.plan else set()
            if isinstance(plan, CloudError):
                raise plan
            failed = [{"Id": each["Id"], "Code": "InternalError"} for n, each in enumerate(Entries) if n in plan]
            rest = [each for n, each in enumerate(Entries) if n not in plan]
            answer = await getattr(self.sqs, name)(QueueUrl=QueueUrl, Entries=rest) if rest else {"Failed": []}
            return {**answer, "Failed": answer["Failed"] + failed}

        return call


class Bench:
    """A queue and its leases, and what a test does with them."""

    def __init__(self, cloud: Any, stack: Any, batch: int) -> None:
        self.cloud, self.stack, self.batch = cloud, stack, batch
        self.said: list[str] = []
        self.sqs = Refusing(cloud.sqs)
        self.restart(TIMEOUT)

    def restart(self, timeout: float) -> None:
        """Begin anew, for a queue with this visibility timeout."""
        self.leases = Leases(self.sqs, self.stack.queue_url, timeout, self.said.append, self.batch)  # type: ignore[arg-type]

    async def receive(self, *bodies: str, take: bool = True) -> list[Event]:
        """Send these, receive all there is, and take them."""
        for body in bodies:
            await self.cloud.sqs.send_message(QueueUrl=self.stack.queue_url, MessageBody=body)
        found: list[Event] = []
        while messages := await receive(self.cloud, self.stack.queue_url):
            for message in messages:
                found += self.leases.take(message, parse) if take else self.leases.glance(message, parse)
        return found

    async def receive_as(self, body: str, received: int | None) -> list[Event]:
        """Send this and take it as if it had been received so often; None: as if nobody had asked for that."""
        await self.cloud.sqs.send_message(QueueUrl=self.stack.queue_url, MessageBody=body)
        (message,) = await receive(self.cloud, self.stack.queue_url)
        attributes = {} if received is None else {"Attributes": {"ApproximateReceiveCount": str(received)}}
        return self.leases.take(message | attributes, parse)

    async def release(self, events: list[Event]) -> None:
        """As a step does."""
        entries = [{"Id": str(n), "ReceiptHandle": handle} for n, handle in enumerate(self.leases.finish(events))]
        if entries:
            answer = await self.sqs.delete_message_batch(QueueUrl=self.stack.queue_url, Entries=entries)
            self.leases.released(entries, answer)

    @property
    def depth(self) -> tuple[int, int, int, int]:
        """Visible, in flight, deleted, dead-lettered."""
        ledger = self.cloud.simulated.ledger(self.stack.queue_url)
        return ledger.visible, ledger.in_flight, ledger.deleted, ledger.dead_lettered
