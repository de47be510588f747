"""The tape: what a recorder heard, as bare facts, until somebody wants them as trace events or as lines of a file.

To write a fact down costs 0.1 us, to make a trace event of it 1 us, and a line of a file 1 us more; but an event's
whole way from a producer to a consumer costs 1.7 us, at a demand of 1. So what nobody can tell later (the time, the
ids, the accounts) is written down as it happens, and the rest (names, lines of code, the ledger before) is told when
the events are asked for; for a file in blocks of `BLOCK` facts; and at once where somebody listens.

A fact is `WIDTH` values in one flat list. A tuple of its own each would cost 0.4 us: the garbage collector looks at
all that live, again and again. The values are what the fact is, the clock's time, the process, its peer, the events or
their ids, the place if it is known, more, and the accounts: the ledger, () of a consumer, None of what has none.

| what | trace events | more |
|---|---|---|
| a kind | one of that kind | its data |
| TAKEN | none: a stage takes a message that no trace event tells of | |
| ASKED | ask, handle_demand | how many |
| GIVEN | emitted | |
| WANTED | ask, of a producer-consumer | how many |
| CAME | events, handle_events | |
| HANDLED | handled, of a consumer | |
| PASSED | handled, emitted | the events emitted |

The last six are `witness.py`'s; each says at once what the clear form (`message`, `effect` and `returned` of
recorder.py) says in one to three goes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import IO, Any

from palleto.law import Account
from palleto.narrator import ENDS, Accounts, Narrator
from palleto.source import Place
from palleto.trace import Trace, TraceEvent, ids_of, line_of
from palleto.typist import Fact, Typist
from palleto.whereabouts import Whereabouts

WIDTH = 8
BLOCK = 512
"""Facts that wait before they are written to a file."""
ENDED = 1000
"""Processes that end before the tape is read: until then it holds them."""

_FIXED = frozenset({int, str, float, bool, type(None)})


Kept = tuple[Any, ...]
"""Events that never change, or the ids of those that may."""


def kept(events: Any) -> Kept:
    """What the ids that these events have now can be told from at any time."""
    return tuple(events) if events.__class__ is list and _are_fixed(events) else ids_of(events)


def kept_of(account: Account | None, events: Any) -> Kept:
    """The same, from the moment at which the events were sent, if that is known."""
    while account is not None and account.sent:
        batch, ids = account.sent.popleft()
        if batch is events:
            return ids
    return kept(events)


def _are_fixed(events: list[Any]) -> bool:
    """Whether nothing that happens later can change their texts: numbers and strings."""
    first = events[0].__class__ if events else int
    if len(events) > 8:  # a sum, or a join, takes a quarter of the time that a look at each one's type takes
        try:
            if (first is int and sum(events).__class__ is int) or (first is str and "".join(events)):
                return True
        except Exception:
            return False
    return first in _FIXED if len(events) == 1 else _FIXED.issuperset(map(type, events))


class Tape:
    """Facts, and what is read from them. The run's thread writes; any may read.

    keep: make `events` of them; file: write lines of them to it.
    """

    def __init__(self, keep: bool, file: IO[str] | None) -> None:
        self.facts: list[Any] = []
        self.events = Trace()
        self.listeners: list[Callable[[TraceEvent], None]] = []
        self.clock: Callable[[], float] = lambda: 0.0
        self.limit = 1 << 62 if keep and file is None else BLOCK * WIDTH
        self.acting: dict[Any, str | None] = {}  # the callback that a stage is in, or was in last
        self.hand: dict[Any, tuple[Any, Kept]] = {}  # the batch that a stage took, or handles
        self.whereabouts = Whereabouts()
        self.narrator = Narrator()
        self._typist = Typist(self.narrator)
        self._keep, self._file = keep, file
        self._lock = threading.RLock()
        self._ended = 0

    def start(self, clock: Callable[[], float], seconds: Callable[[float], float]) -> None:
        """Begin with a run: its clock, and what makes seconds of run time of the clock's times."""
        self.catch_up()
        self.clock, self.narrator.seconds = clock, seconds

    def put(
        self, kind: Any, process: Any, peer: Any, events: Any, place: Place | None, data: Any, accounts: Accounts | None
    ) -> None:
        """Write a fact down, and have it read if it is time."""
        facts = self.facts
        if self.listeners and not facts:
            # No other thread reads now; see `catch_up`.
            self._tell((kind, self.clock(), process, peer, events, place, data, accounts), self.listeners)
            return
        facts += (kind, self.clock(), process, peer, events, place, data, accounts)
        self._ended += kind in ENDS
        if len(facts) >= self.limit or self.listeners or self._ended >= ENDED:
            self.read(heard=True)

    def read(self, heard: bool = False) -> None:
        """Make trace events, or lines of the file, of all facts.

        heard: by who listens. What is on the tape before the last fact was written while nobody did.
        """
        with self._lock:
            block = self.facts[:]
            del self.facts[: len(block)]
            self._ended = 0
            facts: Iterable[Fact] = zip(*[iter(block)] * WIDTH, strict=True)
            if self._file is not None and not self._keep and not self.listeners:
                self._file.write("".join(self._typist.lines(list(facts))))
                return
            left = len(block) // WIDTH if heard else 0
            for fact in facts:
                left -= 1
                self._tell(fact, self.listeners if left == 0 else ())

    def catch_up(self) -> None:
        """Read what is left, from any thread. While somebody listens, that is the run's to do, and done."""
        if not self.listeners:
            self.read()

    def close(self) -> None:
        """Write what is left, and close the file."""
        if self._file is not None:
            self.read()
            self._file.close()
            self._file = None

    def _tell(self, fact: Fact, listeners: Iterable[Callable[[TraceEvent], None]]) -> None:
        for event in self.narrator.tell(*fact):
            if self._keep:
                self.events.append(event)
            if self._file is not None:
                self._file.write(line_of(event))
            for listener in listeners:
                listener(event)
