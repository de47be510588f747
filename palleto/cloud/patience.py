"""How long a sent request is waited for: to its answer, until the run is told to hurry.

A thread that waits for a server cannot be cancelled. What can be done is to leave it behind: its request counts as
`ABANDONED` then, and the thread ends when boto3's own time-out does (30 s without a byte).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from palleto.errors import CloudError

ABANDONED = "Abandoned"
"""The code of a request that the end of the run did not wait for."""

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
        self._end = math.inf
        self._scopes: set[anyio.CancelScope] = set()

    def __repr__(self) -> str:
        state = "without end" if self._end == math.inf else f"until {self._end:.1f} s"
        return f"<Patience {state}: {len(self._scopes)} under way, {self.abandoned} abandoned>"

    def hurry(self, seconds: float) -> None:
        """From now on, wait `seconds` (above 0, of run time) for answers: `WAITING` of it for what is under way.

        What is sent later (messages are given back) has the rest. Told again, the earlier end counts.
        """
        now = anyio.current_time()
        self._end = min(self._end, now + seconds)
        for scope in self._scopes:
            scope.deadline = min(scope.deadline, now + WAITING * seconds)

    @contextmanager
    def waiting(self) -> Iterator[anyio.CancelScope]:
        """Shield the block from its caller's cancellation, and leave it when patience ends: `cancelled_caught`."""
        hurried = self._end < math.inf
        deadline = max(self._end, anyio.current_time() + LAST) if hurried else math.inf
        with anyio.CancelScope(shield=True, deadline=deadline) as scope:
            self._scopes.add(scope)
            try:
                yield scope
            except Exception:
                raise
            except BaseException:  # patience ended, or Ctrl-C struck before anybody listened for it
                self.abandoned += 1
                raise
            finally:
                self._scopes.discard(scope)
        self.over = self.over or (hurried and scope.cancelled_caught)


def abandoned(operation: str) -> CloudError:
    """The error of a request that was left behind."""
    return CloudError(operation, ABANDONED, "the run ended before it was answered")
