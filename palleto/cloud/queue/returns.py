"""What goes back to the queue: messages to be deleted and messages to be given back, until the queue has heard it.

They go in batches of ten; a message that is done may wait for others to be deleted with (`gather`). What fails is sent
again, after waits that double from 0.2 s to 5 s of run time, at most `ATTEMPTS` times: by then the message's time has
run out, and it comes again by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import anyio

from palleto.cloud.clients import Client
from palleto.cloud.clients.errors import ABANDONED
from palleto.errors import CloudError

BATCH = 10  # entries in one batch request, SQS's limit
ATTEMPTS = 10
LINGER = 1.0
"""Seconds of run time that a message waits at most for others to be deleted with. Its time is not extended meanwhile:
of the visibility timeout at least two thirds are left when its work is done."""
GONE = frozenset(
    {"ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue", "InvalidIdFormat"}
    | {"InvalidParameterValueException"}  # as LocalStack has it
)
"""Codes that say of a message that it is not in hand any more: nothing is left to do for it."""


@dataclass
class Return:
    """One message to go back: `hide` is the seconds until it may come again; None: it is to be deleted.

    void: it has come again, so nothing is left to do.
    """

    handle: str
    hide: int | None
    message_id: str = ""
    void: bool = False
    attempts: int = 0
    due: float = -math.inf


class Returns:
    """The messages that are on their way back.

    say_once(code, line) tells the user. stale(handle) hears of a message that was to be deleted, and was not in hand
    any more.
    """

    def __init__(
        self, sqs: Client, queue_url: str, say_once: Callable[[str, str], None], stale: Callable[[str], None]
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._say_once = say_once
        self._stale = stale
        self._pending: list[Return] = []
        self._gathered: list[str] = []  # done, and waiting for others
        self._gathered_due = math.inf
        self.lock = anyio.Lock()
        self.undeleted = 0  # given up since the queue last heard of one

    def __repr__(self) -> str:
        return f"<Returns {len(self)} messages on their way back>"

    def __len__(self) -> int:
        return len(self._pending) + len(self._gathered)

    @property
    def deletions(self) -> int:
        """How many messages the last `flush` could not delete yet."""
        return sum(each.hide is None for each in self._pending)

    def add(self, handle: str, hide: int | None, message_id: str = "") -> None:
        """Send this back with the next `flush`."""
        self._pending.append(Return(handle, hide, message_id))

    def came_again(self, message_id: str) -> None:
        """A message is in hand anew: if it was given back, the queue has heard of it, and must not hear of it again.

        Its old handle would give it to somebody else while it is worked on; at `maxReceiveCount`, to the dead letters.
        """
        for each in self._pending:
            if each.message_id == message_id:  # of a deletion it is not noted
                each.void, each.due = True, -math.inf

    def gather(self, handles: Sequence[str], count: int) -> list[str]:
        """Take in messages that are done. Returns those to be deleted now, by the caller: at most ten, if `count` wait.

        The others go with the `flush` that comes when they have waited for `LINGER`.
        """
        if handles and not self._gathered:
            self._gathered_due = anyio.current_time() + LINGER
        self._gathered += handles
        if len(self._gathered) < count:
            return []
        now, self._gathered = self._gathered[:BATCH], self._gathered[BATCH:]
        if not self._gathered:
            self._gathered_due = math.inf
        return now

    @property
    def due(self) -> float:
        """When the next one should be sent, in run time; infinity when there is none."""
        return min([self._gathered_due, *(each.due for each in self._pending)])

    async def flush(self, *, at_once: bool = False) -> None:
        """Send what is due; `at_once`: all. What gave back comes first: somebody may be waiting for it.

        A batch is crossed out when it is answered, as this may be cancelled.
        """
        async with self.lock:  # a message that is given back here must not be extended meanwhile
            now = math.inf if at_once else anyio.current_time()
            if self._gathered_due <= now:
                for handle in self._gathered:
                    self.add(handle, None)
                self._gathered, self._gathered_due = [], math.inf
            self._pending = [each for each in self._pending if not each.void]
            due = [each for each in self._pending if each.due <= now]
            for kind in ([each for each in due if each.hide is not None], [each for each in due if each.hide is None]):
                for batch in batches(kind):
                    await self._send(batch)

    async def _send(self, batch: Sequence[Return]) -> None:
        failed = await self.request([(each.handle, each.hide) for each in batch])
        if len(failed) < len(batch):  # it is there: what was given up comes again, and is done again
            self.undeleted = 0
        for number, each in enumerate(batch):
            code = failed.get(str(number))
            if code is None or not self._again(each, code):
                self._pending.remove(each)

    def _again(self, each: Return, code: str) -> bool:
        """Whether to try again after this failure, and when."""
        what = "delete a message" if each.hide is None else "give a message back"
        if code in GONE:
            if each.hide is None:
                self._stale(each.handle)
            return False
        each.attempts += 1
        if each.attempts >= ATTEMPTS or code == ABANDONED:
            self.undeleted += each.hide is None
            self._say_once(f"{what}: {code}", f"could not {what}: {code}; it will come again")
            return False
        if each.attempts == 2:
            self._say_once(f"{what}: again", f"could not {what} twice: {code}; trying again")
        each.due = anyio.current_time() + min(5.0, 0.1 * 2**each.attempts)
        return True

    async def request(self, entries: Sequence[tuple[str, int | None]]) -> dict[str, str]:
        """One batch request, all to delete (None) or all to hide for so many seconds: code by number of what failed."""
        ids = [{"Id": str(number), "ReceiptHandle": handle} for number, (handle, _) in enumerate(entries)]
        try:
            if entries[0][1] is None:
                answer = await self._sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=ids)
            else:
                hidden: list[Any] = [
                    {**entry, "VisibilityTimeout": seconds} for entry, (_, seconds) in zip(ids, entries, strict=True)
                ]
                answer = await self._sqs.change_message_visibility_batch(QueueUrl=self._queue_url, Entries=hidden)
        except CloudError as error:
            if error.code != ABANDONED:
                self._say_once(error.code, str(error))
            return {entry["Id"]: error.code for entry in ids}
        return failures(ids, answer)


def batches(items: Sequence[Any]) -> list[Sequence[Any]]:
    """The items in lists of at most ten, as SQS takes them.

    >>> batches([1] * 12) == [[1] * 10, [1] * 2]
    True
    """
    return [items[start : start + BATCH] for start in range(0, len(items), BATCH)]


def failures(entries: Sequence[dict[str, Any]], answer: dict[str, Any]) -> dict[str, str]:
    """The entries of a batch that its answer does not call successful: their codes, by their ids.

    >>> entries = [{"Id": "0"}, {"Id": "1"}, {"Id": "2"}]
    >>> failures(entries, {"Successful": [{"Id": "0"}], "Failed": [{"Id": "1", "Code": "x"}]})
    {'1': 'x', '2': 'NoAnswer'}
    """
    done = {each.get("Id") for each in answer.get("Successful", [])}
    codes = {each.get("Id"): str(each.get("Code")) for each in answer.get("Failed", [])}
    ids = [entry["Id"] for entry in entries if entry["Id"] not in done]
    return {name: codes.get(name, "NoAnswer") for name in ids}
