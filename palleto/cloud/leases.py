"""The messages in hand: received, and neither deleted nor given back.

SQS hides a received message for its visibility timeout and then hands it out again. So whoever works on one

1. extends the timeout for as long as the work takes (a heartbeat, every third of the timeout),
2. deletes the message when all that it asked for is on disk, and not before,
3. gives it back at once (visibility 0) when the work cannot be done: at the end of a run, after a crash.

4. asks for the deletion again if that went wrong: the work is done, so the message must not come back.

A message that names several files is one lease of several parts. A part may fail for good (`reject`): that is reported
once, and the message goes back, to the dead-letter queue in the end, once its other parts are done.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import anyio

from palleto.cloud.client import Client
from palleto.errors import BadInput, BadMessage, CloudError

Message = dict[str, Any]
"""A message as boto3's `receive_message` gives it."""

E = TypeVar("E")

FINAL = ("NoSuchKey", "NoSuchBucket", "ParamValidationError", "UnicodeEncodeError")
"""Errors of the cloud that say of one object what waiting will not mend."""

BATCH = 10  # entries in one batch request, SQS's limit

LINGER = 1.0
"""Seconds of run time that a finished message waits at most for others to be deleted with, where they are gathered."""


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
    batch: how many messages are deleted in one request, 1 to 10.
    """

    def __init__(
        self, sqs: Client, queue_url: str, visibility_timeout: float, report: Callable[[str], None], batch: int = 1
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._timeout = max(1, int(visibility_timeout))
        self._report: Callable[[str], None] = lambda line: report(one_line(line))
        self._reported: set[str] = set()
        self._given_back: list[tuple[str, int]] = []  # receipt handle, seconds until it may come again
        self._to_delete: list[str] = []
        self._batch = batch
        self._gathered: list[str] = []  # done, and waiting for others to be deleted with
        self._due = math.inf  # when those have waited for long enough
        self._finished: set[str] = set()  # done, and said to be deleted by who finished them
        self._flushing = anyio.Lock()
        self._wake = anyio.Event()
        self.held: dict[str, Lease] = {}

    def __repr__(self) -> str:
        return f"<Leases {len(self.held)} messages in hand>"

    @property
    def idle(self) -> bool:
        """Whether nothing is in hand and nothing is about to be deleted or given back."""
        return not (self.held or self._given_back or self._to_delete or self._gathered or self._finished)

    def take(self, message: Message, parse: Callable[[Message], list[E]]) -> list[E]:
        """Hold a received message, and return the events in it.

        One that names no file is done: it is deleted soon. One that `parse` fails on, with BadMessage or otherwise, is
        rejected: it must not cost the others that came with it.
        """
        handle = message["ReceiptHandle"]
        try:
            events = parsed(message, parse)
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
            return parsed(message, parse)
        except BadMessage as error:
            self._reject(message["MessageId"], message["ReceiptHandle"], f"message {message['MessageId']}", error)
            return []

    def finish(self, events: Iterable[Held]) -> list[str]:
        """Count these events as done. Returns the receipt handles of the messages to delete now, at most ten.

        They are all that are done with that; or none, until there are `batch` of them. Who calls it deletes them and
        says so with `released`; if that fails, `lost` or `give_back` sees to it. What stays here is deleted when it
        has waited for `LINGER` seconds.
        """
        done = [self._end_part(event.receipt_handle, failed=False) for event in events]
        self._gathered += [handle for handle in done if handle is not None]
        due: list[str] = []
        if len(self._gathered) >= self._batch:
            due, self._gathered = self._gathered[:BATCH], self._gathered[BATCH:]
            self._due = math.inf
        if self._gathered and self._due == math.inf:
            self._due = anyio.current_time() + LINGER
            self._wake.set()
        self._finished.update(due)
        return due

    def released(self, entries: list[dict[str, str]], response: dict[str, Any]) -> None:
        """Look at the answer to a batch delete: what is in its `Failed` is tried again, and reported if that fails."""
        handles = {entry["Id"]: entry["ReceiptHandle"] for entry in entries}
        self._finished.difference_update(handles.values())
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
        delay = 0 if isinstance(error, BadInput) or getattr(error, "code", "") in FINAL else self._timeout
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
        """A crash lost these events, or what was made of them: give their messages back, to be handed out again."""
        for handle in dict.fromkeys(handles_in(events)):
            if handle in self.held:
                del self.held[handle]
                self._give_back(handle, 0)
            elif handle in self._finished:
                self._finished.remove(handle)
                self._delete_soon(handle)

    def _give_back(self, handle: str, delay: int) -> None:
        self._given_back.append((handle, delay))
        self._wake.set()

    async def run(self) -> None:
        """Extend what is held, give back and delete what is to be, for ever."""
        beat = anyio.current_time() + self._timeout / 3
        while True:
            with anyio.CancelScope(deadline=min(beat, self._due)):
                await self._wake.wait()
            self._wake = anyio.Event()
            if anyio.current_time() >= self._due:
                self._delete_gathered()
            await self.flush()
            if anyio.current_time() >= beat:
                beat = anyio.current_time() + self._timeout / 3
                async with self._flushing:
                    for part in batches([(handle, self._timeout) for handle in self.held]):
                        await self._hide([(handle, seconds) for handle, seconds in part if handle in self.held])

    def _delete_gathered(self) -> None:
        self._to_delete += self._gathered
        self._gathered.clear()
        self._due = math.inf

    async def flush(self) -> None:
        """Give back and delete what is to be. A part is crossed out when it is done, as this may be cancelled."""
        async with self._flushing:  # a message that is given back here must not be extended by `run` meanwhile
            while part := self._given_back[:BATCH]:
                await self._hide(part)
                del self._given_back[: len(part)]
            while handles := self._to_delete[:BATCH]:
                await self._delete(handles)
                del self._to_delete[: len(handles)]

    async def _delete(self, handles: Sequence[str]) -> None:
        entries = [{"Id": str(n), "ReceiptHandle": handle} for n, handle in enumerate(handles)]
        try:
            answer = await self._sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
        except CloudError as error:
            self._say_once(error.code, str(error))
            return
        for failure in answer.get("Failed", []):  # it comes again, and is done and deleted once more then
            self._say_once(failure["Code"], f"could not delete a message: {failure['Code']}; it will come again")

    async def give_back(self) -> int:
        """Give back everything in hand, at once. Returns how many messages that was."""
        count = len(self.held)
        self._given_back += [(handle, 0) for handle in self.held]
        self.held.clear()
        self._to_delete += self._finished
        self._finished.clear()
        self._delete_gathered()
        await self.flush()
        return count

    async def _hide(self, handles: Sequence[tuple[str, int]]) -> None:
        entries = [
            {"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
            for n, (handle, seconds) in enumerate(handles)
        ]
        try:
            if entries:
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


def handles_in(things: Iterable[Any]) -> Iterator[str]:
    """The receipt handles of events, and of those that are part of something: of a download, of a message of a stage.

    >>> from typing import NamedTuple
    >>> class Event(NamedTuple):
    ...     receipt_handle: str
    >>> list(handles_in([Event("a"), (Event("b"), "a path"), ("enqueue", [Event("c")]), "hey"]))
    ['a', 'b', 'c']
    """
    for thing in things:
        handle = getattr(thing, "receipt_handle", None)
        if isinstance(handle, str):
            yield handle
        elif isinstance(thing, list | tuple):
            yield from handles_in(thing)


def parsed(message: Message, parse: Callable[[Message], list[E]]) -> list[E]:
    """What `parse` makes of a message. Raises BadMessage, whatever `parse` raises."""
    try:
        return parse(message)
    except BadMessage:
        raise
    except Exception as error:  # nesting too deep for `json`, for one
        raise BadMessage(f"expected a message that can be parsed, got {type(error).__name__}: {error}") from error


def one_line(text: str) -> str:
    r"""A text in one line that a terminal only prints: line breaks and control characters as Python writes them.

    >>> print(one_line("a\nb \x1b[31m 日本"))
    a\nb \x1b[31m 日本
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
