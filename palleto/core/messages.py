"""The vocabulary: what stages say to each other. Read this first.

    consumer                                          producer
       │── (SUBSCRIBE, subscription, None) ─────────────▶│
       │── (ASK, subscription, 10) ─────────────────────▶│   demand flows up
       │◀─────────────── (EVENTS, subscription, [..]) ───│   events flow down
       │── (CANCEL, subscription, reason) ──────────────▶│   either side may end it
       │◀─────────────── (DOWN, subscription, reason) ───│   or die

A message is a tuple of three, as in GenStage: what it is, what it is about, and what it carries.

| message | to | meaning |
|---|---|---|
| (SUBSCRIBE, subscription, None) | a producer | the subscription begins; it asks for nothing yet |
| (ASK, subscription, count) | a producer | `count` (1 or more) further events may come; demand adds up |
| (EVENTS, subscription, events) | a consumer | a list of events, never more than it asked for |
| (CANCEL, subscription, reason) | either | the other side wants the subscription to end |
| (DOWN, subscription, reason) | either | the other side has stopped or crashed |
| (CAST, None, message) | any stage | a message of the user's own: `handle_cast` gets it, nobody waits |
| (CALL, request, message) | any stage | a question of the user's own: `handle_call` answers, and somebody waits |
| (EMIT, None, events) | itself | events to emit outside of a callback's return |
| (EMIT, then, events) | itself | the same when they are asked for; `then()` is called when they are dispatched |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from palleto.core.demand import Terms

SUBSCRIBE: Final = "subscribe"
ASK: Final = "ask"
EVENTS: Final = "events"
CANCEL: Final = "cancel"
DOWN: Final = "down"
CAST: Final = "cast"
CALL: Final = "call"
EMIT: Final = "emit"

Message: TypeAlias = tuple[str, Any, Any]
"""What it is, what it is about, and what it carries: the table above."""

Address: TypeAlias = Any
"""Where a message goes. A machine never looks inside: the runtime uses the stage itself, a test may use a string."""

Reason: TypeAlias = str | BaseException
"""Why something ended: `"normal"`, `"shutdown"`, `"killed"`, another word, or the exception of a crash."""

Events: TypeAlias = Sequence[Any]

NORMAL: Final = ("normal", "shutdown")
"""The reasons that are not a crash."""


@dataclass(frozen=True, slots=True, eq=False)
class Subscription:
    """One consumer's subscription to one producer, and the terms it was made on. Compared by identity."""

    producer: Address
    consumer: Address
    terms: Terms = field(default_factory=Terms)
    id: int = 0

    def __repr__(self) -> str:
        return f"<Subscription {self.id}: {self.consumer} to {self.producer}>"
