"""What a machine acts through. The runtime has one such port; a test's is a list, which can be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeAlias

from palleto.core.messages import Address, Events, Message, Reason

Callback: TypeAlias = Literal[
    "handle_demand",
    "handle_events",
    "handle_cast",
    "handle_call",
    "handle_subscribe",
    "handle_cancel",
    "handle_drain",
]
Then: TypeAlias = Callable[[Any], None]


class Port(Protocol):
    """What a machine acts through. All of it happens at once, in the order in which it is said.

    Only `call` and `stop` may raise: so what was begun (a list of events to send, say) is done to its end.
    """

    def send(self, to: Address, message: Message) -> None:
        """Put `message` into the mailbox of `to`."""

    def call(self, callback: Callback, argument: Any, then: Then) -> None:
        """Call the user's callback; `then(result)` follows, at once, or when what it returned has been awaited.

        argument: the one that the callback takes, or a tuple of both for `handle_subscribe` and `handle_cancel`.

        While a call has not come back, the machine is given no other message. If `then` comes late, the machine's
        `settle` is called after it.
        """

    def lose(self, events: Events, why: str) -> None:
        """Events (1 or more) are given up; `why` is one line: the buffer was full, a key or selector raised, ..."""

    def answer(self, request: Any, value: Any) -> None:
        """Hand `value` to whoever waits for this request."""

    def stop(self, reason: Reason) -> None:
        """Stop the stage."""


class ListPort(list[tuple[Any, ...]], Port):
    """A port that only writes down what it is told: `("send", to, message)`, `("call", callback, argument)`, ...

    A call comes back when `returns` says so.
    """

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[Then] = []

    def send(self, to: Address, message: Message) -> None:
        """Write it down."""
        self.append(("send", to, message))

    def call(self, callback: Callback, argument: Any, then: Then) -> None:
        """Write it down, and wait for `returns`."""
        self.append(("call", callback, argument))
        self._calls.append(then)

    def returns(self, machine: Any, result: Any = None) -> None:
        """Let the oldest call of `machine` that has not come back come back with `result`."""
        self._calls.pop(0)(result)
        machine.settle()

    def lose(self, events: Events, why: str) -> None:
        """Write it down."""
        self.append(("lose", list(events), why))

    def answer(self, request: Any, value: Any) -> None:
        """Write it down."""
        self.append(("answer", request, value))

    def stop(self, reason: Reason) -> None:
        """Write it down."""
        self.append(("stop", reason))

    def read(self) -> list[tuple[Any, ...]]:
        """What was written since it was last read."""
        written = list(self)
        self.clear()
        return written
