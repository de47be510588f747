"""Demand over time: what each subscription has asked for and not had yet, and what the producer remembers of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from palleto.lab.figures.picture import (
    BLUE,
    HATCHES,
    INK,
    PAPER,
    VERMILLION,
    Picture,
    colour,
    counted,
    label,
    legend,
    nothing,
    pipeline_of,
    seconds,
    whole_numbers,
)
from palleto.replay import events_of
from palleto.trace import TraceEvent

LONG = 0.25
"""The share of a run from which on demand that stands still is what its picture is about."""


@dataclass
class _Ledger:
    """What one producer's subscriptions were owed, after each change."""

    times: list[float] = field(default_factory=lambda: [0.0])
    owed: list[dict[str, int]] = field(default_factory=lambda: [{}])
    remembered: list[int] = field(default_factory=lambda: [0])
    asked: list[int] = field(default_factory=lambda: [0])
    delivered: list[int] = field(default_factory=lambda: [0])
    asks: list[tuple[float, int, int]] = field(default_factory=list)  # when, how many, owed then

    def change(self, event: TraceEvent, peer: str, count: int) -> None:
        owed = dict(self.owed[-1])
        owed[peer] = max(0, owed.get(peer, 0) + count)
        self._add(event, owed, max(0, count), max(0, -count))
        if count > 0:
            self.asks.append((event.t, count, sum(owed.values())))

    def forget(self, event: TraceEvent, peer: str) -> None:
        owed = {name: count for name, count in self.owed[-1].items() if name != peer}
        self._add(event, owed, 0, 0)

    def remember(self, event: TraceEvent) -> None:
        if event.ledger is not None and event.ledger["after"][0] != self.remembered[-1]:
            self._add(event, self.owed[-1], 0, 0)

    def _add(self, event: TraceEvent, owed: dict[str, int], asked: int, delivered: int) -> None:
        self.times.append(event.t)
        self.owed.append(owed)
        self.remembered.append(event.ledger["after"][0] if event.ledger else self.remembered[-1])
        self.asked.append(self.asked[-1] + asked)
        self.delivered.append(self.delivered[-1] + delivered)

    @property
    def since(self) -> float:
        """When what is owed changed last."""
        last = sum(self.owed[-1].values())
        changes = zip(reversed(self.times), reversed(self.owed), strict=True)
        same = takewhile(lambda change: sum(change[1].values()) == last, changes)
        return min(time for time, _ in same)

    @property
    def peers(self) -> list[str]:
        """The subscribers, in the order in which they asked first."""
        return list(dict.fromkeys(name for owed in self.owed for name in owed))


def source(events: list[TraceEvent]) -> str | None:
    """The label of the first producer that is asked and asks nobody; None if nobody is asked."""
    asking = {event.peer for event in events if event.kind == "ask"}
    asked = dict.fromkeys(event.stage for event in events if event.kind == "ask")
    return next((stage for stage in asked if stage not in asking), next(iter(asked), None))


def demand_over_time(trace: Any, producer: str | None = None) -> Picture:
    """What was asked for and not delivered yet, each subscription on top of the one before, and the producer's account.

    trace:    an experiment, a recorder or a list of trace events.
    producer: the label of the producer; the first one that asks nobody itself if None.
    """
    events = events_of(trace)
    producer = producer or source(events)
    ledger = _read(events, producer)
    if not ledger.asks:
        return nothing("No demand in this trace: run the cell above first.")
    end = max(event.t for event in events)
    times = [*ledger.times, end]
    peers = ledger.peers
    stacks = [[owed.get(peer, 0) for owed in (*ledger.owed, ledger.owed[-1])] for peer in peers]

    piled = ", one subscription on top of the other" if len(peers) > 1 else ""
    picture = Picture(9.5, 5.6)
    top, bottom = picture.panels(3, 2)
    base = [0] * len(times)
    for number, (peer, heights) in enumerate(zip(peers, stacks, strict=True)):
        ceiling = [low + height for low, height in zip(base, heights, strict=True)]
        top.fill_between(
            times, base, ceiling, step="post", facecolor=colour(number), alpha=0.85, linewidth=0, edgecolor=PAPER,
            hatch=HATCHES[number % len(HATCHES)], label=f"for {pipeline_of(peer)}",
        )  # fmt: skip
        base = ceiling
    remembered = [*ledger.remembered, ledger.remembered[-1]]
    top.step(times, remembered, where="post", color=INK, linewidth=1.8, label=f"remembered by\n{producer}")
    top.set_ylim(0, max(1, *base, *remembered) * 1.18)
    _mark_asks(top, ledger, end)
    label(top, y="events owed", title=f"Asked for and not delivered yet{piled}")
    legend(top)
    whole_numbers(top)

    bottom.step(times, [*ledger.asked, ledger.asked[-1]], where="post", color=VERMILLION, linestyle="--", label="asked")
    bottom.step(times, [*ledger.delivered, ledger.delivered[-1]], where="post", color=BLUE, label="delivered")
    bottom.set_ylim(0, ledger.asked[-1] * 1.08)
    label(bottom, x="run time (s)", y="events, total", title="In all: the gap between the lines is what is owed")
    legend(bottom)
    whole_numbers(bottom)

    most, last = max(sum(owed.values()) for owed in ledger.owed), sum(ledger.owed[-1].values())
    at = next(time for time, owed in zip(ledger.times, ledger.owed, strict=True) if sum(owed.values()) == most)
    who = counted(len(peers), "subscription")
    title = f"Demand adds up: {who}, {most} events owed at most (at {seconds(at)})"
    if len(peers) == 1:
        title = f"Demand is asked once and paid off: {most} events owed at most"
        if last and (stood := end - ledger.since) > end * LONG:
            title = f"Demand is asked once: {last} of {ledger.asked[-1]} events stay owed for the last {seconds(stood)}"
    return picture.say(
        title,
        f"{producer} was asked for {ledger.asked[-1]} events in {counted(len(ledger.asks), 'ask')} and delivered "
        f"{ledger.delivered[-1]} in {seconds(end)}; {last} are owed at the end. "
        f"Subscribers: {', '.join(peers)}.",
    )


def _read(events: list[TraceEvent], producer: str | None) -> _Ledger:
    ledger = _Ledger()
    shut = {event.stage for event in events if event.kind == "stopped" and event.data.get("reason") == "shutdown"}
    goes_on = max((event.seq for event in events if event.kind in ("ask", "emitted")), default=-1)
    for event in events:
        if event.stage != producer:
            continue
        peer = event.peer or ""
        if event.kind == "ask":
            ledger.change(event, peer, int(event.data["count"]))
        elif event.kind == "emitted":
            ledger.change(event, peer, -len(event.ids))
        elif event.kind in ("cancel", "down"):
            if event.seq < goes_on or peer not in shut:  # else the run is over: what was owed stays owed
                ledger.forget(event, peer)
        else:
            ledger.remember(event)
    return ledger


def _mark_asks(axes: Any, ledger: _Ledger, end: float) -> None:
    """Say at each ask how many were asked for, as long as there is room to say it."""
    moments: dict[float, tuple[list[int], int]] = {}
    for at, count, owed in ledger.asks:
        near = next((known for known in moments if at - known < end / 50), at)
        counts, _ = moments.get(near, ([], 0))
        moments[near] = ([*counts, count], owed)
    if len(moments) > 12:
        return
    for at, (counts, owed) in moments.items():
        if at > end * 0.97:
            continue  # there is no room on its right
        text = " ".join(f"+{count}" for count in counts) if len(counts) <= 3 else f"+{sum(counts)}"
        axes.annotate(text, (at, owed), (3, 4), textcoords="offset points", fontsize=9.5, color=INK, fontweight="bold")
