"""Where the messages of a queue are, as a trace tells it: each is in one place, so the parts add up.

The rules are those of the player (`lab/player/queue_state.js`), so that every panel, figure and player counts the same.
A simulated queue tells of each message what becomes of it (kind `message`), and is believed. Of a queue on a server a
trace holds what requests tell: a message is known from its first `receive` on, hidden for as many seconds as that or
the last `visibility` says, then visible again without a further event. What was sent and not received yet is visible,
as far as anybody knows. Counts that the place itself gives (kind `queue`) are older than the requests around them, so
only the dead-lettered are taken from them, which nothing else may tell of; those of a run before are not counted.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import ClassVar

from palleto.trace import TraceEvent

PARTS = ("deleted", "in flight", "visible", "dead-lettered")
"""The places, in the order in which they are shown. A message that is delayed counts from when it is visible."""
REMEMBERED = 10_000
"""Messages that are gone and still known by their id, if one of them should come again."""
_GONE = ("deleted", "dead-lettered")
_STATES = {"in_flight": "in flight", "dead_lettered": "dead-lettered"}


class Messages:
    """The messages of one run's queue. Feed it trace events in their order."""

    def __init__(self) -> None:
        self._sent = 0  # files that announce themselves, and messages of S3's own
        self._told = False  # the queue itself tells of its messages
        self._places: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._until: dict[str, float] = {}
        self._returns: list[tuple[float, str]] = []  # a heap; may hold stale entries
        self._gone: deque[str] = deque()
        self._unnamed = 0  # deletions that do not say of what
        self._dead = 0  # dead-lettered since the place first counted them, as it counted last
        self._dead_before: int | None = None

    @property
    def parts(self) -> dict[str, int]:
        """How many messages are in each of PARTS."""
        counts = self._counts
        if self._told:
            return {name: counts[name] for name in PARTS}
        left = max(self._sent, counts.total(), counts["deleted"] + self._unnamed)
        found = dict.fromkeys(PARTS, 0)
        for name, count in (
            ("deleted", counts["deleted"] + self._unnamed),
            ("dead-lettered", max(counts["dead-lettered"], self._dead)),
            ("in flight", counts["in flight"] - self._unnamed),
            ("visible", left),
        ):
            found[name] = max(0, min(count, left))
            left -= found[name]
        return found

    def add(self, event: TraceEvent) -> Iterator[float]:
        """Take one event in; each moment up to it at which a message changed its place, when it has."""
        while self._returns and self._returns[0][0] <= event.t:
            until, message = heappop(self._returns)
            if self._until.get(message) == until:
                self._put(message, "visible")
                yield until
        take = self._takes.get(event.kind)
        if take is not None:
            take(self, event)
            yield event.t

    def _put(self, message: str, place: str, until: float | None = None) -> None:
        """Say where a message is, and when it is visible again."""
        self._counts[place] += 1
        if message in self._places:
            self._counts[self._places[message]] -= 1
        self._places[message] = place
        self._until.pop(message, None)
        if until is not None:
            self._until[message] = until
            heappush(self._returns, (until, message))
        if place in _GONE:
            self._gone.append(message)
            if len(self._gone) > REMEMBERED and self._places.get(old := self._gone.popleft()) in _GONE:
                del self._places[old]

    def _message(self, event: TraceEvent) -> None:
        self._told = True
        for message in event.ids:
            state = event.data["state"]
            self._put(message, _STATES.get(state, state), event.data.get("until"))

    def _on_server(self, event: TraceEvent) -> None:
        if not self._told:
            self._requests[event.kind](self, event)

    def _files(self, event: TraceEvent) -> None:
        self._sent += len(event.ids)

    def _received(self, event: TraceEvent) -> None:
        seconds = event.data.get("visibility")
        until = None if seconds is None else event.t + seconds
        for place, message in enumerate(event.ids):
            names = event.data.get("names", ())
            if message not in self._places and place < len(names) and not names[place]:
                self._sent += 1  # S3's test message names no file, so it is not among the files sent
            self._put(message, "in flight", until)

    def _deleted(self, event: TraceEvent) -> None:
        done = [message for message in event.ids if message not in event.data.get("refused", ())]
        for message in done:
            self._put(message, "deleted")
        if not self._places:  # an old trace does not say of what
            self._unnamed += event.data.get("deleted", 0)

    def _hidden(self, event: TraceEvent) -> None:
        for message, seconds in zip(event.ids, event.data["seconds"], strict=False):
            if message not in event.data.get("refused", ()) and self._places.get(message) not in (None, *_GONE):
                self._put(message, *(("in flight", event.t + seconds) if seconds > 0 else ("visible", None)))

    def _buried(self, event: TraceEvent) -> None:
        for message in event.ids:
            self._put(message, "dead-lettered")

    def _looked(self, event: TraceEvent) -> None:
        if self._dead_before is None:
            self._dead_before = event.data["dead_lettered"]
        self._dead = max(0, event.data["dead_lettered"] - self._dead_before)

    _requests: ClassVar[dict[str, Callable[[Messages, TraceEvent], None]]] = {
        "sent": _files,
        "receive": _received,
        "delete": _deleted,
        "visibility": _hidden,
        "dead_lettered": _buried,
        "queue": _looked,
    }
    _takes: ClassVar[dict[str, Callable[[Messages, TraceEvent], None]]] = {
        "message": _message,
        **dict.fromkeys(_requests, _on_server),
    }
