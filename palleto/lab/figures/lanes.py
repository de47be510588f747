"""The lanes of consumers: when each is busy, and for how long it has nothing to do."""

from __future__ import annotations

from typing import Any

from palleto.lab.figures.picture import HATCHES, Picture, colour, counted, label, nothing, pipeline_of, seconds
from palleto.lab.figures.theme import INK, PAPER
from palleto.lab.overload.lanes import lanes


def lanes_over_time(trace: Any) -> Picture:
    """A lane a consumer: a bar while it has files in hand, a tick for each file that is done; what is empty is idle.

    trace: an experiment, a recorder or a list of trace events.
    """
    found = lanes(trace)
    done = [at for lane in found for at in lane.done]
    if not done:
        return nothing("No consumer has done a file in this trace: run the cell above first.")
    end = max(done)
    picture = Picture(9.5, 1.7 + 0.5 * len(found))
    (axes,) = picture.panels()
    for row, lane in enumerate(found):
        spans = [(start, stop - start) for start, stop in lane.busy if start < end]
        axes.broken_barh(
            spans, (row - 0.32, 0.64), facecolor=colour(row), hatch=HATCHES[row % len(HATCHES)], edgecolor=PAPER, lw=0
        )
        axes.vlines(lane.done, row - 0.32, row - 0.12, color=INK, linewidth=0.8)
    axes.set_yticks(
        range(len(found)),
        [f"{pipeline_of(lane.label)}: {counted(len(lane.done), 'file')}" for lane in found],
    )
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, end)
    label(axes, x="run time (s)")
    idle = [lane.idle(end) for lane in found]
    share = sum(idle) / (end * len(found))
    each = ", ".join(f"{pipeline_of(lane.label)} {seconds(time)}" for lane, time in zip(found, idle, strict=True))
    return picture.say(
        f"{counted(len(done), 'file')} in {seconds(end)}: the lanes are idle for {share:.0%} of the time",
        f"Idle: {each}.",
    )
