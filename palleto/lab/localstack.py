"""LocalStack, for the labs that also run on it: where it answers, or the command that starts it; what has arrived."""

from __future__ import annotations

import anyio

from palleto.cloud import Cloud, Place, Stack, choose
from palleto.errors import SettingError

__all__ = ["announced", "answering"]


def answering() -> Place:
    """LocalStack, which answers. Raises SettingError, with the command that starts it, if it does not."""
    try:
        return choose("localstack")
    except SettingError as error:  # to leave the place out, as a step's user may, is no way out here
        raise SettingError(str(error).partition(", or leave")[0]) from None


async def announced(cloud: Cloud, stack: Stack, count: int, seconds: float) -> None:
    """Wait until so many messages are visible in the queue, at most so long: S3 sends them some time after a put."""
    name, there = "ApproximateNumberOfMessages", 0
    with anyio.move_on_after(seconds):
        while there < count:
            answer = await cloud.monitor.sqs.get_queue_attributes(QueueUrl=stack.queue_url, AttributeNames=[name])
            there = int(answer["Attributes"][name])
            await anyio.sleep(0.1)
