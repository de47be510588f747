"""The messages in hand: received, and neither deleted nor given back.

SQS hides a received message for its visibility timeout and then hands it out again. So whoever works on one

1. extends the timeout for as long as the work takes (a heartbeat, every third of the timeout),
2. deletes the message when all that it asked for is on disk, and not before,
3. gives it back at once (visibility 0) when the work cannot be done: at the end of a run, after a crash,
4. asks for the deletion again if that went wrong: the work is done, so the message must not come back,
5. says so when the time had run out before the work was done: the message may have been handed out again meanwhile,
   and somebody may have done it too. It is deleted all the same, as its result is whole; on AWS a handle that old may
   not delete it, and then it comes again and is done once more.

A message that names several files is one lease of several parts. A part may fail for good (`reject`): that is reported
once, and the message goes back, to the dead-letter queue in the end, once its other parts are done.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import anyio

from palleto.cloud.clients import Client
from palleto.cloud.clients.errors import ABANDONED
from palleto.cloud.endurance import of_all
from palleto.cloud.queue.messages import Message, handles_in, parsed
from palleto.cloud.queue.returns import GONE, Returns, batches, failures
from palleto.errors import BadInput, BadMessage, NotFoundError, one_line
from palleto.runtime import System, actor

E = TypeVar("E")

FINAL = (
    "InvalidBucketName",
    "KeyTooLongError",
    "MethodNotAllowed",  # the version is a delete marker
    "NoSuchBucket",
    "NoSuchKey",
    "NoSuchVersion",
    "ParamValidationError",
    "UnicodeEncodeError",
)
"""Errors of the cloud that say of one object what waiting will not mend."""

QUICK = 3
"""So many receives of bad input follow each other at once: as many as the stack's own queue allows. After later ones it
is hidden for a second, and twice as long each time, up to the visibility timeout: a queue may allow a thousand."""
REMEMBERED = 10_000  # lines that are not said again


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
    """One delivery of one message: its parts that are not done yet, and whether one of them failed.

    `until`: the run time at which its visibility timeout ends, as far as the queue has confirmed it. `received`: how
    often the message was handed out so far, this time included, 1 if nobody asked for that.
    """

    message_id: str
    parts: int
    until: float
    received: int
    failed: bool = False


class Leases:
    """The leases of one queue. `run` must run beside the pipeline.

    visibility_timeout: the queue's, in seconds, above 0. report: prints one line for the user.
    batch: how many messages are deleted in one request, 1 to 10.
    """

    def __init__(
        self, sqs: Client, queue_url: str, visibility_timeout: float, report: Callable[[str], None], batch: int
    ) -> None:
        self._batch = batch
        self._timeout = max(1, int(visibility_timeout))
        self._report: Callable[[str], None] = lambda line: report(one_line(line))
        self._reported: dict[str, None] = {}
        self._returns = Returns(sqs, queue_url, self._say_once, self._stale)
        self._finished: set[str] = set()  # done, and said to be deleted by who finished them
        self._wake = anyio.Event()
        self.held: dict[str, Lease] = {}

    def __repr__(self) -> str:
        return f"<Leases {len(self.held)} messages in hand>"

    @property
    def undeleted(self) -> int:
        """After `give_back`: the messages that are finished, and could not be deleted."""
        return self._returns.undeleted + self._returns.deletions

    @property
    def idle(self) -> bool:
        """Whether nothing is in hand and nothing is about to be deleted or given back."""
        return not (self.held or self._returns or self._finished)

    def take(self, message: Message, parse: Callable[[Message], list[E]]) -> list[E]:
        """Hold a received message, and return the events in it.

        One that names no file is done: it is deleted soon. One that `parse` fails on, with BadMessage or otherwise, is
        rejected: it must not cost the others that came with it.
        """
        message_id, handle = message["MessageId"], message["ReceiptHandle"]
        self._returns.came_again(message_id)
        try:
            events = parsed(message, parse)
        except BadMessage as error:
            self.held[handle] = self._lease(message, 1)
            self._reject(message_id, handle, f"message {message_id}", error)
            return []
        if events:
            self.held[handle] = self._lease(message, len(events))
        else:
            self._delete_soon(handle)
        return events

    def _lease(self, message: Message, parts: int) -> Lease:
        received = int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))
        return Lease(message["MessageId"], parts, anyio.current_time() + self._timeout, received)

    def glance(self, message: Message, parse: Callable[[Message], list[E]]) -> list[E]:
        """The events in a received message, without holding it: it comes again when its visibility timeout ends."""
        try:
            return parsed(message, parse)
        except BadMessage as error:
            self._reject(message["MessageId"], message["ReceiptHandle"], f"message {message['MessageId']}", error)
            return []

    def finish(self, events: Iterable[Held]) -> list[str]:
        """Count these events as done. Returns the receipt handles of the messages to delete now, at most ten.

        These are the messages that are done with that; none, until there are `batch` of them. Who calls it deletes them
        and says so with `released`; if that fails, `lost` or `give_back` sees to it. What waits for others to be
        deleted with is deleted from here after `LINGER` seconds.
        """
        done, due = [], self._returns.due
        for event in events:
            lease = self.held.get(event.receipt_handle)
            handle = self._end_part(event.receipt_handle, failed=False)
            if handle is not None:
                done.append(handle)
                if lease is not None and lease.until < anyio.current_time():
                    self._stale(handle, str(event))
        handles = self._returns.gather(done, self._batch)
        if self._returns.due < due:
            self._wake.set()
        self._finished.update(handles)
        return handles

    def released(self, entries: list[dict[str, str]], response: dict[str, Any]) -> None:
        """Look at the answer to a batch delete: what it does not say is deleted is tried again."""
        failed = failures(entries, response)
        for entry in entries:
            handle = entry["ReceiptHandle"]
            self._finished.discard(handle)
            if failed.get(entry["Id"]) in GONE:
                self._stale(handle)
            elif entry["Id"] in failed:
                self._delete_soon(handle)

    def _stale(self, handle: str, what: str = "a file") -> None:
        """A message's time had run out before it was deleted: note it, and tell the user once."""
        note("stale", [what])
        self._say_once(
            "stale",
            f"the visibility timeout ({self._timeout} s) of {what} ended before its message was deleted; "
            "it may be processed twice, to the same result",
        )

    def _delete_soon(self, handle: str) -> None:
        self._return(handle, None)

    def _return(self, handle: str, hide: int | None, message_id: str = "") -> None:
        self._returns.add(handle, hide, message_id)
        self._wake.set()

    def reject(self, event: Held, error: Exception) -> None:
        """Report, once for a message, that a file cannot be processed, and let its message go back.

        Bad input goes back at once, as waiting does not mend it, or a little later each time (`QUICK`); after the
        queue's `maxReceiveCount` it is in the dead-letter queue. After an error of the cloud the message comes again
        when its visibility timeout has passed. Where the end of the run cut the request off, or the error is about
        everybody and ends the run, it stays in hand, for `give_back`.
        """
        if getattr(error, "code", "") != ABANDONED and not of_all(error):
            self._reject(event.message_id, event.receipt_handle, str(event), error)

    def _reject(self, message_id: str, receipt_handle: str, what: str, error: Exception) -> None:
        line = f"cannot process {what}: {error}; it is left to the queue's redelivery and dead-letter queue"
        self._say_once(message_id, line)
        final = isinstance(error, BadInput) or getattr(error, "code", "") in FINAL
        handle = self._end_part(receipt_handle, failed=True, delay=None if final else self._timeout)
        assert handle is None

    def _end_part(self, handle: str, *, failed: bool, delay: int | None = None) -> str | None:
        """A part of a message is done, or failed. The handle if the message is to be deleted now.

        delay: seconds until a message that failed comes again; None: as `_again` says.
        """
        lease = self.held.get(handle)
        if lease is None:  # given back already, by a crash: the message comes again
            return None
        lease.parts -= 1
        lease.failed = lease.failed or failed
        if lease.parts > 0:
            return None
        del self.held[handle]
        if lease.failed:
            self._return(handle, self._again(lease) if delay is None else delay, lease.message_id)
            return None
        return handle

    def _again(self, lease: Lease) -> int:
        """Seconds until bad input comes again: see `QUICK`."""
        return 0 if lease.received <= QUICK else min(self._timeout, 2 ** min(lease.received - QUICK - 1, 20))

    def lost(self, events: Iterable[Any]) -> None:
        """A crash lost these events, or what was made of them: give their messages back, to be handed out again."""
        for handle in handles_in(events):
            if handle in self.held:
                self._return(handle, 0, self.held.pop(handle).message_id)
            elif handle in self._finished:
                self._finished.remove(handle)
                self._delete_soon(handle)

    async def run(self) -> None:
        """Extend what is held, give back and delete what is to be, for ever."""
        beat = anyio.current_time() + self._timeout / 3
        while True:
            with anyio.move_on_after(max(0.0, min(beat, self._returns.due) - anyio.current_time())):
                await self._wake.wait()
            self._wake = anyio.Event()
            await self._returns.flush()
            if anyio.current_time() >= beat:
                beat = anyio.current_time() + (self._timeout / 3 if await self._extend() else self._timeout / 15)

    async def _extend(self) -> bool:
        """The heartbeat. False if a part of it failed, and should be sent again soon."""
        well = True
        async with self._returns.lock:
            for part in batches([handle for handle, lease in self.held.items() if lease.until > -math.inf]):
                until = anyio.current_time() + self._timeout
                failed = await self._returns.request([(handle, self._timeout) for handle in part])
                for number, handle in enumerate(part):
                    code = failed.get(str(number))
                    if handle not in self.held:  # it was deleted or given back meanwhile
                        continue
                    if code is None:
                        self.held[handle].until = until
                    elif code in GONE:  # somebody else has it by now
                        self.held[handle].until = -math.inf
                    else:
                        well = False
                        self._say_once(code, f"could not extend a message's time: {code}; trying again")
        return well

    async def flush(self) -> None:
        """Give back and delete what is to be, now."""
        await self._returns.flush(at_once=True)

    async def give_back(self) -> int:
        """Give back everything in hand, at once. Returns how many messages that was.

        `undeleted` says how many that are finished the queue did not hear of.
        """
        count = len(self.held)
        for handle in self.held:
            self._returns.add(handle, 0)
        self.held.clear()
        for handle in self._finished:
            self._returns.add(handle, None)
        self._finished.clear()
        for pause in (0.2, 0.4, 0.8, 0.0):
            await self.flush()
            if not self._returns:
                break
            await anyio.sleep(pause)
        return count

    def _say_once(self, code: str, line: str) -> None:
        if code not in self._reported:
            self._reported[code] = None
            if len(self._reported) > REMEMBERED:  # the ids of bad messages, in a run that goes on for months
                del self._reported[next(iter(self._reported))]
            self._report(line)


def note(kind: str, events: Sequence[str]) -> None:
    """Note an event in the trace of the caller's run, if it is in one and that has a trace."""
    try:
        system = System.current()
    except NotFoundError:
        return
    if system.observer is not None:
        system.observer.note(kind, actor(), events=list(events))
