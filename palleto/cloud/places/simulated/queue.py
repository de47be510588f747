"""One simulated queue. Plain synchronous Python: the time is an argument, and nothing here waits.

A message is, at every moment, in one of these: delayed, visible, in flight, deleted, or moved to the dead-letter
queue. The law, at every moment:

    sent  =  deleted + visible + in flight + delayed + dead-lettered

(`sent` counts messages that came from another queue's redrive too; purged messages count as deleted.)
"""

from __future__ import annotations

import heapq
import json
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

from palleto.errors import CloudError

REMEMBERED = 1000  # messages that are gone, and whose handles are still known

# Timers of an event loop are exact to a few microseconds; a timeout that ends "now" has ended.
SLACK = 1e-6

DEFAULTS = {
    "VisibilityTimeout": "30",
    "MaximumMessageSize": "262144",
    "MessageRetentionPeriod": "345600",
    "DelaySeconds": "0",
    "ReceiveMessageWaitTimeSeconds": "0",
}


@dataclass(frozen=True)
class Ledger:
    """Where a queue's messages are: numbers of messages, at one moment."""

    sent: int
    deleted: int
    visible: int
    in_flight: int
    delayed: int
    dead_lettered: int

    @property
    def holds(self) -> bool:
        """The conservation law: every message that was sent is in exactly one place."""
        return self.sent == self.deleted + self.visible + self.in_flight + self.delayed + self.dead_lettered

    def __str__(self) -> str:
        return (
            f"sent {self.sent} = deleted {self.deleted} + visible {self.visible} + in flight {self.in_flight}"
            f" + delayed {self.delayed} + dead-lettered {self.dead_lettered}"
        )


@dataclass(eq=False)
class Message:
    """A message that is in a queue; `hidden_until` is a time while it is delayed or in flight, else None."""

    number: int  # its place in the order of sending
    id: str
    body: str
    sent_at: float
    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    source: str | None = None  # the queue that it was dead-lettered from
    receives: int = 0
    first_received_at: float = 0.0
    hidden_until: float | None = None
    handle: str | None = None
    handles: list[str] = field(default_factory=list)
    shard: float = 0.0  # which of SQS's servers holds it, 0 to 1
    gone: bool = False
    dead: bool = False  # gone to the dead-letter queue

    @property
    def state(self) -> str:
        """Where it is: "delayed", "visible", "in_flight", "deleted" or "dead_lettered"."""
        if self.gone:
            return "dead_lettered" if self.dead else "deleted"
        if self.hidden_until is None:
            return "visible"
        return "in_flight" if self.receives else "delayed"

    def dead_letter(self, source: str) -> Message:
        """The same message for the dead-letter queue of the queue with the ARN `source`."""
        copy = Message(0, self.id, self.body, self.sent_at, self.attributes, source)
        copy.receives, copy.first_received_at, copy.shard = self.receives, self.first_received_at, self.shard
        return copy


class Queue:
    """A queue's messages, its attributes, and the counts that the law speaks of."""

    def __init__(
        self,
        name: str,
        url: str,
        arn: str,
        attributes: dict[str, str],
        created_at: float = 0.0,
        shuffle: random.Random | None = None,
    ) -> None:
        self.name = name
        self.url = url
        self.arn = arn
        self.attributes = {**DEFAULTS, **attributes}
        self.created_at = created_at
        self._shuffle = shuffle
        self.messages: dict[str, Message] = {}  # by id, those that are not gone
        self.handles: dict[str, Message] = {}  # every handle that was given out, of messages that are not long gone
        self._gone: deque[Message] = deque()
        self.script: deque[int] = deque()
        self.on_change: Callable[[Message], None] | None = None  # hears of each message that changes its state
        self.sent = self.deleted = self.dead_lettered = 0
        self.expired = 0  # how often a visibility timeout ended by itself: whoever had the message let it lie
        self._visible: list[tuple[float, int, Message]] = []  # a heap, by order of sending or of chance
        self._hidden: list[tuple[float, int, Message]] = []  # a heap, by when they come back; may hold stale entries
        self._arrival = anyio.Event()

    def __repr__(self) -> str:
        return f"<Queue {self.name}: {self.ledger()}>"

    @property
    def visibility_timeout(self) -> int:
        """Seconds that a received message stays hidden, if the receive does not say."""
        return int(self.attributes["VisibilityTimeout"])

    @property
    def delay(self) -> int:
        """Seconds that a message is delayed, if the send does not say."""
        return int(self.attributes["DelaySeconds"])

    @property
    def wait_time(self) -> int:
        """Seconds that a receive waits for a message, if it does not say."""
        return int(self.attributes["ReceiveMessageWaitTimeSeconds"])

    @property
    def redrive(self) -> tuple[str, int]:
        """The ARN of its dead-letter queue, and after how many receives a message goes there; "" and 0 for none."""
        policy = json.loads(self.attributes.get("RedrivePolicy") or "{}")
        return policy.get("deadLetterTargetArn", ""), int(policy.get("maxReceiveCount", 0))

    def add(self, message: Message, now: float, delay: float) -> None:
        """Take a message in; it is visible after `delay` seconds."""
        self.sent += 1
        message.number = self.sent
        self.messages[message.id] = message
        if delay > 0:
            self._hide(message, now + delay)
        else:
            self._show(message)
        self._tell(message)

    def _tell(self, message: Message) -> None:
        if self.on_change is not None:
            self.on_change(message)

    def settle(self, now: float) -> None:
        """Make visible again what a delay or a visibility timeout hid until now."""
        while self._hidden and self._hidden[0][0] <= now + SLACK:
            until, _, message = heapq.heappop(self._hidden)
            if message.hidden_until == until and not message.gone:
                self.expired += message.receives > 0
                self._show(message)

    def next_return(self) -> float | None:
        """When the next hidden message comes back; None when none is hidden."""
        while self._hidden and (self._hidden[0][2].gone or self._hidden[0][2].hidden_until != self._hidden[0][0]):
            heapq.heappop(self._hidden)
        return self._hidden[0][0] if self._hidden else None

    def arrival(self) -> anyio.Event:
        """An event that is set when a message becomes visible by someone's doing (not by time alone)."""
        return self._arrival

    def take(
        self,
        count: int,
        now: float,
        hide_for: float,
        max_receives: int | None,
        give_up: Callable[[Message], None],
        new_handle: Callable[[], str],
        looks_at: Callable[[Message], bool],
    ) -> list[Message]:
        """Receive: hand out up to `count` visible messages and hide them for `hide_for` seconds.

        A message that was received `max_receives` times already goes to `give_up` instead.
        """
        taken: list[Message] = []
        passed: list[tuple[float, int, Message]] = []
        while self._visible and len(taken) < count:
            entry = heapq.heappop(self._visible)
            message = entry[2]
            if message.gone or message.hidden_until is not None:
                continue
            if not looks_at(message):
                passed.append(entry)
            elif max_receives is not None and message.receives >= max_receives:
                self._forget(message)
                self.dead_lettered += 1
                message.dead = True
                self._tell(message)
                give_up(message)
            else:
                taken.append(message)
        for entry in passed:
            heapq.heappush(self._visible, entry)
        for message in taken:
            message.receives += 1
            message.first_received_at = message.first_received_at if message.receives > 1 else now
            message.handle = new_handle()
            message.handles.append(message.handle)
            self.handles[message.handle] = message
            self._hide(message, now + hide_for)
            self._tell(message)
        self.settle(now)  # a visibility timeout of 0 brings them back at once
        return taken

    def delete(self, handle: str, operation: str) -> None:
        """Delete a message by any handle that was ever given out for it; deleting twice is no error."""
        message = self._by_handle(handle, operation)
        if not message.gone:
            self._forget(message)
            self.deleted += 1
            self._tell(message)

    def change_visibility(self, handle: str, timeout: float, now: float, operation: str) -> None:
        """Hide a message in flight until `timeout` seconds from now; 0 gives it back at once."""
        message = self._by_handle(handle, operation)
        if message.gone or message.hidden_until is None:
            raise CloudError(operation, "MessageNotInflight", "The message referred to isn't in flight.", 400)
        if timeout > 0:
            self._hide(message, now + timeout)
        else:
            self._show(message)
        self._tell(message)

    def purge(self) -> None:
        """Delete every message."""
        for message in list(self.messages.values()):
            self._forget(message)
            self.deleted += 1
            self._tell(message)

    def ledger(self) -> Ledger:
        """Where the messages are, as of the last `settle`."""
        hidden = [message for message in self.messages.values() if message.hidden_until is not None]
        delayed = sum(message.receives == 0 for message in hidden)
        visible = len(self.messages) - len(hidden)
        return Ledger(self.sent, self.deleted, visible, len(hidden) - delayed, delayed, self.dead_lettered)

    def _by_handle(self, handle: str, operation: str) -> Message:
        message = self.handles.get(handle)
        if message is None:
            raise CloudError(
                operation, "ReceiptHandleIsInvalid", f'The input receipt handle "{handle}" is not valid.', 404
            )
        return message

    def _show(self, message: Message) -> None:
        message.hidden_until = None
        key = message.number if self._shuffle is None else self._shuffle.random()
        heapq.heappush(self._visible, (key, message.number, message))
        self._arrival.set()
        self._arrival = anyio.Event()

    def _hide(self, message: Message, until: float) -> None:
        message.hidden_until = until
        heapq.heappush(self._hidden, (until, message.number, message))

    def _forget(self, message: Message) -> None:
        message.gone = True
        del self.messages[message.id]
        self._gone.append(message)
        if len(self._gone) > REMEMBERED:
            for handle in self._gone.popleft().handles:
                del self.handles[handle]
