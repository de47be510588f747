"""How long a sent request is waited for: to its answer, until the run is told to hurry.

A thread that waits for a server cannot be cancelled. What can be done is to leave it behind: its request counts as
`Abandoned` then, and the thread ends when boto3's own time-out does (30 s without a byte).
"""

from __future__ import annotations

import math
from types import TracebackType

import anyio

WAITING = 0.6  # of the time to hurry is for what is under way; the rest for giving back
LAST = 0.25  # seconds for a request that is sent when the time to hurry is over, and none was abandoned


class Patience:
    """The patience of one open door.

    abandoned: how many requests and blocking calls were left behind. over: nothing more should be sent, as one of those
    that were sent in a hurry was not answered in time.
    """

    def __init__(self) -> None:
        self.abandoned = 0
        self.over = False
        self.end = math.inf
        self.scopes: set[anyio.CancelScope] = set()

    def __repr__(self) -> str:
        state = "without end" if self.end == math.inf else f"until {self.end:.1f} s"
        return f"<Patience {state}: {len(self.scopes)} under way, {self.abandoned} abandoned>"

    def hurry(self, seconds: float) -> None:
        """From now on, wait `seconds` (above 0, of run time) for answers: `WAITING` of it for what is under way.

        What is sent later (messages are given back) has the rest. Told again, the earlier end counts.
        """
        now = anyio.current_time()
        self.end = min(self.end, now + seconds)
        for scope in self.scopes:
            scope.deadline = min(scope.deadline, now + WAITING * seconds)

    def waiting(self) -> Waiting:
        """Shield the block from its caller's cancellation, and leave it when patience ends: `cancelled_caught`."""
        return Waiting(self)


class Waiting:
    """One block of `Patience.waiting`, where a generator costs three times as much, five times a file."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._hurried = patience.end < math.inf
        deadline = max(patience.end, anyio.current_time() + LAST) if self._hurried else math.inf
        self._scope = anyio.CancelScope(shield=True, deadline=deadline)

    def __enter__(self) -> anyio.CancelScope:
        self._scope.__enter__()
        self._patience.scopes.add(self._scope)
        return self._scope

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        self._patience.scopes.discard(self._scope)
        if error is not None and not isinstance(error, Exception):
            self._patience.abandoned += 1  # patience ended, or Ctrl-C struck before anybody listened for it
        left = bool(self._scope.__exit__(kind, error, traceback))
        if self._hurried and self._scope.cancelled_caught:
            self._patience.over = True
        return left
