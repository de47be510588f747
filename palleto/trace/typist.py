"""The typist: writes the lines of a trace file for the facts of the express, without making trace events first.

The clear form is `line_of` of each event that the narrator tells, and takes 3 us a line; this takes 0.5. A stage does
the same again and again: but for numbers, times and ids, the lines of a turn are those of the last turn that began
where this one begins. So the first time they are written in the clear form, and cut where those stand; after that those
are filled in. tests/test_witness.py holds the two equal.
"""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as quoted
from marshal import loads
from typing import Any, NamedTuple

from palleto.trace.event import line_of
from palleto.trace.kept import ids_of_kept
from palleto.trace.narrator import Narrator
from palleto.trace.source import Place
from palleto.trace.turn import ASKED, CAME, GIVEN, HANDLED, HELD, PASSED, RESUMED, WANTED, Accounts, Turn

Fact = tuple[Any, ...]
KNOWN = 1024
"""Forms, and texts of ids, that are kept."""
BEGUN, ENDED = 0, 1
NONE, TOOK, SENT = 0, 1, 2
HOLES = {
    (WANTED, None): ((BEGUN, NONE),),
    (HELD, None): ((BEGUN, TOOK),),
    (ASKED, GIVEN): ((BEGUN, NONE), (BEGUN, NONE), (ENDED, TOOK)),
    (CAME, HANDLED): ((BEGUN, TOOK), (BEGUN, TOOK), (ENDED, TOOK)),
    (CAME, PASSED): ((BEGUN, TOOK), (BEGUN, TOOK), (ENDED, TOOK), (ENDED, SENT)),
    (RESUMED, PASSED): ((BEGUN, TOOK), (ENDED, TOOK), (ENDED, SENT)),
}
"""The turns that are typed here: which time, and the ids of which events, stands in each of their lines."""


class Form(NamedTuple):
    """The lines of a turn in pieces, cut after the time and before and after the ids; and what the turn leaves."""

    pieces: list[tuple[str, str, int, int]]
    place: Place | None
    accounts: Accounts | None


class Typist:
    """Makes lines of facts. What it knows of the events before is the narrator's."""

    def __init__(self, narrator: Narrator) -> None:
        self._narrator = narrator
        self._forms: dict[Any, Form] = {}
        self._texts: dict[int, tuple[Any, str]] = {}  # the text of ids, by the `id` of their events

    def lines(self, facts: list[Fact]) -> list[str]:
        """The lines of these facts; some may be several."""
        found: list[str] = []
        narrator, at = self._narrator, self._narrator.at
        places, ledgers, taken = narrator.place, narrator.accounts, narrator.taken
        for fact in facts:
            turn, t, events, until, others = fact
            if turn.__class__ is not Turn or (turn.begun, turn.ended) not in HOLES:
                found += map(line_of, narrator.tell(*fact))
                continue
            process = turn.process
            key = turn, ledgers.get(process), places.get(process)
            form = self._forms.get(key)
            if form is None:
                found += self._learn(key, fact)
                continue
            seq = narrator.seq
            if turn.begun != RESUMED:
                taken[process] = seq
            ids = "" if events == () else self._ids(events)
            texts = "", ids, "" if others is None else self._ids(others)
            begun = at(t)
            times = begun, begun if until is None else at(until)
            for before, after, time, which in form.pieces:
                found.append(f'{{"seq": {seq}, "t": {times[time]}{before}{texts[which]}{after}')
                seq += 1
            narrator.seq = seq
            if form.place is not None:
                places[process] = form.place
            if form.accounts is not None:
                ledgers[process] = form.accounts
        return found

    def _learn(self, key: Any, fact: Fact) -> list[str]:
        """The lines of a turn in the clear form, of which their form is kept."""
        turn, lines, pieces = fact[0], [], []
        for event, holes in zip(self._narrator.tell(*fact), HOLES[turn.begun, turn.ended], strict=True):
            lines.append(line_of(event))
            event.ids = ()
            before, ids, after = line_of(event).partition('"ids": [')
            pieces.append((before[before.index(', "stage": ') :] + ids, after, *holes))
        if len(self._forms) >= KNOWN:
            self._forms.clear()
        place, accounts = self._narrator.place.get(turn.process), self._narrator.accounts.get(turn.process)
        self._forms[key] = Form(pieces, place, accounts)
        return lines

    def _ids(self, events: Any) -> str:
        """The ids of events, as they stand in a line."""
        if events.__class__ is int:
            return f'"{events}"'
        known = self._texts.get(id(events))
        if known is None or known[0] is not events:
            if len(self._texts) >= KNOWN:
                self._texts.clear()
            known = self._texts[id(events)] = events, _text(events)
        return known[1]


def _text(events: Any) -> str:
    if events.__class__ is bytes:  # numbers
        return f'"{str(loads(events))[1:-1]}"'.replace(", ", '", "')
    return ", ".join(map(quoted, ids_of_kept(events)))
