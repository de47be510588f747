# ruff: noqa: N803 - the operations have boto3's names and arguments, and boto3's documentation.
"""Simulated SQS: boto3's operations on `Queue`s. An operation is a coroutine method with boto3's name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import anyio

from palleto.cloud.places.simulated.queue import Message, Queue
from palleto.cloud.places.simulated.world import ACCOUNT, EPOCH, REGION, Service, World
from palleto.errors import CloudError

Entry = dict[str, Any]
Response = dict[str, Any]

SENDER = "AIDASIMULATED"
CODE = "AWS.SimpleQueueService."  # the older half of SQS's codes begin with it
MAX_BATCH = 10


class SimulatedSQS(Service):
    """SQS: `queues` by name."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.queues: dict[str, Queue] = {}

    def __repr__(self) -> str:
        return "simulated SQS"

    def at(self, operation: str, queue_url: str) -> Queue:
        """The queue with that URL; raises `CloudError` (`NonExistentQueue`)."""
        queue = self.queues.get(queue_url.rpartition("/")[2])
        if queue is None or queue.url != queue_url:
            raise self._no_queue(operation)
        return queue

    def by_arn(self, arn: str) -> Queue | None:
        """The queue with that ARN, if there is one."""
        return next((queue for queue in self.queues.values() if queue.arn == arn), None)

    def put(self, queue: Queue, body: str, delay: float | None = None, attributes: Entry | None = None) -> str:
        """Send a message, as S3 does and as SendMessage does; the id of the message."""
        now = self.world.now()
        message = Message(0, self.world.message_id(), body, now, attributes or {})
        message.shard = self.world.chance.random()
        queue.add(message, now, queue.delay if delay is None else delay)
        return message.id

    # --- queues ---

    async def create_queue(
        self, QueueName: str, Attributes: dict[str, str] | None = None, tags: dict[str, str] | None = None
    ) -> Response:
        attributes = {key: str(value) for key, value in (Attributes or {}).items()}
        queue = self.queues.get(QueueName)
        if queue is None:
            url = f"https://sqs.{REGION}.simulated/{ACCOUNT}/{QueueName}"
            arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{QueueName}"
            shuffle = self.world.chance if self.world.simulation.shuffle else None
            queue = self.queues[QueueName] = Queue(QueueName, url, arn, attributes, self.world.now(), shuffle)
        elif any(queue.attributes.get(key) != value for key, value in attributes.items()):
            raise _error("CreateQueue", "QueueAlreadyExists", f"A queue {QueueName} has other attributes.")
        return {"QueueUrl": queue.url}

    async def delete_queue(self, QueueUrl: str) -> Response:
        del self.queues[self.at("DeleteQueue", QueueUrl).name]
        return {}

    async def get_queue_url(self, QueueName: str, QueueOwnerAWSAccountId: str = ACCOUNT) -> Response:
        if QueueName not in self.queues:
            raise self._no_queue("GetQueueUrl")
        return {"QueueUrl": self.queues[QueueName].url}

    async def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str] | None = None) -> Response:
        queue = self.at("GetQueueAttributes", QueueUrl)
        queue.settle(self.world.now())
        ledger = queue.ledger()
        attributes = queue.attributes | {
            "QueueArn": queue.arn,
            "ApproximateNumberOfMessages": str(ledger.visible),
            "ApproximateNumberOfMessagesNotVisible": str(ledger.in_flight),
            "ApproximateNumberOfMessagesDelayed": str(ledger.delayed),
            "CreatedTimestamp": str(int(EPOCH.timestamp() + queue.created_at)),
        }
        names = set(AttributeNames or ())
        wanted = {key: value for key, value in attributes.items() if key in names or "All" in names}
        return {"Attributes": wanted} if wanted else {}

    async def set_queue_attributes(self, QueueUrl: str, Attributes: dict[str, str]) -> Response:
        queue = self.at("SetQueueAttributes", QueueUrl)
        queue.attributes.update({key: str(value) for key, value in Attributes.items()})
        return {}

    async def purge_queue(self, QueueUrl: str) -> Response:
        self.at("PurgeQueue", QueueUrl).purge()
        return {}

    # --- sending and receiving ---

    async def send_message(
        self,
        QueueUrl: str,
        MessageBody: str,
        DelaySeconds: int | None = None,
        MessageAttributes: Entry | None = None,
    ) -> Response:
        queue = self.at("SendMessage", QueueUrl)
        if not MessageBody:
            raise _error("SendMessage", "MissingParameter", "The request must contain the parameter MessageBody.")
        message_id = self.put(queue, MessageBody, DelaySeconds, MessageAttributes)
        return {"MessageId": message_id, "MD5OfMessageBody": _md5(MessageBody)}

    async def send_message_batch(self, QueueUrl: str, Entries: list[Entry]) -> Response:
        queue = self.at("SendMessageBatch", QueueUrl)

        def send(entry: Entry) -> Entry:
            body: str = entry["MessageBody"]
            message_id = self.put(queue, body, entry.get("DelaySeconds"), entry.get("MessageAttributes"))
            return {"MessageId": message_id, "MD5OfMessageBody": _md5(body)}

        return _batch("SendMessageBatch", Entries, send)

    async def receive_message(
        self,
        QueueUrl: str,
        AttributeNames: list[str] | None = None,
        MessageSystemAttributeNames: list[str] | None = None,
        MessageAttributeNames: list[str] | None = None,
        MaxNumberOfMessages: int = 1,
        VisibilityTimeout: int | None = None,
        WaitTimeSeconds: int | None = None,
        ReceiveRequestAttemptId: str = "",
    ) -> Response:
        queue = self.at("ReceiveMessage", QueueUrl)
        if WaitTimeSeconds is None:
            WaitTimeSeconds = queue.wait_time  # noqa: N806
        hide_for = queue.visibility_timeout if VisibilityTimeout is None else VisibilityTimeout
        _in_range("ReceiveMessage", "MaxNumberOfMessages", MaxNumberOfMessages, 1, 10)
        _in_range("ReceiveMessage", "WaitTimeSeconds", WaitTimeSeconds, 0, 20)
        _in_range("ReceiveMessage", "VisibilityTimeout", hide_for, 0, 43200)

        deadline = self.world.now() + WaitTimeSeconds
        taken: list[Message] = []
        if queue.script and queue.script[0] == 0:
            queue.script.popleft()
            await anyio.sleep(WaitTimeSeconds)
            deadline = -1.0  # over, whatever is there
        while deadline >= 0 and not (
            taken := self._take(queue, MaxNumberOfMessages, hide_for, short=WaitTimeSeconds == 0)
        ):
            now = self.world.now()
            if now >= deadline:
                break
            until = min(deadline, deadline if (back := queue.next_return()) is None else back)
            with anyio.move_on_after(until - now):
                await queue.arrival().wait()
        await self.world.pause(self.world.simulation.receive)
        if not taken:
            return {}
        names = {*(AttributeNames or ()), *(MessageSystemAttributeNames or ())}
        return {"Messages": [_shown(message, names, MessageAttributeNames or []) for message in taken]}

    def _take(self, queue: Queue, count: int, hide_for: int, *, short: bool) -> list[Message]:
        now = self.world.now()
        queue.settle(now)
        if queue.script:
            count = min(count, queue.script[0])
            short = False  # a script is followed to the letter
        dead_letter_arn, max_receives = queue.redrive
        dead_letters = self.by_arn(dead_letter_arn)

        def give_up(message: Message) -> None:
            if dead_letters is not None:
                dead_letters.add(message.dead_letter(queue.arn), now, 0)

        looked_at = self.world.simulation.short_poll
        offset = self.world.chance.random() if short else 0.0
        taken = queue.take(
            count,
            now,
            hide_for,
            max_receives if dead_letters is not None else None,
            give_up,
            lambda: self.world.token(64),
            lambda message: not short or (message.shard + offset) % 1 < looked_at,
        )
        if taken and queue.script:
            queue.script.popleft()
        return taken

    # --- done with a message ---

    async def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> Response:
        queue = self.at("DeleteMessage", QueueUrl)
        await self.world.pause(self.world.simulation.delete)
        queue.delete(ReceiptHandle, "sqs.DeleteMessage")
        return {}

    async def delete_message_batch(self, QueueUrl: str, Entries: list[Entry]) -> Response:
        queue = self.at("DeleteMessageBatch", QueueUrl)
        await self.world.pause(self.world.simulation.delete)
        operation = "sqs.DeleteMessageBatch"

        def delete(entry: Entry) -> Entry:
            queue.delete(entry["ReceiptHandle"], operation)
            return {}

        return _batch("DeleteMessageBatch", Entries, delete)

    async def change_message_visibility(self, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> Response:
        queue = self.at("ChangeMessageVisibility", QueueUrl)
        self._change(queue, "ChangeMessageVisibility", ReceiptHandle, VisibilityTimeout)
        return {}

    async def change_message_visibility_batch(self, QueueUrl: str, Entries: list[Entry]) -> Response:
        name = "ChangeMessageVisibilityBatch"
        queue = self.at(name, QueueUrl)

        def change(entry: Entry) -> Entry:
            self._change(queue, name, entry["ReceiptHandle"], entry.get("VisibilityTimeout", 0))
            return {}

        return _batch(name, Entries, change)

    def _change(self, queue: Queue, operation: str, handle: str, timeout: int) -> None:
        _in_range(operation, "VisibilityTimeout", timeout, 0, 43200)
        queue.settle(self.world.now())
        queue.change_visibility(handle, timeout, self.world.now(), f"sqs.{operation}")

    def _no_queue(self, operation: str) -> CloudError:
        return _error(operation, CODE + "NonExistentQueue", "The specified queue does not exist.")


def _batch(operation: str, entries: list[Entry], do: Callable[[Entry], Entry]) -> Response:
    """Do a batch's entries one by one: those that fail are listed under `Failed` and do not stop the others."""
    ids = [entry["Id"] for entry in entries]
    if not entries:
        raise _error(operation, CODE + "EmptyBatchRequest", f"There should be at least one {operation}RequestEntry.")
    if len(set(ids)) < len(ids):
        raise _error(operation, CODE + "BatchEntryIdsNotDistinct", "Two or more batch entries have the same Id.")
    if len(entries) > MAX_BATCH:
        message = f"Maximum number of entries per request are {MAX_BATCH}. You have sent {len(entries)}."
        raise _error(operation, CODE + "TooManyEntriesInBatchRequest", message)
    done: list[Entry] = []
    failed: list[Entry] = []
    for entry in entries:
        try:
            done.append({"Id": entry["Id"], **do(entry)})
        except CloudError as error:
            message = str(error).partition(": ")[2]
            failed.append({"Id": entry["Id"], "SenderFault": True, "Code": error.code, "Message": message})
    # As SQS's JSON answers, both are there, empty or not.
    return {"Successful": done, "Failed": failed}


def _shown(message: Message, names: set[str], attribute_names: list[str]) -> Response:
    def stamp(at: float) -> str:
        return str(int((EPOCH.timestamp() + at) * 1000))

    attributes = {
        "SenderId": SENDER,
        "SentTimestamp": stamp(message.sent_at),
        "ApproximateReceiveCount": str(message.receives),
        "ApproximateFirstReceiveTimestamp": stamp(message.first_received_at),
    }
    if message.source:
        attributes["DeadLetterQueueSourceArn"] = message.source
    shown: Response = {
        "MessageId": message.id,
        "ReceiptHandle": message.handle,
        "MD5OfBody": _md5(message.body),
        "Body": message.body,
    }
    if wanted := {key: value for key, value in attributes.items() if key in names or "All" in names}:
        shown["Attributes"] = wanted
    if user := {k: v for k, v in message.attributes.items() if k in attribute_names or "All" in attribute_names}:
        shown["MessageAttributes"] = user
    return shown


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _in_range(operation: str, name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        message = f"Value {value} for parameter {name} is invalid. Reason: Must be between {low} and {high}."
        raise _error(operation, "InvalidParameterValue", message)


def _error(operation: str, code: str, message: str) -> CloudError:
    return CloudError(f"sqs.{operation}", code, message, 400)
