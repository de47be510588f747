"""One message over time: where it was, lane by lane."""

from __future__ import annotations

from typing import Any

from palleto.lab.figures.picture import (
    BLUE,
    COLOURS,
    GREEN,
    ORANGE,
    Picture,
    label,
    legend,
    nothing,
)
from palleto.lab.figures.theme import INK
from palleto.replay import Passport, events_of

IN_QUEUE = {"visible": (BLUE, ""), "in flight": (ORANGE, "///")}
"""The lanes of the queue: colour and hatch."""
MARKS = {"download": "v", "written": "s", "delete": "X", "cast": ">", "lost": "P"}
"""What is marked in the lane of its stage or loop, and how."""


def message_over_time(trace: Any, name: str) -> Picture:
    """A bar a lane for as long as the message was there, and a mark for what was done with it.

    trace: an experiment, a recorder or a list of trace events.
    name:  of the message, as `trace.message(name)` takes it. Raises SettingError if nothing in the trace is called so.
    """
    passport = Passport.of(events_of(trace), name)
    spans = passport.spans
    marks = [entry for entry in passport.entries if entry.event is not None and entry.event.kind in MARKS]
    if not spans and not marks:
        return nothing("Nothing is known of this message.")
    lanes = list(
        dict.fromkeys(
            [*(lane for lane in IN_QUEUE if any(s.lane == lane for s in spans))]
            + [entry.who for entry in passport.entries if _own(entry.who, passport)]
        )
    )
    picture = Picture(9.5, 1.6 + 0.42 * len(lanes))
    (axes,) = picture.panels(1)
    least = max(span.end for span in spans) / 150 if spans else 0.0  # what took no time is still seen
    for span in spans:
        row = lanes.index(span.lane)
        colour, hatch = IN_QUEUE.get(span.lane, (COLOURS[(row + 1) % len(COLOURS)], "..."))
        axes.barh(
            row,
            max(least, span.end - span.start),
            left=span.start,
            height=0.6,
            color=colour,
            hatch=hatch,
            edgecolor=INK,
        )
    drawn = {}
    for entry in marks:
        assert entry.event is not None
        if entry.who in lanes:
            kind = entry.event.kind
            look: dict[str, Any] = {
                "color": GREEN,
                "markeredgecolor": INK,
                "markersize": 9,
                "linestyle": "",
                "clip_on": False,  # what is done at 0 s stands on the edge
                "label": kind,
            }
            (drawn[kind],) = axes.plot(entry.t, lanes.index(entry.who), MARKS[kind], **look)
    axes.set_yticks(range(len(lanes)), lanes)
    axes.invert_yaxis()
    legend(axes, list(drawn.values()))
    label(axes, x="run time (s)")
    told = "; ".join(f"{entry.t:.1f} s {entry.who}: {entry.what}" for entry in passport.entries)
    return picture.say(passport.title, told)


def _own(who: str, passport: Passport) -> bool:
    """Whether something has a lane of its own: a stage that handled the message, or a loop that found it."""
    return any(
        entry.who == who and entry.event is not None and entry.event.kind in ("handle_events", *MARKS)
        for entry in passport.entries
        if who and who != "the queue"
    )
