"""The typist: writes the lines of a trace file for the facts of the express, without making trace events first.

The clear form is `line_of` of each event that the narrator tells, and takes 3 us a line; this takes 0.5. A stage does
the same again and again: but for numbers, times and ids, the lines of a turn are those of the last turn that began
where this one begins. So the first time they are written in the clear form, and cut where those stand; after that those
are filled in. tests/test_witness.py holds the two equal.
"""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as quoted
from typing import Any, NamedTuple

from palleto.narrator import ASKED, CAME, GIVEN, HANDLED, PASSED, WANTED, Accounts, Narrator
from palleto.source import Place
from palleto.trace import ids_of, line_of

Fact = tuple[Any, ...]
KNOWN = 1024
"""Forms that are kept."""
ENDINGS: dict[Any, tuple[int, ...]] = {ASKED: (GIVEN,), CAME: (HANDLED, PASSED)}
"""The two facts of a turn in which a stage's callback told of nothing."""


class Form(NamedTuple):
    """The lines of a turn in pieces, cut after the time and before and after the ids; and what the turn leaves."""

    pieces: list[str]
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
        narrator, at, number, count = self._narrator, self._narrator.at, 0, len(facts)
        while number < count:
            first = facts[number]
            number += 1
            what, t, process, peer, events, _, more, accounts = first
            key: Fact
            if what == WANTED:
                key = what, process, peer, more, accounts, narrator.accounts.get(process), narrator.place.get(process)
                form = self._forms.get(key)
                if form is None:
                    found += self._learn(key, [first])
                    continue
                seq, (one, two) = narrator.seq, form.pieces
                found.append(f'{{"seq": {seq}, "t": {at(t)}{one}{two}')
                narrator.seq = seq + 1
            elif what.__class__ is str or what not in ENDINGS or number == count:
                found += map(line_of, narrator.tell(*first))
                continue
            else:
                then, t_then, again, to, others, _, last, left = second = facts[number]
                if again is not process or then not in ENDINGS[what]:
                    found += map(line_of, narrator.tell(*first))
                    continue
                number += 1
                before, place = narrator.accounts.get(process), narrator.place.get(process)
                key = what, process, peer, more, accounts, before, place, then, to, left
                form = self._forms.get(key)
                if form is None:
                    found += self._learn(key, [first, second])
                    continue
                seq, pieces, text, text_then = narrator.seq, form.pieces, at(t), at(t_then)
                ids = self._ids(events) if events else ""
                ids_then = ids if others is events else self._ids(others)
                found.append(
                    f'{{"seq": {seq}, "t": {text}{pieces[0]}{ids}{pieces[1]}'
                    f'{{"seq": {seq + 1}, "t": {text}{pieces[2]}{ids}{pieces[3]}'
                    f'{{"seq": {seq + 2}, "t": {text_then}{pieces[4]}{ids_then}{pieces[5]}'
                )
                narrator.seq = seq + 3
                if then == PASSED:
                    found.append(f'{{"seq": {seq + 3}, "t": {text_then}{pieces[6]}{self._ids(last)}{pieces[7]}')
                    narrator.seq = seq + 4
            narrator.taken[process] = seq
            if form.place is not None:
                narrator.place[process] = form.place
            if form.accounts is not None:
                narrator.accounts[process] = form.accounts
        return found

    def _learn(self, key: Any, facts: list[Fact]) -> list[str]:
        """The lines of a turn in the clear form, of which their form is kept."""
        process, lines, pieces = facts[0][2], [], []
        for fact in facts:
            for event in self._narrator.tell(*fact):
                lines.append(line_of(event))
                event.ids = ()
                before, ids, after = line_of(event).partition('"ids": [')
                pieces += [before[before.index(', "stage": ') :] + ids, after]
        if len(self._forms) >= KNOWN:
            self._forms.clear()
        self._forms[key] = Form(pieces, self._narrator.place.get(process), self._narrator.accounts.get(process))
        return lines

    def _ids(self, events: Any) -> str:
        """The ids of events, as they stand in a line."""
        known = self._texts.get(id(events))
        if known is None or known[0] is not events:
            if len(self._texts) >= 64:
                self._texts.clear()
            known = self._texts[id(events)] = events, _text(events)
        return known[1]


def _text(events: Any) -> str:
    if len(events) > 1 and set(map(type, events)) == {int}:  # half of the time
        return f'"{", ".join(map(str, events))}"'.replace(", ", '", "')
    return ", ".join(map(quoted, ids_of(events)))
