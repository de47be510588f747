"""The cascade: who ends, who is started anew, and each supervisor's budget, as a bar that empties."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from palleto.lab.extra import required
from palleto.lab.figures.picture import (
    BLUE,
    ORANGE,
    SKY,
    VERMILLION,
    Picture,
    counted,
    label,
    legend_of_all,
    nothing,
    seconds,
)
from palleto.lab.figures.theme import INK, PAPER, QUIET
from palleto.replay import CRASHED, FAILED, GAVE_UP, LEFT, STOPPED, Cascade, Lives

MARKS: dict[str, dict[str, Any]] = {
    CRASHED: {"marker": "X", "color": VERMILLION, "markersize": 11},
    LEFT: {"marker": "v", "color": ORANGE, "markersize": 10},
    STOPPED: {"marker": "s", "color": QUIET, "markersize": 8},
    FAILED: {"marker": "P", "color": VERMILLION, "markersize": 10},
    GAVE_UP: {"marker": "8", "color": VERMILLION, "markersize": 13},
}
"""How the end of a life is marked."""
ANEW: dict[str, Any] = {"marker": ">", "color": PAPER, "markeredgecolor": INK, "markersize": 9}
"""How the begin of a further life is marked."""
SAID = {
    CRASHED: "crashes",
    LEFT: "leaves: the one above is gone",
    STOPPED: "is stopped by its supervisor",
    FAILED: "cannot start",
    GAVE_UP: "gives up: no restart is left",
}
SAID_ONE_BY_ONE = 12
"""The most that is said in the place of the picture, one by one."""
HALF = 0.32
"""Half of the height of a lane."""


def cascade_over_time(trace: Any) -> Picture:
    """A lane a process: a bar while it runs, a mark where it ends, a tick for each event that is done.

    A supervisor's lane is as high as its budget is full. trace: an experiment, a recorder or a list of trace events.
    """
    cascade = Cascade(trace)
    if not cascade.lives:
        return nothing("Nothing has started in this trace: run the cell above first.")
    end = cascade.end
    rows = list(cascade.lives.values())
    picture = Picture(9.5, 2.2 + 0.36 * len(rows))
    (axes,) = picture.panels()
    for row, each in enumerate(rows):
        _lane(axes, row, each, end)
    axes.set_yticks(range(len(rows)), [_name(each) for each in rows])
    for tick in axes.get_yticklabels():
        tick.set_horizontalalignment("left")
    axes.tick_params(axis="y", pad=_width(rows))
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, end * 1.02 + 0.01)
    axes.grid(visible=False, axis="y")
    label(axes, x="run time (s)")
    legend_of_all(picture, _handles(cascade), below=True)
    return picture.say(_title(cascade), _words(cascade))


def _name(each: Lives) -> str:
    name = "\u00a0" * 4 * each.floor + each.label
    if each.budget is None:
        return name
    strategy, most, span = each.budget
    return f"{name}: {strategy}, {most} in {span:g} s"


def _width(rows: list[Lives]) -> float:
    """Points that the longest name takes, so that names begin at one line."""
    return 5.2 * max(len(_name(each)) for each in rows)


def _lane(axes: Any, row: int, each: Lives, end: float) -> None:
    if each.budget is None:
        for life in each.lives:
            stop = end if life.end is None else life.end
            axes.barh(row, stop - life.start, left=life.start, height=2 * HALF, color=BLUE, edgecolor=PAPER, lw=0.8)
        axes.vlines(each.done, row - HALF, row, color=INK, linewidth=0.9)
    else:
        _budget(axes, row, each, end)
    for life in each.lives:
        if life.end is not None and life.how is not None:
            axes.plot(life.end, row, linestyle="", markeredgecolor=PAPER, zorder=4, clip_on=False, **MARKS[life.how])
    anew = [life.start + 0.014 * end for life in each.lives[1:] if life.how != FAILED]
    axes.plot(anew, [row] * len(anew), linestyle="", zorder=3, **ANEW)


def _budget(axes: Any, row: int, each: Lives, end: float) -> None:
    """Full from the bottom to the top of the lane, empty when no restart is left."""
    assert each.budget is not None, "it is a supervisor"
    most = max(1, each.budget[1])
    for life in each.lives:
        stop = end if life.end is None else life.end
        axes.barh(row, stop - life.start, left=life.start, height=2 * HALF, facecolor="none", edgecolor=QUIET, lw=0.8)
        steps = [*each.left(life), (stop, 0)]
        for (t, left), (after, _) in pairwise(steps):
            height = 2 * HALF * left / most
            axes.barh(row + HALF - height / 2, after - t, left=t, height=height, color=SKY, lw=0)


def _handles(cascade: Cascade) -> list[Any]:
    patch, line = required("matplotlib.patches").Patch, required("matplotlib.lines").Line2D
    handles = [patch(color=BLUE, label="runs")]
    if any(each.budget for each in cascade.lives.values()):
        handles.append(patch(facecolor=SKY, edgecolor=QUIET, label="restarts left"))
    handles.append(line([], [], marker="|", color=INK, linestyle="", markersize=10, label="an event is done"))
    for how, mark in MARKS.items():
        if cascade.ends(how):
            handles.append(line([], [], linestyle="", label=SAID[how], **{**mark, "markersize": 9}))
    if cascade.anew:
        handles.append(line([], [], linestyle="", label="is started anew", **ANEW))
    return handles


def _title(cascade: Cascade) -> str:
    crashes, anew = len(cascade.ends(CRASHED)), len(cascade.anew)
    if not crashes:
        return "Nothing crashes"
    top = next(iter(cascade.lives.values()))
    said = f"{counted(crashes, 'crash').replace('crashs', 'crashes')}, {counted(anew, 'start')} anew"
    if top.lives[-1].how == GAVE_UP:
        return f"{said}; {top.label} gives up after {seconds(cascade.end)}"
    return f"{said}, {counted(len(cascade.lost), 'event')} lost"


def _words(cascade: Cascade) -> str:
    told = [entry for entry in cascade.log if entry.event.kind not in ("down", "lost")]
    parts = [f"{words} at {event.t:.1f} s" for event, words, _ in told[:SAID_ONE_BY_ONE]]
    parts += ["And so on"] * (len(told) > SAID_ONE_BY_ONE)
    pauses = ", ".join(f"{name} {seconds(pause)}" for name, pause in cascade.pauses.items())
    return ". ".join([*parts, f"Longest pauses: {pauses or 'none'}"]) + "."
