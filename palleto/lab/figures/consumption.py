"""Work done over time: by each consumer or pipeline of one run, and of several runs side by side."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from itertools import accumulate, chain
from typing import Any

from palleto.lab.figures.picture import (
    HATCHES,
    MARKERS,
    Picture,
    colour,
    counted,
    label,
    legend,
    legend_of_all,
    nothing,
    pipeline_of,
    seconds,
    stroke,
    whole_numbers,
)
from palleto.lab.figures.theme import INK, PAPER
from palleto.replay import events_of
from palleto.replay.series import Counts
from palleto.trace import TraceEvent

NICE = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
"""Widths of the bars of a rate, in seconds."""

Done = dict[str, list[tuple[float, int]]]


def throughput(trace: Any) -> Picture:
    """What each consumer or pipeline has done: the total as it grows, and how much it does in a second.

    trace: an experiment, a recorder or a list of trace events. It counts files where files are written, else events.
    """
    events = events_of(trace)
    done, unit = _done(events)
    if not done:
        return nothing("Nothing was consumed in this trace: run the cell above first.")
    end = max(event.t for event in events)
    everything = sorted(moment for moments in done.values() for moment in moments)
    total = sum(count for _, count in everything)

    picture = Picture(9.5, 5.6)
    top, bottom = picture.panels(3, 2)
    areas = _pile(top, done, end)
    line = _grow(top, everything, end, color=INK, linewidth=2, label=f"all {len(done)}")
    piled = ", one on top of the other" if len(done) > 1 else ""
    top.set_ylim(0, total * 1.06)
    label(top, y=f"{unit}s, total", title=f"{unit.capitalize()}s done since the start{piled}")
    legend_of_all(picture, [line, *reversed(areas)] if len(done) > 1 else areas)
    whole_numbers(top)

    width = next((nice for nice in NICE if end / nice <= 45), NICE[-1])
    _rates(bottom, done, width)
    label(bottom, x="run time (s)", y=f"{unit}s a second", title=f"How fast: an average over {width:g} s each")
    first, last = everything[0][0], everything[-1][0]
    pace = total / last if last > 0 else 0.0
    names = [f"{name} {sum(count for _, count in moments)}" for name, moments in done.items()]
    who = counted(len(done), "pipeline" if unit == "file" else "consumer")
    return picture.say(
        f"{counted(total, unit)} in {seconds(last)} by {who}: {pace:.2g} a second",
        f"The first was done at {seconds(first)}. Shares: {', '.join(names)}.",
    )


def consumed_over_time(traces: Mapping[str, Any], window: int = 10) -> Picture:
    """Events consumed over time in several runs, and how long each took for its last `window` events.

    traces: `{"step 4": run4, "step 5": run5}`, each an experiment, a recorder or a list of trace events. They are
    compared over the time that all of them have run.
    """
    runs = {str(name): events_of(trace) for name, trace in traces.items()}
    if not runs or not all(runs.values()):
        return nothing("Nothing was consumed in one of these traces: run the cells above first.")
    end = min(max(event.t for event in events) for events in runs.values())
    done = {name: sorted(chain(*_done(events)[0].values())) for name, events in runs.items()}
    done = {name: [moment for moment in moments if moment[0] <= end] for name, moments in done.items()}
    if not all(done.values()):
        return nothing("Nothing was consumed in one of these traces: run the cells above first.")

    picture = Picture(9.5, 4.6)
    (axes,) = picture.panels()
    spans: dict[str, float | None] = {}
    for number, (name, moments) in enumerate(done.items()):
        mark = {"marker": MARKERS[number], "markersize": 5, "markevery": 0.1}
        _grow(axes, moments, end, **stroke(number), **mark, linewidth=2, label=f"{name}: {_sum(moments)} events")
        spans[name] = _bracket(axes, moments, window, colour(number), above=number % 2 == 1)
    axes.set_ylim(0, max(map(_sum, done.values())) * 1.12)
    axes.set_xlim(0, end * 1.02)
    label(axes, x="run time (s)", y="events consumed, total")
    legend(axes)
    whole_numbers(axes)
    known = {name: span for name, span in spans.items() if span is not None}
    return picture.say(_verdict(known, window, list(done)), f"Totals after {seconds(end)}: " + ", ".join(
        f"{name} {_sum(moments)} events" for name, moments in done.items()) + ".")  # fmt: skip


def _verdict(spans: dict[str, float], window: int, names: list[str]) -> str:
    """The headline: how long the last events took in each run, and who is faster, if anybody is."""
    if len(spans) < len(names) or len(names) < 2:
        return f"Events consumed in {' and '.join(names)}"
    slowest, fastest = max(spans.values()), min(spans.values())
    if slowest - fastest <= 0.05 * slowest:
        words = " and ".join([", ".join(names[:-1]), names[-1]])
        took = " to ".join(dict.fromkeys([seconds(fastest), seconds(slowest)]))
        return f"{words[:1].upper()}{words[1:]} are equally fast: {window} events in {took}"
    each = ", ".join(f"{seconds(span)} in {name}" for name, span in spans.items())
    return f"The last {window} events took {each}"


def _bracket(axes: Any, moments: list[tuple[float, int]], window: int, ink: str, *, above: bool) -> float | None:
    """Show how long the last `window` events took; the seconds, or None if there were too few."""
    times = [at for at, count in moments for _ in range(count)]
    if len(times) <= window:
        return None
    start, end = times[-1 - window], times[-1]
    total = len(times)
    level = total + total * 0.045 if above else total - window - total * 0.07
    ends = {"arrowstyle": "|-|,widthA=0.3,widthB=0.3", "color": ink, "linewidth": 1.5, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (start, level), (end, level), arrowprops=ends)
    axes.annotate(
        f"{window} events in {seconds(end - start)}", ((start + end) / 2, level), (0, 5 if above else -5), ha="center",
        va="bottom" if above else "top", textcoords="offset points", fontsize=10, color=INK, fontweight="bold",
    )  # fmt: skip
    return end - start


def _sum(moments: list[tuple[float, int]]) -> int:
    return sum(count for _, count in moments)


def _done(events: list[TraceEvent]) -> tuple[Done, str]:
    """When each consumer or pipeline did how much, and what: "file" or "event"."""
    done: Done = defaultdict(list)
    files = any(event.kind == "written" for event in events)
    for event in events:
        if event.kind == "written" if files else event.kind == "handled" and event.data.get("last"):
            done[event.stage].append((event.t, len(event.ids)))
    ordered = sorted(
        done, key=lambda name: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
    )
    return {pipeline_of(name): done[name] for name in ordered}, "file" if files else "event"


def _pile(axes: Any, done: Done, end: float) -> list[Any]:
    """An area for each consumer, one on top of the other; their handles for a legend."""
    moments = sorted((at, number, count) for number, (_, each) in enumerate(done.items()) for at, count in each)
    times = [0.0, *(at for at, _, _ in moments), end]
    base = [0] * len(times)
    areas = []
    for number, name in enumerate(done):
        totals = [0, *accumulate(count if who == number else 0 for _, who, count in moments)]
        ceiling = [low + own for low, own in zip(base, [*totals, totals[-1]], strict=True)]
        areas.append(axes.fill_between(times, base, ceiling, step="post", **_area(number), label=name))
        base = ceiling
    return areas


def _area(number: int) -> dict[str, Any]:
    """The fill of that number, the same in both panels: no two of the first forty are alike."""
    hatch = HATCHES[number % len(HATCHES)]
    return {"facecolor": colour(number), "edgecolor": PAPER, "linewidth": 0, "hatch": hatch}


def _grow(axes: Any, moments: list[tuple[float, int]], end: float, **style: Any) -> Any:
    """A line that steps up whenever something was done."""
    times = [0.0, *(at for at, _ in moments), end]
    totals = [0, *accumulate(count for _, count in moments)]
    return axes.step(times, [*totals, totals[-1]], where="post", **style)[0]


def _rates(axes: Any, done: Done, width: float) -> None:
    """Bars of what was done a second, one consumer on top of the other; the last one ends with the work."""
    counts = Counts(width)
    for name, moments in done.items():
        for at, count in moments:
            counts.add(name, at, count)
    end = max(at for moments in done.values() for at, _ in moments)
    bins = max(map(len, counts.buckets.values()))
    widths = [min(width, end - place * width) or width for place in range(bins)]
    base = [0.0] * bins
    for number, name in enumerate(done):
        heights = [count / wide for count, wide in zip(counts.buckets[name], widths, strict=False)]
        bars = [(place, height) for place, height in enumerate(heights) if height]
        axes.bar(
            [place * width for place, _ in bars], [height for _, height in bars],
            [widths[place] - 0.06 * width for place, _ in bars], bottom=[base[place] for place, _ in bars],
            align="edge", **_area(number),
        )  # fmt: skip
        for place, height in bars:
            base[place] += height
    axes.set_ylim(0, max(base) * 1.1)
