"""The dead-letter queue: what is in it, why, and the way back.

SQS does not keep why a message was given up. So each is tried again here, as a step would: its body is read, its
files are looked for and unzipped to nowhere. What fails now is the reason; what works can be put back.
"""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from palleto.cloud.clients import MAX_BYTES, object_name
from palleto.cloud.clients.errors import whole_answers
from palleto.cloud.door import Cloud
from palleto.cloud.endurance import no_queue
from palleto.cloud.queue.notifications import S3File, new_files
from palleto.cloud.queue.returns import batches
from palleto.cloud.stack import DEAD_LETTERS, QUEUE
from palleto.errors import BadFile, BadMessage, CloudError, SettingError
from palleto.files import result_path, unzip

HIDDEN = 300  # seconds that a message is hidden while it is looked at; it is given back as soon as all are
NOT_THERE = ("InvalidAction", "UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation")
WORKS = "works now: put it back"
MOVE_DEADLINE = 300.0  # seconds


@dataclass(frozen=True)
class DeadLetter:
    """A message that was given up: its `id`, the keys of its `files`, how often it was `received`, and the `reason`."""

    id: str
    files: tuple[str, ...]
    received: int
    reason: str

    def __str__(self) -> str:
        return f"{self.id}  {', '.join(self.files) or 'no file'}: {self.reason}"


async def dead_letters(cloud: Cloud, max_bytes: int = MAX_BYTES) -> list[DeadLetter]:
    """Everything in the dead-letter queue; it stays there.

    `max_bytes` is what a file may unzip to. Raises `SettingError` when there is no such queue, and `CloudError`.
    """
    with whole_answers("looking at the dead letters"):
        url = await _url(cloud, DEAD_LETTERS)
        messages = await _receive_all(cloud, url)
        try:
            return [await _examine(cloud, message, max_bytes) for message in messages]
        finally:
            with anyio.CancelScope(shield=True):
                for part in batches(messages):
                    entries = [
                        {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
                        for n, message in enumerate(part)
                    ]
                    await cloud.monitor.sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)


async def put_back(cloud: Cloud) -> int:
    """Move every message of the dead-letter queue back to the queue, and say how many.

    SQS moves them itself (StartMessageMoveTask); where that is not there (moto, MiniStack), each is sent, and then
    deleted: a crash in between leaves it in both queues, which costs a second look and loses nothing.
    """
    with whole_answers("putting dead letters back"):
        return await _put_back(cloud)


async def _put_back(cloud: Cloud) -> int:
    dead, queue = await _url(cloud, DEAD_LETTERS), await _url(cloud, QUEUE)
    sqs = cloud.monitor.sqs
    if hasattr(sqs, "start_message_move_task") and cloud.place.name != "embedded":  # 3 s of retries for moto's 500
        source, destination = [
            (await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"]))["Attributes"]["QueueArn"]
            for url in (dead, queue)
        ]
        try:
            await sqs.start_message_move_task(SourceArn=source, DestinationArn=destination)
        except CloudError as error:
            if error.status < 500 and error.code not in NOT_THERE:
                raise
        else:
            return await _moved(cloud, source)
    count = 0
    while messages := await _receive_all(cloud, dead, at_most=10):
        for message in messages:
            await sqs.send_message(QueueUrl=queue, MessageBody=message["Body"])
            await sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
        count += len(messages)
    return count


async def _moved(cloud: Cloud, arn: str) -> int:
    with anyio.move_on_after(MOVE_DEADLINE):
        while True:
            (task, *_) = (await cloud.monitor.sqs.list_message_move_tasks(SourceArn=arn))["Results"]
            if task["Status"] not in ("RUNNING", "CANCELLING"):
                return int(task.get("ApproximateNumberOfMessagesMoved", 0))
            await anyio.sleep(0.2)
    raise CloudError("sqs.StartMessageMoveTask", "Timeout", f"not all messages were moved in {MOVE_DEADLINE:.0f} s")


async def _url(cloud: Cloud, queue: str) -> str:
    try:
        return str((await cloud.monitor.sqs.get_queue_url(QueueName=queue))["QueueUrl"])
    except CloudError as error:
        if not no_queue(error):
            raise
        raise SettingError(f"expected queue {queue}, got none; run a step first, it makes the stack") from error


async def _receive_all(cloud: Cloud, url: str, at_most: int | None = None) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    while at_most is None or len(messages) < at_most:
        answer = await cloud.monitor.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=1,  # a short poll looks at a share of the messages only
            VisibilityTimeout=HIDDEN,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        if not answer.get("Messages"):
            break
        messages += answer["Messages"]
    return messages


async def _examine(cloud: Cloud, message: dict[str, Any], max_bytes: int) -> DeadLetter:
    files: list[S3File] = []
    try:
        files = new_files(message)
        failures = [failure for file in files if (failure := await _try(cloud, file, max_bytes))]
        reason = "; ".join(failures) or WORKS
    except BadMessage as error:
        reason = str(error)
    received = int(message.get("Attributes", {}).get("ApproximateReceiveCount", 0))
    return DeadLetter(message["MessageId"], tuple(file.key for file in files), received, reason)


async def _try(cloud: Cloud, file: S3File, max_bytes: int) -> str | None:
    """Why a file cannot be processed; None if it can."""
    with tempfile.TemporaryDirectory(prefix="palleto-") as folder:
        try:
            await cloud.blocking(result_path, Path(folder), file.key)
            response = await cloud.monitor.s3.get_object(**object_name(*file))
            with closing(response["Body"]) as body:
                await cloud.blocking(unzip, body.iter_chunks(), Path(folder, "file"), max_bytes)
        except (BadFile, CloudError) as error:
            return str(error)
    return None
