"""The messages in hand: received, and neither deleted nor given back.

SQS hides a received message for its visibility timeout and then hands it out again. So whoever works on one

1. extends the timeout for as long as the work takes (a heartbeat, every third of the timeout),
2. deletes the message when all that it asked for is on disk, and not before,
3. gives it back at once (visibility 0) when the work cannot be done: at the end of a run, after a crash.

A message that names several files is one lease of several parts. A part may fail for good (`reject`): that is reported
once, and the message goes back, to the dead-letter queue in the end, once its other parts are done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import anyio

from palleto.cloud.client import Client
from palleto.errors import BadInput, BadMessage, CloudError

Message = dict[str, Any]
"""A message as boto3's `receive_message` gives it."""

E = TypeVar("E")

BATCH = 10  # entries in one batch request, SQS's limit


class Held(Protocol):
    """An event made of a message: a file, and the message it came in."""

    @property
    def message_id(self) -> str:
        """The message's id, the same at each delivery."""

    @property
    def receipt_handle(self) -> str:
        """The handle of this delivery, with which the message is deleted."""


@dataclass
class Lease:
    """One delivery of one message: how many of its parts are not done yet, and whether one of them failed."""

    parts: int
    failed: bool = False


class Leases:
    """The leases of one queue. `run` must run beside the pipeline.

    visibility_timeout: the queue's, in seconds, above 0. report: prints one line for the user.
    """

    def __init__(self, sqs: Client, queue_url: str, visibility_timeout: float, report: Callable[[str], None]) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._timeout = max(1, int(visibility_timeout))
        self._report = report
        self._reported: set[str] = set()
        self._given_back: list[tuple[str, int]] = []  # receipt handle, seconds until it may come again
        self._to_delete: list[str] = []
        self._wake = anyio.Event()
        self.held: dict[str, Lease] = {}

    def __repr__(self) -> str:
        return f"<Leases {len(self.held)} messages in hand>"

    @property
    def idle(self) -> bool:
        """Whether nothing is in hand and nothing is about to be deleted or given back."""
        return not (self.held or self._given_back or self._to_delete)

    def take(self, message: Message, parse: Callable[[Message], list[E]]) -> list[E]:
        """Hold a received message, and return the events in it.

        One that names no file is done: it is deleted soon. One that `parse` raises BadMessage for is rejected.
        """
        handle = message["ReceiptHandle"]
        try:
            events = parse(message)
        except BadMessage as error:
            self.held[handle] = Lease(1)
            self._reject(message["MessageId"], handle, f"message {message['MessageId']}", error)
            return []
        if events:
            self.held[handle] = Lease(len(events))
        else:
            self._delete_soon(handle)
        return events

    def glance(self, message: Message, parse: Callable[[Message], list[E]]) -> list[E]:
        """The events in a received message, without holding it: it comes again when its visibility timeout ends."""
        try:
            return parse(message)
        except BadMessage as error:
            self._reject(message["MessageId"], message["ReceiptHandle"], f"message {message['MessageId']}", error)
            return []

    def finish(self, events: Iterable[Held]) -> list[str]:
        """Count these events as done. Returns the receipt handles of the messages that are done with that."""
        done = [self._end_part(event.receipt_handle, failed=False) for event in events]
        return [handle for handle in done if handle is not None]

    def released(self, entries: list[dict[str, str]], response: dict[str, Any]) -> None:
        """Look at the answer to a batch delete: what is in its `Failed` is tried again, and reported if that fails."""
        handles = {entry["Id"]: entry["ReceiptHandle"] for entry in entries}
        for failure in response.get("Failed", []):
            self._delete_soon(handles[failure["Id"]])

    def _delete_soon(self, handle: str) -> None:
        self._to_delete.append(handle)
        self._wake.set()

    def reject(self, event: Held, error: Exception) -> None:
        """Report, once for a message, that a file cannot be processed, and let its message go back.

        Bad input goes back at once, as waiting does not mend it; after the queue's `maxReceiveCount` it is in the
        dead-letter queue. After an error of the cloud the message comes again when its visibility timeout has passed.
        """
        self._reject(event.message_id, event.receipt_handle, str(event), error)

    def _reject(self, message_id: str, receipt_handle: str, what: str, error: Exception) -> None:
        if message_id not in self._reported:
            self._reported.add(message_id)
            self._report(f"cannot process {what}: {error}; it is left to the queue's redelivery and dead-letter queue")
        delay = 0 if isinstance(error, BadInput) or getattr(error, "code", "") == "NoSuchKey" else self._timeout
        handle = self._end_part(receipt_handle, failed=True, delay=delay)
        assert handle is None

    def _end_part(self, handle: str, *, failed: bool, delay: int = 0) -> str | None:
        lease = self.held.get(handle)
        if lease is None:  # given back already, by a crash: the message comes again
            return None
        lease.parts -= 1
        lease.failed = lease.failed or failed
        if lease.parts > 0:
            return None
        del self.held[handle]
        if lease.failed:
            self._give_back(handle, delay)
            return None
        return handle

    def lost(self, events: Iterable[Any]) -> None:
        """A crash lost these events: give their messages back, to be handed out again."""
        for handle in {getattr(event, "receipt_handle", None) for event in events}:
            if handle in self.held:
                del self.held[handle]
                self._give_back(handle, 0)

    def _give_back(self, handle: str, delay: int) -> None:
        self._given_back.append((handle, delay))
        self._wake.set()

    async def run(self) -> None:
        """Extend what is held, give back and delete what is to be, for ever."""
        while True:
            with anyio.move_on_after(self._timeout / 3) as beat:
                await self._wake.wait()
            self._wake = anyio.Event()
            await self.flush()
            if beat.cancelled_caught:
                await self._hide([(handle, self._timeout) for handle in self.held])

    async def flush(self) -> None:
        """Give back and delete what is to be."""
        given_back, self._given_back = self._given_back, []
        await self._hide(given_back)
        to_delete, self._to_delete = self._to_delete, []
        for part in batches(to_delete):
            entries = [{"Id": str(n), "ReceiptHandle": handle} for n, handle in enumerate(part)]
            try:
                answer = await self._sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
            except CloudError as error:
                self._say_once(error.code, str(error))
                continue
            for failure in answer.get("Failed", []):  # it comes again, and is done and deleted once more then
                self._say_once(failure["Code"], f"could not delete a message: {failure['Code']}; it will come again")

    async def give_back(self) -> int:
        """Give back everything in hand, at once. Returns how many messages that was."""
        count = len(self.held)
        self._given_back += [(handle, 0) for handle in self.held]
        self.held.clear()
        await self.flush()
        return count

    async def _hide(self, handles: Sequence[tuple[str, int]]) -> None:
        for part in batches(handles):
            entries = [
                {"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
                for n, (handle, seconds) in enumerate(part)
            ]
            try:
                await self._sqs.change_message_visibility_batch(QueueUrl=self._queue_url, Entries=entries)
            except CloudError as error:  # the message comes again when its timeout has passed: late, but not lost
                self._say_once(error.code, str(error))

    def _say_once(self, code: str, line: str) -> None:
        if code not in self._reported:
            self._reported.add(code)
            self._report(line)


def batches(items: Sequence[Any]) -> list[Sequence[Any]]:
    """The items in lists of at most ten, as SQS takes them.

    >>> batches([1] * 12) == [[1] * 10, [1] * 2]
    True
    """
    return [items[start : start + BATCH] for start in range(0, len(items), BATCH)]
