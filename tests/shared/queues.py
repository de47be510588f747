"""What the tests of the cloud share about queues: one with messages in it, and a receive of what is there."""

from __future__ import annotations

from typing import Any

from palleto.cloud import Cloud


async def make_queue(cloud: Cloud, *bodies: str, name: str = "events", **attributes: str) -> str:
    """A queue with these messages; made as a run's bookkeeping is, which no fault strikes. Its URL."""
    sqs = cloud.monitor.sqs
    url: str = (await sqs.create_queue(QueueName=name, Attributes=attributes))["QueueUrl"]
    for body in bodies:
        await sqs.send_message(QueueUrl=url, MessageBody=body)
    return url


async def receive(cloud: Cloud, url: str, **arguments: Any) -> list[dict[str, Any]]:
    """A long poll of 1 s for ten messages unless told otherwise: it looks at all messages, on every place."""
    answer = await cloud.sqs.receive_message(
        **{"QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1} | arguments
    )
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages
