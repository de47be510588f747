"""Two runs side by side: what happens in one and not in the other, the most telling first.

    compare(run_of_step_6, run_of_step_7)        # "in step 7 the message does not come back"

The runs may be two steps, or one step under two settings, or the two futures of a fork. Three ways to look at them:
traits (what kind of run is it, `traits.py`), patterns (who does what, and how often), and the moment at which they part
(the first event that is not the same in both, lines of code apart).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from palleto.replay.cells import place_of
from palleto.replay.table import html_table, text_table
from palleto.replay.traits import Trait, Traits, differing
from palleto.trace import Trace, TraceEvent

__all__ = ["Comparison", "Finding", "compare"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: of what trait, what it is in each of the two runs, and the trace events that show it."""

    trait: str
    before: Trait
    after: Trait

    @property
    def events(self) -> tuple[TraceEvent | None, TraceEvent | None]:
        """In each run, the first event that shows it, if one does: open the players there."""
        return self.before.event, self.after.event


class Comparison:
    """Two runs and their differences. Shows itself as prose and tables.

    findings: the most telling first. only_in: for each run, the patterns (`Consumer: delete`) that the other has not.
    parting:  the first event of each that is not the same in both; None where a run is at its end, or both are equal.
    """

    def __init__(self, before: Trace, after: Trace, names: tuple[str, str] | None = None) -> None:
        first, second = Traits(before), Traits(after)
        self.names = names or _names(before, after)
        self.findings = [Finding(a.name, a, b) for a, b in differing(first.all(), second.all())]
        mine, other = first.patterns(), second.patterns()
        self.only_in = (sorted(mine.keys() - other.keys()), sorted(other.keys() - mine.keys()))
        self.counts = {key: (mine[key], other[key]) for key in sorted(mine | other) if mine[key] != other[key]}
        self.parting = _parting(before, after)

    @property
    def same(self) -> bool:
        """Whether the two runs are the same, event for event."""
        return self.parting is None

    @property
    def headline(self) -> str:
        """The most telling difference, in a sentence."""
        if not self.findings:
            return "The two are the same." if self.same else "The two differ in order or in time only."
        return self._sentence(self.findings[0])

    def _sentence(self, finding: Finding) -> str:
        one, two = self.names
        return f"In {two} {finding.after.words}; in {one} {finding.before.words}."

    def _parted(self) -> str:
        if self.parting is None or self._two_steps:
            return ""
        told = [
            f"in {name} {_told(event)}" if event is not None else f"{name} is at its end"
            for name, event in zip(self.names, self.parting, strict=True)
        ]
        at = min(event.t for event in self.parting if event is not None)
        return f"They part at {at:.3f} s: {', '.join(told)}."

    @property
    def _two_steps(self) -> bool:
        """Whether they are runs of two steps: these part at once, and where they do tells nothing."""
        return self.names[0] != self.names[1] and all(re.fullmatch(r"step \d+", name) for name in self.names)

    def _rows(self) -> list[tuple[str, str, str]]:
        return [(finding.trait, finding.before.words, finding.after.words) for finding in self.findings]

    def _patterns(self) -> list[tuple[str, str, str]]:
        return [(key, str(a or "-"), str(b or "-")) for key, (a, b) in self.counts.items() if not (a and b)]

    def __repr__(self) -> str:
        parts = [self.headline]
        if self.findings:
            parts.append(text_table(("differs", *self.names), self._rows()))
        if self._patterns():
            parts.append(text_table(("who: what", *self.names), self._patterns()))
        return "\n\n".join(part for part in [*parts, self._parted()] if part)

    def _repr_html_(self) -> str:
        patterns = html_table(("who: what", *self.names), self._patterns()) if self._patterns() else ""
        shown = html_table(("differs", *self.names), self._rows(), before=self.headline, after=self._parted())
        return shown + (
            f"<details><summary>What only one of them does</summary>{patterns}</details>" if patterns else ""
        )


def compare(before: Any, after: Any, *, names: tuple[str, str] | None = None) -> Comparison:
    """Compare two runs: experiments, recorders, traces or lists of trace events.

    names: what to call them; by default the steps that they are of, else "the first" and "the second".
    Raises SettingError for what is no run.
    """
    return Comparison(Trace.of(before), Trace.of(after), names)


def _names(before: Trace, after: Trace) -> tuple[str, str]:
    found = [_step(trace) for trace in (before, after)]
    if found[0] and found[1] and found[0] != found[1]:
        return found[0], found[1]
    return "the first", "the second"


def _step(trace: Trace) -> str | None:
    files = (re.fullmatch(r"step(\d+)\.py", event.file or "") for event in trace)
    match = next((match for match in files if match), None)
    return None if match is None else f"step {match[1]}"


def _parting(before: Trace, after: Trace) -> tuple[TraceEvent | None, TraceEvent | None] | None:
    ours = [event for event in before if event.kind != "forked"]
    others = [event for event in after if event.kind != "forked"]
    for a, b in zip(ours, others, strict=False):
        if (a.t, a.stage, a.kind, a.peer, a.ids, a.ledger) != (b.t, b.stage, b.kind, b.peer, b.ids, b.ledger) or (
            a.data != b.data
        ):
            return a, b
    if len(ours) == len(others):
        return None
    longer, at = max(ours, others, key=len), min(len(ours), len(others))
    return (longer[at], None) if longer is ours else (None, longer[at])


def _told(event: TraceEvent) -> str:
    text = event.data.get("text")
    what = f"says “{text}”" if event.kind == "said" else event.kind
    return f"{event.stage or 'the run'}: {what}" + (f" ({place})" if (place := place_of(event)) else "")
