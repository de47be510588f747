"""The queue over time, and what its requests cost a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from palleto.errors import SettingError
from palleto.lab.figures.picture import (
    BLUE,
    GREEN,
    HATCHES,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    Picture,
    counted,
    label,
    legend,
    legend_of_all,
    nothing,
    seconds,
    whole_numbers,
)
from palleto.lab.figures.theme import INK, PAPER
from palleto.replay import Messages, events_of
from palleto.trace import TraceEvent

REQUESTS = {
    "receive": ("receive", BLUE, "-"),
    "delete": ("delete, in batches", GREEN, "--"),
    "visibility": ("change visibility", PURPLE, ":"),
}
"""The requests to SQS that a trace tells of: what they are called, their colour and line style."""
OPERATIONS = {
    "sqs.ReceiveMessage": "receive",
    "sqs.DeleteMessageBatch": "delete",
    "sqs.ChangeMessageVisibilityBatch": "visibility",
}
"""Which of them an operation is, of which a trace tells that it had no result."""


def queue_over_time(trace: Any) -> Picture:
    """Where the messages are (visible, in flight, deleted, dead-lettered), and the requests made for them.

    trace: an experiment, a recorder or a list of trace events. The counts are those of the dashboard and the player.
    """
    events = events_of(trace)
    requests = [event for event in events if _request(event)]
    if not requests:
        return nothing("No queue in this trace: run the cell above first (steps 6 to 9 have one).")
    end = max(event.t for event in events)
    picture = Picture(9.5, 5.6)
    top, bottom = picture.panels(3, 2)
    areas = _places(events)
    _stack(top, areas, end)
    label(top, y="messages", title="Where the messages are")
    legend(top)
    whole_numbers(top)

    again = [event.t for event in events if event.kind == "receive" and any(n > 1 for n in event.data["counts"])]
    names = Counter(_request(event) for event in requests)
    for name, times in _by_request(requests).items():
        text, colour, line = REQUESTS[name]
        totals = [*range(len(times) + 1), len(times)]
        style: dict[str, Any] = {"color": colour, "linestyle": line, "linewidth": 1.8}
        bottom.step([0, *times, end], totals, where="post", label=f"{text}: {len(times)}", **style)
    redelivered = sum(n > 1 for event in events if event.kind == "receive" for n in event.data["counts"])
    if again:
        mark: dict[str, Any] = {"color": VERMILLION, "marker": "v", "linestyle": "", "markersize": 8, "clip_on": False}
        bottom.plot(again, [0] * len(again), label=f"redelivered: {redelivered}", **mark)
    if vain := [event.t for event in requests if "error" in event.data]:
        mark = {"color": INK, "marker": "x", "linestyle": "", "markersize": 7, "clip_on": False}
        bottom.plot(vain, [0] * len(vain), label=f"without a result: {len(vain)}", **mark)
    bottom.set_ylim(0, max(names.values()) * 1.1)
    label(bottom, x="run time (s)", y="requests, total", title="Requests to SQS")
    legend(bottom)
    whole_numbers(bottom)

    parts = {name: counts[-1] for name, counts in areas[1].items() if counts[-1]}
    received = sum(len(event.ids) for event in events if event.kind == "receive")
    where = ", ".join(f"{count} {name}" for name, count in parts.items()) or "none is known"
    title = f"{counted(sum(parts.values()), 'message')} at the end: {where}"
    title += f"; received {counted(received, 'time')}, {redelivered} of them again" if redelivered else ""
    cost = ", ".join(f"{name} {number}" for name, number in names.items())
    return picture.say(f"{title}; {counted(len(requests), 'request')} to SQS", f"In {seconds(end)}. Requests: {cost}.")


def requests_per_file(traces: Mapping[int, Any]) -> Picture:
    """What a file costs in SQS requests, and how many files a second are done, against the number of pipelines.

    traces: `{1: run1, 3: run3, 6: run6}`, from the number of pipelines to an experiment, a recorder or a list of
    trace events.
    """
    if not isinstance(traces, Mapping):
        raise SettingError(f"expected runs by the number of their pipelines, such as {{1: run}}, got: {traces!r:.60}")
    runs = {int(number): _cost(events_of(trace)) for number, trace in sorted(traces.items())}
    runs = {number: cost for number, cost in runs.items() if cost["files"]}
    if not runs:
        return nothing("No file was processed in these traces: run the cells above first.")
    numbers = list(runs)
    places = [str(number) for number in numbers]
    picture = Picture(9.5, 4.6)
    left, right = picture.panels(across=2)
    base = [0.0] * len(runs)
    for order, (name, (text, colour, _)) in enumerate(REQUESTS.items()):
        shares = [cost[name] / cost["files"] for cost in runs.values()]
        if any(shares):
            left.bar(places, shares, 0.6, bottom=base, color=colour, edgecolor=PAPER, linewidth=0, hatch=HATCHES[order],
                     label=text)  # fmt: skip
            base = [low + share for low, share in zip(base, shares, strict=True)]
    for place, height in enumerate(base):
        left.annotate(f"{height:.2f}", (place, height), (0, 3), textcoords="offset points", ha="center", color=INK)
    left.set_ylim(0, max(base) * 1.14)
    label(left, x="pipelines", y="SQS requests per file", title="What a file costs")

    speeds = [cost["speed"] for cost in runs.values()]
    ideal = [speeds[0] / numbers[0] * number for number in numbers]
    right.plot(numbers, ideal, color=INK, linestyle=":", linewidth=1.5, label=f"as fast each as with {numbers[0]}")
    right.plot(numbers, speeds, color=ORANGE, linewidth=2.2, marker="o", markersize=7, label="measured")
    for number, speed in zip(numbers, speeds, strict=True):
        right.annotate(f"{speed:.2g}", (number, speed), (7, -11), textcoords="offset points", color=INK)
    right.set_xticks(numbers)
    right.set_xlim(0, numbers[-1] * 1.12)
    right.set_ylim(0, max(*speeds, *ideal) * 1.1 or 1)  # in no time at all, on virtual time
    label(right, x="pipelines", y="files a second", title="How fast they are done")
    handles = [*left.get_legend_handles_labels()[0], *right.get_legend_handles_labels()[0]]
    legend_of_all(picture, handles, below=True)

    times = speeds[-1] / speeds[0] if speeds[0] else 0.0
    words = [f"{number}: {cost:.2f} SQS requests a file, {speed:.2g} files a second"
             for number, cost, speed in zip(numbers, base, speeds, strict=True)]  # fmt: skip
    title = f"{counted(numbers[0], 'pipeline')}: {base[0]:.2f} SQS requests a file"
    if len(runs) > 1:
        title = (
            f"{counted(numbers[-1], 'pipeline')}: {times:.1f} times the files a second of {numbers[0]}, "
            f"{base[-1]:.2f} SQS requests a file (with {numbers[0]}: {base[0]:.2f})"
        )
    return picture.say(title, f"By the number of pipelines: {'; '.join(words)}.")


def _request(event: TraceEvent) -> str:
    """Which of REQUESTS a trace event tells of, with a result or without; empty for any other event."""
    return event.kind if event.kind in REQUESTS else OPERATIONS.get(str(event.data.get("operation", "")), "")


def _by_request(requests: list[TraceEvent]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for event in requests:
        found.setdefault(_request(event), []).append(event.t)
    return found


def _cost(events: list[TraceEvent]) -> dict[str, float]:
    """Requests by name, the files done, and files a second until the last one was written."""
    written = [event for event in events if event.kind == "written"]
    lasted = written[-1].t if written else 0.0
    names = Counter(_request(event) for event in events)
    return {
        **{name: names[name] for name in REQUESTS},
        "files": len(written),
        "speed": len(written) / lasted if lasted > 0 else 0.0,
    }


Areas = tuple[list[float], dict[str, list[int]]]


def _places(events: list[TraceEvent]) -> Areas:
    """Where the messages are from each moment on at which that changes."""
    messages = Messages()
    found = {0.0: messages.parts}
    for event in events:
        for t in messages.add(event):
            found[t] = messages.parts
    return list(found), {name: [parts[name] for parts in found.values()] for name in STYLES}


STYLES = {
    "deleted": (GREEN, ""),
    "dead-lettered": (VERMILLION, "xxx"),
    "in flight": (ORANGE, "///"),
    "visible": (SKY, "..."),
}


def _stack(axes: Any, areas: Areas, end: float) -> None:
    times, heights = areas
    times = [*times, end]
    base = [0] * len(times)
    for name, counts in heights.items():
        ceiling = [low + count for low, count in zip(base, [*counts, counts[-1]], strict=True)]
        if any(counts):
            colour, hatch = STYLES[name]
            axes.fill_between(times, base, ceiling, step="post", facecolor=colour, hatch=hatch, edgecolor=PAPER,
                              linewidth=0, label=name)  # fmt: skip
        base = ceiling
    axes.set_ylim(0, max(1, *base) * 1.1)
