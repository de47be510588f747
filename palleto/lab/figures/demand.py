"""Demand over time: what each subscription has asked for and not had yet, and what the producer remembers of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from palleto.lab.figures.picture import (
    BLUE,
    HATCHES,
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
from palleto.lab.figures.theme import INK, PAPER
from palleto.replay import events_of
from palleto.trace import TraceEvent

LONG = 0.25
"""The share of a run from which on demand that stands still is what its picture is about."""


@dataclass
class _Ledger:
    """What one producer's subscriptions had outstanding, after each change."""

    times: list[float] = field(default_factory=lambda: [0.0])
    outstanding: list[dict[str, int]] = field(default_factory=lambda: [{}])
    remembered: list[int] = field(default_factory=lambda: [0])
    asked: list[int] = field(default_factory=lambda: [0])
    delivered: list[int] = field(default_factory=lambda: [0])
    asks: list[tuple[float, int, int]] = field(default_factory=list)  # when, how many, outstanding then

    def change(self, event: TraceEvent, peer: str, count: int) -> None:
        outstanding = dict(self.outstanding[-1])
        outstanding[peer] = max(0, outstanding.get(peer, 0) + count)
        self._add(event, outstanding, max(0, count), max(0, -count))
        if count > 0:
            self.asks.append((event.t, count, sum(outstanding.values())))

    def forget(self, event: TraceEvent, peer: str) -> None:
        outstanding = {name: count for name, count in self.outstanding[-1].items() if name != peer}
        self._add(event, outstanding, 0, 0)

    def remember(self, event: TraceEvent) -> None:
        if event.ledger is not None and event.ledger["after"][0] != self.remembered[-1]:
            self._add(event, self.outstanding[-1], 0, 0)

    def _add(self, event: TraceEvent, outstanding: dict[str, int], asked: int, delivered: int) -> None:
        self.times.append(event.t)
        self.outstanding.append(outstanding)
        self.remembered.append(event.ledger["after"][0] if event.ledger else self.remembered[-1])
        self.asked.append(self.asked[-1] + asked)
        self.delivered.append(self.delivered[-1] + delivered)

    @property
    def since(self) -> float:
        """When what is outstanding changed last."""
        last = sum(self.outstanding[-1].values())
        changes = zip(reversed(self.times), reversed(self.outstanding), strict=True)
        same = takewhile(lambda change: sum(change[1].values()) == last, changes)
        return min(time for time, _ in same)

    @property
    def peers(self) -> list[str]:
        """The subscribers, in the order in which they asked first."""
        return list(dict.fromkeys(name for outstanding in self.outstanding for name in outstanding))


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
    stacks = [
        [outstanding.get(peer, 0) for outstanding in (*ledger.outstanding, ledger.outstanding[-1])] for peer in peers
    ]

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
    label(top, y="events outstanding", title=f"Asked for and not delivered yet{piled}")
    legend(top)
    whole_numbers(top)

    bottom.step(times, [*ledger.asked, ledger.asked[-1]], where="post", color=VERMILLION, linestyle="--", label="asked")
    bottom.step(times, [*ledger.delivered, ledger.delivered[-1]], where="post", color=BLUE, label="delivered")
    bottom.set_ylim(0, ledger.asked[-1] * 1.08)
    label(bottom, x="run time (s)", y="events, total", title="In all: the gap between the lines is what is outstanding")
    legend(bottom)
    whole_numbers(bottom)

    most, last = (
        max(sum(outstanding.values()) for outstanding in ledger.outstanding),
        sum(ledger.outstanding[-1].values()),
    )
    at = next(
        time
        for time, outstanding in zip(ledger.times, ledger.outstanding, strict=True)
        if sum(outstanding.values()) == most
    )
    who = counted(len(peers), "subscription")
    title = f"Demand adds up: {who}, {most} events outstanding at most (at {seconds(at)})"
    if len(peers) == 1:
        demand = "Demand" if len(ledger.asks) == 1 else "Each demand"
        title = f"{demand} is asked once and paid off: {most} events outstanding at most"
        if last and (stood := end - ledger.since) > end * LONG:
            title = (
                f"Demand is asked once: {last} of {ledger.asked[-1]} events stay outstanding, the last {seconds(stood)}"
            )
    return picture.say(
        title,
        f"{producer} was asked for {ledger.asked[-1]} events in {counted(len(ledger.asks), 'ask')} and delivered "
        f"{ledger.delivered[-1]} in {seconds(end)}; {last} are outstanding at the end. "
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
            if event.seq < goes_on or peer not in shut:  # else the run is over: what was outstanding stays so
                ledger.forget(event, peer)
        else:
            ledger.remember(event)
    return ledger


def _mark_asks(axes: Any, ledger: _Ledger, end: float) -> None:
    """Say at each ask how many were asked for, as long as there is room to say it."""
    moments: dict[float, tuple[list[int], int]] = {}
    for at, count, outstanding in ledger.asks:
        near = next((known for known in moments if at - known < end / 50), at)
        counts, _ = moments.get(near, ([], 0))
        moments[near] = ([*counts, count], outstanding)
    if len(moments) > 12:
        return
    for at, (counts, outstanding) in moments.items():
        if at > end * 0.97:
            continue  # there is no room on its right
        text = " ".join(f"+{count}" for count in counts) if len(counts) <= 3 else f"+{sum(counts)}"
        axes.annotate(
            text, (at, outstanding), (3, 4), textcoords="offset points", fontsize=9.5, color=INK, fontweight="bold"
        )
