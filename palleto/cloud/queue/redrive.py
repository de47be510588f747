"""Which messages of a queue on a server are in its dead-letter queue: no answer says so, but the requests tell.

SQS, LocalStack and moto move a message there when somebody polls, it is visible, and it was received as often as the
queue's `maxReceiveCount` says. So a poll that had room for it, and did not bring it, has moved it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any


class Redrive:
    """Hears what requests were answered, as trace events tell it, and knows who may not be received again.

    allowed: the queue's `maxReceiveCount`, from 1 up.
    """

    def __init__(self, allowed: int) -> None:
        self.allowed = allowed
        self._until: dict[str, float] = {}  # of those that were received so often: when they are visible again

    def moved(self, kind: str, ids: Sequence[str], data: dict[str, Any], now: float) -> list[str]:
        """The ids of the messages that a request has moved. `now` is in seconds, on any clock that goes on."""
        if kind == "delete":
            for message in ids:
                self._until.pop(message, None)
        elif kind == "visibility":
            for message, seconds in zip(ids, data["seconds"], strict=False):
                if message in self._until and message not in data.get("refused", ()):
                    self._until[message] = now + seconds
        elif kind == "receive":
            hidden = data.get("visibility")  # unknown: forever, as nothing is guessed
            for message, count in zip(ids, data["counts"], strict=True):
                if count >= self.allowed:
                    self._until[message] = inf if hidden is None else now + hidden
            if len(ids) < data.get("max", 1):
                moved = [message for message, until in self._until.items() if until <= now and message not in ids]
                for message in moved:
                    del self._until[message]
                return moved
        return []
