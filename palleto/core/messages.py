"""The vocabulary: what stages say to each other, and what a core tells the runtime to do. Read this first.

    consumer                                producer
       │── Subscribe(subscription) ────────────▶│
       │── Ask(subscription, 10) ──────────────▶│   demand flows up
       │◀───────── Events(subscription, [..]) ──│   events flow down
       │── Cancel(subscription, reason) ───────▶│   either side may end it
       │◀──────── Down(subscription, reason) ───│   or die

A core is a plain object: a message in, a list of effects out. It reads no clock, starts no task and calls no user
code; `Call` asks the runtime to do that, and the runtime hands back what the callback returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, dataclass_transform

from palleto.core.demand import Terms

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def frozen(kind: type[T]) -> type[T]:
    """A dataclass that nobody changes. mypy sees to it: one frozen at run time takes three times as long to make."""
    return dataclass(slots=True, unsafe_hash=True)(kind)


Address = Any
"""Where a message goes. A core never looks inside: the runtime uses the stage itself, a test may use a string."""

Reason = str | BaseException
"""Why something ended: `"normal"`, `"shutdown"`, `"killed"`, another word, or the exception of a crash."""


@dataclass(frozen=True, slots=True, eq=False)
class Subscription:
    """One consumer's subscription to one producer, and the terms it was made on. Compared by identity."""

    producer: Address
    consumer: Address
    terms: Terms = field(default_factory=Terms)
    id: int = 0

    def __repr__(self) -> str:
        return f"<Subscription {self.id}: {self.consumer} to {self.producer}>"


# ---- messages --------------------------------------------------------------------------------------------------


@frozen
class Subscribe:
    """To a producer: the subscription begins. It asks for nothing yet."""

    subscription: Subscription


@frozen
class Ask:
    """To a producer: `count` (1 or more) further events may come. Demand adds up; it is never taken back."""

    subscription: Subscription
    count: int


@frozen
class Events:
    """To a consumer: these events, never more than it asked for."""

    subscription: Subscription
    events: Sequence[Any]


@frozen
class Cancel:
    """To either side: the subscription ends because the other side wants it to."""

    subscription: Subscription
    reason: Reason


@frozen
class Down:
    """To either side: the subscription ended because the other side stopped or crashed."""

    subscription: Subscription
    reason: Reason


@frozen
class Cast:
    """To any stage: a message of the user's own; `handle_cast` gets it. Nobody waits for an answer."""

    message: Any


@frozen
class Request:
    """To any stage: a question of the user's own; `handle_call` answers it, and somebody waits for that."""

    message: Any
    reply: Any


Message = Subscribe | Ask | Events | Cancel | Down | Cast | Request


# ---- effects ---------------------------------------------------------------------------------------------------

Callback = Literal["handle_demand", "handle_events", "handle_cast", "handle_call", "handle_subscribe", "handle_cancel"]


@frozen
class Send:
    """Put `message` into the mailbox of `to`."""

    to: Address
    message: Message


@frozen
class Call:
    """Call the user's `callback` with `args`, and give `core.returned(call, result)` what it returned.

    `about` is the message or subscription that caused it; only the core reads it.
    """

    callback: Callback
    args: tuple[Any, ...]
    about: Any = None


@frozen
class Drop:
    """Report that the buffer was full and these events (1 or more) were given up."""

    events: Sequence[Any]


@frozen
class Answer:
    """Hand `value` to whoever waits for this request."""

    request: Request
    value: Any


@frozen
class Stop:
    """Stop the stage."""

    reason: Reason


Effect = Send | Call | Drop | Answer | Stop
