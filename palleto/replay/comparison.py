"""Two runs side by side: what happens in one and not in the other, the most telling first.

    compare(run_of_step_6, run_of_step_7)        # "in step 7 the message does not come back"

The runs may be two steps, or one step under two settings, or the two futures of a fork. Three ways to look at them:
traits (what kind of run is it), patterns (who does what, and how often), and the moment at which they part (the first
event that is not the same in both, lines of code apart).

A trait's value says what is so, not how much of it: two runs of one step that took longer or shorter have the same
source, the same work, the same senders. What differs only in number is a trait of its own, further down.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from palleto.replay.sources import place_of
from palleto.replay.table import html_table, text_table
from palleto.trace import Trace, TraceEvent

__all__ = ["TRAITS", "Comparison", "Finding", "Trait", "Traits", "compare"]

NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine"}


@dataclass(frozen=True, slots=True)
class Trait:
    """One trait of a run: its name, what is compared, how it reads, and the first trace event that shows it."""

    name: str
    value: Hashable
    words: str
    event: TraceEvent | None = None


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

    @property
    def parted(self) -> str:
        """Where the two part, in a sentence; empty if they do not, or are runs of two steps, which part at once."""
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
        return "\n\n".join(part for part in [*parts, self.parted] if part)

    def _repr_html_(self) -> str:
        patterns = html_table(("who: what", *self.names), self._patterns()) if self._patterns() else ""
        shown = html_table(("differs", *self.names), self._rows(), before=self.headline, after=self.parted)
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


# ---- what kind of run it is


class Traits:
    """The traits of one run, by name, in the order of `TRAITS`."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.kinds: dict[str, list[TraceEvent]] = {}
        for event in trace:
            self.kinds.setdefault(event.kind, []).append(event)

    def all(self) -> dict[str, Trait]:
        """Every trait, by name."""
        return {name: trait(self) for name, trait in TRAITS.items()}

    def of(self, kind: str) -> list[TraceEvent]:
        """The events of a kind."""
        return self.kinds.get(kind, [])

    @cached_property
    def roles(self) -> dict[str, str]:
        """What each process is, by its name or id: its class, or for a loop its function."""
        return {e.stage: e.data.get("function") or e.data.get("class", e.stage) for e in self.of("started")}

    def role(self, name: str | None) -> str:
        """What a process is; for one that the trace shows no start of, its name without numbers."""
        return "" if not name else self.roles.get(name) or re.sub(r"#?\d+", "", name)

    @cached_property
    def sinks(self) -> list[str]:
        """The consumers that handled something, at the end of the pipeline."""
        return list(dict.fromkeys(event.stage for event in self.of("handled") if event.data.get("last")))

    @property
    def most_owed(self) -> int:
        """The most events that a producer at the source remembered that it owes."""
        sources = {event.stage for event in self.of("subscribe")} - {event.peer for event in self.of("subscribe")}
        owed = (event.ledger["after"][0] for event in self.trace if event.ledger and event.stage in sources)
        return max(owed, default=0)

    @cached_property
    def looks(self) -> dict[str, list[TraceEvent]]:
        """When each loop looked for events: its receives, or the lines that it said about a run."""
        found: dict[str, list[TraceEvent]] = {event.stage: [] for event in self.of("loop_started")}
        for event in self.trace:
            says = event.kind == "said" and "looping" in event.data["text"]
            if event.stage in found and (event.kind == "receive" or says):
                found[event.stage].append(event)
        return {loop: events for loop, events in found.items() if events}

    def patterns(self) -> Counter[str]:
        """How often each kind of thing happens, by who does it, as what it is: `Consumer: delete`."""
        done = (event for event in self.trace if event.kind != "waits")  # where it waits is no thing that is done
        return Counter(f"{self.role(event.stage) or 'the run'}: {event.kind}" for event in done)


def source(run: Traits) -> Trait:
    """Where events come from: a queue, loops that make them up, or the producer's own callback."""
    received = [event for event in run.of("receive") if event.ids]
    if received:
        messages = len({name for event in received for name in event.ids})
        words = f"events come from a queue: {_count(len(received), 'receive')} brought {_count(messages, 'message')}"
        return Trait("source", "queue", words, received[0])
    casts = run.of("cast")
    if run.of("loop_started"):
        words = "the producer is answered at once, and loops send the events later, as messages of their own"
        return Trait("source", "loops", words, casts[0] if casts else run.of("loop_started")[0])
    emitted = run.of("emitted")
    if not emitted:
        return Trait("source", "nothing", "no events come")
    return Trait("source", "callback", "the producer's callback returns the events that it was asked for, and waits "
                 "for them", emitted[0])  # fmt: skip


def redelivery(run: Traits) -> Trait:
    """Whether messages come back, and whether what is handled is deleted."""
    again = [event for event in run.of("receive") if any(count > 1 for count in event.data["counts"])]
    deleted = [event for event in run.of("delete") if event.data["deleted"] and event.stage]
    number = sum(event.data["deleted"] for event in deleted)
    if again:
        first = next(name for name, n in zip(again[0].ids, again[0].data["counts"], strict=True) if n > 1)
        words = f"messages come back: {first[:8]} is received again at {again[0].t:.1f} s"
        words += f", though {number} were deleted" if deleted else ", as nothing deletes them"
        return Trait("redelivery", (True, bool(deleted)), words, again[0])
    if deleted:
        words = f"the message does not come back: {_count(number, 'message')} deleted, once the work is done"
        return Trait("redelivery", (False, True), words, deleted[0])
    return Trait("redelivery", (False, False), "no message is deleted and none comes back")


def work(run: Traits) -> Trait:
    """What is done with an event: files downloaded, results written."""
    done = [kind for kind in ("download", "written") if run.of(kind)]
    words = {"download": "files are downloaded", "written": "results are written to disk"}
    middle = {run.role(e.stage) for e in run.of("handled") if not e.data.get("last")}
    between = f", by a stage in between ({', '.join(sorted(middle))})" if middle else ""
    text = " and ".join(f"{len(run.of(kind))} {words[kind]}" for kind in done) or "events are only consumed"
    return Trait("work", (tuple(done), bool(middle)), text + between, run.of(done[0])[0] if done else None)


def failures(run: Traits) -> Trait:
    """What goes wrong: crashes, lost events, broken law; and how the run ends."""
    kinds = ("crash", "loop_crashed", "lost", "dropped", "law")
    found = [event for event in run.trace if event.kind in kinds]
    reasons = Counter(str(event.data.get("reason", event.kind)) for event in found)
    words = "; ".join(f"{reason} ({number} times)" for reason, number in reasons.most_common(3)) or "nothing fails"
    return Trait("failures", tuple(sorted({event.kind for event in found})), words, found[0] if found else None)


def consumers(run: Traits) -> Trait:
    """How many consumers share the work, what they ask for in all, and how many stages are at it at one time."""
    busy: set[str] = set()
    most, shown = 0, None
    for event in run.trace:
        if event.kind == "handle_events":
            busy.add(event.stage)
            if len(busy) > most:
                most, shown = len(busy), event
        elif event.kind in ("handled", "stopped", "crash"):
            busy.discard(event.stage)
    number, owed = len(run.sinks), run.most_owed
    words = f"{_number(number)} consumer{'s share' if number != 1 else ' has'} the events"
    if most:
        words += f"; {'their demand adds up to' if number != 1 else 'its demand is up to'} {owed}"
        words += f", and {f'up to {most} stages are' if most > 1 else 'one stage is'} at work at one time"
    return Trait("consumers", number, words, shown)


def patience(run: Traits) -> Trait:
    """Whether loops look again when they have not found what is wanted."""
    most = max(run.looks, key=lambda loop: len(run.looks[loop]), default=None)
    if most is None or len(run.looks[most]) < 2:
        return Trait("patience", False, "a loop looks once" if run.looks else "nobody looks for events")
    events = run.looks[most]
    sent = [event.seq for event in run.of("cast") if event.stage == most]
    until = [*(event.seq for event in events[1:]), run.trace[-1].seq + 1]
    vain = sum(
        not any(look.seq < seq < end for seq in sent) for look, end in zip(events, until, strict=True)
    )  # by their order: in real time what is found is sent some milliseconds after the look
    gap = max(after.t - before.t for before, after in pairwise(events))
    words = f"a loop looks again and again: {most} {len(events)} times, {vain} in vain, up to {gap:.3g} s apart"
    return Trait("patience", True, words, events[1])


def kills(run: Traits) -> Trait:
    """Whether the step kills loops that run."""
    killed = [event for event in run.of("loop_killed") if event.line is not None]
    words = f"{_count(len(killed), 'loop')} killed before a new one starts" if killed else "no loop is killed"
    return Trait("kills", bool(killed), words, killed[0] if killed else None)


def senders(run: Traits) -> Trait:
    """Whose code knows what a message to a stage looks like."""
    by = {(str(event.data.get("by")), run.role(event.peer)): event for event in reversed(run.of("cast"))}
    words = "; ".join(_sends(function, peer) for function, peer in sorted(by)) or "nobody casts"
    return Trait("senders", tuple(sorted(by)), words, next(iter(by.values()), None))


def demand(run: Traits) -> Trait:
    """What a consumer asks for at first."""
    first = {event.peer: event for event in reversed(run.of("ask"))}
    counts = sorted({(run.role(name), event.data["count"]) for name, event in first.items()})
    words = ", ".join(f"a {role} asks for {count}" for role, count in counts) or "nobody asks"
    return Trait("demand", tuple(counts), words, next(iter(first.values()), None))


def amount(run: Traits) -> Trait:
    """How much was consumed."""
    total = sum(len(event.ids) for event in run.of("handled") if event.data.get("last"))
    last = [event for event in run.of("handled") if event.data.get("last")]
    return Trait("amount", total, f"{_count(total, 'event')} consumed", last[-1] if last else None)


def pace(run: Traits) -> Trait:
    """How long it took: told when it differs by more than a tenth."""
    end = next((event for event in run.of("drain")), run.trace[-1] if run.trace else None)
    seconds = 0.0 if end is None else end.t
    return Trait("pace", seconds, f"it takes {seconds:.1f} s", end)


def requests(run: Traits) -> Trait:
    """How many requests the queue saw."""
    number = len(run.of("receive"))
    return Trait(
        "requests", number, f"the queue is polled {_count(number, 'time')}", next(iter(run.of("receive")), None)
    )


TRAITS: dict[str, Callable[[Traits], Trait]] = {
    trait.__name__: trait
    for trait in (
        *(source, redelivery, work, failures, consumers, patience, kills, senders, demand, amount, pace, requests),
    )
}
"""Every trait, the most telling first."""


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _sends(function: str, peer: str) -> str:
    if function.startswith(f"{peer}."):
        return f"only the {peer} knows what its messages look like: {function} casts them"
    return f"{function} casts to the {peer}, and must know what its messages look like"


def _number(number: int) -> str:
    return NUMBERS.get(number, str(number))


def differing(before: dict[str, Trait], after: dict[str, Trait]) -> Iterator[tuple[Trait, Trait]]:
    """The traits in which two runs differ, the most telling first."""
    for name in TRAITS:
        a, b = before[name], after[name]
        if name == "pace":
            fast, slow = sorted(float(str(trait.value)) for trait in (a, b))
            if slow > fast * 1.1:
                yield a, b
        elif a.value != b.value:
            yield a, b
