"""What the cloud's requests and the simulated queue's messages are in a trace: the kind, the ids, the data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import anyio

from palleto.cloud.queue import Redrive, new_files
from palleto.errors import BadMessage
from palleto.trace import event_id

__all__ = ["Observation", "names_in", "watch"]


class Observation:
    """Reads requests and their answers. It remembers which message a receipt handle is of, until that is deleted.

    visibility: the queue's visibility timeout, in seconds, for receives that name none; None: unknown.
    redrive: who may not be received again; None: the queue tells that itself, or nobody knows.
    """

    def __init__(self, visibility: float | None = None) -> None:
        self.visibility = visibility
        self.redrive: Redrive | None = None
        self._ids: dict[str, str] = {}  # message ids by receipt handle
        self._handles: dict[str, list[str]] = {}

    def of_queue(self, visibility: float, allowed: int | None) -> None:
        """The queue's visibility timeout and `maxReceiveCount`; None: it tells of dead letters itself."""
        self.visibility = visibility
        self.redrive = None if allowed is None else Redrive(allowed)

    def told(
        self, operation: str, arguments: dict[str, Any], answer: Any, now: float
    ) -> Iterator[tuple[str, list[str], dict[str, Any]]]:
        """All trace events of a request that is answered at run time `now`: its own, and of who it dead-lettered."""
        kind, ids, data = self(operation, arguments, answer)
        yield kind, ids, data
        if self.redrive is not None and (moved := self.redrive.moved(kind, ids, data, now)):
            yield "dead_lettered", moved, {}

    def __call__(self, operation: str, arguments: dict[str, Any], answer: Any) -> tuple[str, list[str], dict[str, Any]]:
        """The kind, the ids and the data of a request. A failed one, and one of no interest, is a "request"."""
        if isinstance(answer, Exception):
            more = _asked(arguments) if operation == "sqs.ReceiveMessage" else {}
            return "request", [], {"operation": operation, "error": str(answer), **more}
        if operation == "sqs.ReceiveMessage":
            return self._received(arguments, answer)
        if operation == "sqs.DeleteMessageBatch":
            done = self._named(arguments, answer.get("Successful", []))
            refused = self._named(arguments, answer.get("Failed", []))
            for message_id in done:
                for handle in self._handles.pop(message_id, []):
                    del self._ids[handle]
            deleted, failed = len(answer.get("Successful", [])), len(answer.get("Failed", []))
            return "delete", done, {"deleted": deleted, "failed": failed, **({"refused": refused} if refused else {})}
        if operation == "sqs.ChangeMessageVisibilityBatch":
            entries = arguments["Entries"]
            refused = self._named(arguments, answer.get("Failed", []))
            data = {"seconds": [entry["VisibilityTimeout"] for entry in entries]}
            return "visibility", self._named(arguments, entries), data | ({"refused": refused} if refused else {})
        if operation == "s3.GetObject":
            return "download", [arguments["Key"]], {"bytes": answer.get("ContentLength", 0)}
        return "request", [], {"operation": operation}

    def _received(self, arguments: dict[str, Any], answer: Any) -> tuple[str, list[str], dict[str, Any]]:
        messages = answer.get("Messages", [])
        counts = [int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1)) for message in messages]
        data: dict[str, Any] = {"counts": counts, **_asked(arguments)}
        if messages:
            data["visibility"] = arguments.get("VisibilityTimeout", self.visibility)
            data["names"] = [names_in(message.get("Body", "")) for message in messages]
        for message in messages:
            if (handle := message.get("ReceiptHandle")) is not None:
                self._ids[handle] = message["MessageId"]
                self._handles.setdefault(message["MessageId"], []).append(handle)
        return "receive", [message["MessageId"] for message in messages], data

    def _named(self, arguments: dict[str, Any], entries: list[dict[str, Any]]) -> list[str]:
        """The message ids of a batch's entries, of those that are known."""
        handles = {entry["Id"]: entry["ReceiptHandle"] for entry in arguments.get("Entries", [])}
        found = [self._ids.get(handles.get(entry.get("Id"), "")) for entry in entries]
        return [message_id for message_id in found if message_id is not None]


def _asked(arguments: dict[str, Any]) -> dict[str, Any]:
    names = {"max": "MaxNumberOfMessages", "wait": "WaitTimeSeconds"}
    return {short: arguments[name] for short, name in names.items() if name in arguments}


def names_in(body: str) -> list[str]:
    """The ids, in a trace, of the events in a message's body: `bucket/key` for each new file."""
    try:
        return [event_id(f"{file.bucket}/{file.key}") for file in new_files({"Body": body})]
    except BadMessage:
        return []


def watch(simulated: Any, queue_url: str, tell: Callable[[str, dict[str, Any]], None], started: float) -> None:
    """Have a simulated queue tell of each message, by its id and its data; those that it holds already come first.

    started: the moment from which times in the data count, on the event loop's clock: that of a run's start.
    Of several who watch a queue the first is told, and no other.
    """
    queue, world = simulated.sqs.at("GetQueueAttributes", queue_url), simulated.world
    if queue.on_change is not None:
        return
    start = started - (anyio.current_time() - world.now())
    before = queue.sent - len(queue.messages)  # gone already: nobody is told of them

    def changed(message: Any) -> None:
        until = None if message.hidden_until is None or message.gone else round(message.hidden_until - start, 6)
        data = {"state": message.state, "receives": message.receives, "until": until, "sent": queue.sent - before}
        if message.receives == 0 and (names := names_in(message.body)):
            data["names"] = names
        tell(message.id, data)

    for message in list(queue.messages.values()):
        changed(message)
    queue.on_change = changed
