"""The tape: what a recorder heard, as bare facts, until somebody wants them as trace events or as lines of a file.

To write a fact down costs 0.1 us, to make a trace event of it 1 us, and a line of a file 1 us more; but an event's
whole way from a producer to a consumer costs 1.7 us, at a demand of 1. So what nobody can tell later (the time, the
ids, the accounts) is written down as it happens, and the rest (names, lines of code, the ledger before) is told when
the events are asked for; for a file in blocks of `BLOCK` facts; and at once where somebody listens.

A fact is `WIDTH` values in one flat list. A tuple of its own each would cost 0.4 us: the garbage collector looks at
all that live, again and again. The values are what the fact is, the clock's time, the events or their ids, and for a
turn the time of its end, and the events that were sent. What it is, is a `Turn`, or else a kind of trace event, the
process, its peer, the place if it is known, the data, and the accounts: the ledger, () of a consumer, None of what has
none.

| a turn begins, or ends | trace events |
|---|---|
| ASKED | ask, handle_demand |
| GIVEN | emitted |
| WANTED | ask, of a producer-consumer |
| HELD | events, that must wait |
| CAME | events, handle_events |
| RESUMED | handle_events, of events that have waited |
| HANDLED | handled, of a consumer |
| PASSED | handled, emitted |

Turns are `witness.py`'s; they say at once what the clear form (`message`, `effect` and `returned` of recorder.py) says
in one to three goes. One in which something else is told of is two facts: its beginning, and its end.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from typing import IO, TYPE_CHECKING, Any

from palleto.trace.event import Trace, TraceEvent, line_of
from palleto.trace.kept import Kept, kept
from palleto.trace.narrator import ENDS, Narrator
from palleto.trace.source import Place
from palleto.trace.turn import Accounts, Turn
from palleto.trace.typist import Fact, Typist
from palleto.trace.whereabouts import Whereabouts

if TYPE_CHECKING:
    from palleto.runtime.system import System

WIDTH = 5
BLOCK = 512
"""Facts that wait before they are written to a file."""
ENDED = 1000
"""Processes that end before the tape is read: until then it holds them."""


class Tape:
    """Facts, and what is read from them. The run's thread writes; any may read.

    keep: make `events` of them; file: write lines of them to it.
    """

    def __init__(self, keep: bool, file: IO[str] | None) -> None:
        self.facts: list[Any] = []
        self.events = Trace()
        self.listeners: list[Callable[[TraceEvent], None]] = []
        self.clock: Callable[[], float] = lambda: 0.0
        self.limit = 0 if keep and file is None else BLOCK * WIDTH  # 0: none
        self.acting: dict[Any, str | None] = {}  # the callback that a stage is in, or was in last
        self.hand: dict[Any, tuple[Any, Kept]] = {}  # the batch that a stage took, or handles
        self.begun: tuple[Turn, float, Kept] | None = None  # the turn under way, if nothing of it is written yet
        self.since: float | None = None  # when the turn before this one ended, if nothing else has run since then
        self._thread = threading.get_ident()
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
        self._thread = threading.get_ident()

    def tell_begun(self) -> None:
        """Write down how the turn under way began, if that is still to be done: what follows is a fact of its own."""
        self.since = None
        if self.begun is not None:
            turn, since, events = self.begun
            self.begun = None
            self.facts += (turn.beginning(), since, events, None, None)

    def in_hand(self, stage: Any, events: Any) -> Kept:
        """What is kept of a batch that a stage took or handles: an event that changes is called there as it came."""
        batch = self.hand.get(stage)
        if batch is None or batch[0] is not events:
            batch = self.hand[stage] = events, kept(events)
        return batch[1]

    def put(
        self, kind: Any, process: Any, peer: Any, events: Any, place: Place | None, data: Any, accounts: Accounts | None
    ) -> None:
        """Write a fact down, and have it read if it is time."""
        facts, what = self.facts, (kind, process, peer, place, data, accounts)
        self.tell_begun()
        if self.listeners and not facts:
            # No other thread reads now; see `catch_up`.
            self._tell((what, self.clock(), events, None, None), self.listeners)
            return
        facts += (what, self.clock(), events, None, None)
        self._ended += kind in ENDS
        if (self.limit and len(facts) >= self.limit) or self.listeners or self._ended >= ENDED:
            self.read(heard=True)

    def read(self, heard: bool = False) -> None:
        """Make trace events, or lines of the file, of all facts.

        heard: by who listens. What is on the tape before the last fact was written while nobody did.
        """
        if heard:  # by the run's thread, which takes its time here
            self.since = None
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
        """Read what is left, from any thread. While somebody listens, that is the run's to do, and done.

        A callback that asks sees that it was called; another thread sees that once it has returned.
        """
        if self.begun is not None and threading.get_ident() == self._thread:
            self.tell_begun()
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


def clock_of(system: System) -> tuple[Callable[[], float], Callable[[float], float]]:
    """A clock, and what makes seconds since the start of a run of its times.

    anyio's own `current_time` asks which backend runs, each time: 1 us. A loop of ours in real time costs 0.2 us, and
    the operating system's clock 0.05 us.
    """
    start = system.started
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return system.now, lambda seconds: seconds
    at = getattr(loop, "at", None)
    if at is not None:
        return time.monotonic, lambda moment: at(moment) - start
    return loop.time, lambda moment: moment - start
