"""The lives of the server loops: a lane each, from its start to its end."""

from __future__ import annotations

from typing import Any

from palleto.lab.extra import required
from palleto.lab.figures.picture import (
    BLUE,
    ORANGE,
    VERMILLION,
    Picture,
    counted,
    label,
    legend,
    nothing,
    seconds,
)
from palleto.lab.figures.theme import INK, PAPER, QUIET
from palleto.replay import Loop, events_of, loops
from palleto.trace import TraceEvent

MANY = 24
"""More lanes than this are drawn thin, and not each is named."""


def loop_restarts(trace: Any) -> Picture:
    """A lane for each server loop: a bar from its start to its end, a tick for each run, a cross where it was killed.

    trace: an experiment, a recorder or a list of trace events.
    """
    events = events_of(trace)
    found = loops(events)
    if not found:
        return nothing("No server loop in this trace: run the cell above first.")
    end = max(event.t for event in events)
    many = len(found) > MANY
    picture = Picture(9.5, min(6.4, 1.9 + len(found) * (0.42 if len(found) <= 10 else 0.26)))
    (axes,) = picture.panels()
    for lane, loop in enumerate(found):
        _lane(axes, lane, loop, end, words=not many)
    _ticks(axes, "|", [(at, lane) for lane, loop in enumerate(found) for at in loop.runs], 5 if many else 11)
    _ticks(axes, "*", [(at, lane) for lane, loop in enumerate(found) for at in loop.crashes], 10)
    every = -(-len(found) // MANY)
    axes.set_yticks(range(0, len(found), every), [_name(loop) for loop in found[::every]])
    axes.set_ylim(len(found) - 0.4, -0.6)
    axes.set_xlim(-end * 0.012 - 0.01, end * 1.1 + 0.01)
    axes.grid(visible=False, axis="y")
    label(axes, x="run time (s)", y="server loops, oldest first" if len(found) > 3 else "server loops")
    legend(axes, _handles(found, end))

    killed = [loop for loop in found if _by_step(loop)]
    wanted = [str(loop.wanted) for loop in found[:12] if loop.wanted is not None]
    words = [f"They looked for events in {counted(sum(len(loop.runs) for loop in found), 'run')}, over {seconds(end)}."]
    if wanted:
        more = " and so on" if len(found) > 12 else ""
        words.append(f"In turn they were to find {', '.join(wanted)}{more} events.")
    if killed:
        words.append(f"Killed at {', '.join(seconds(loop.killed or 0) for loop in killed[:12])}.")
    if any(loop.over for loop in found):
        words.append(f"Stopped at the end of the run: {', '.join(loop.label for loop in found if loop.over)}.")
    return picture.say(_title(found, killed, events), " ".join(words))


def _by_step(loop: Loop) -> bool:
    """Whether it was killed while the run went on."""
    return loop.killed is not None and not loop.over


def _tail(loop: Loop, end: float) -> float:
    """Seconds that a loop lived on, as it was killed in its poll, whose answer is kept; 0 for what cannot be seen."""
    tail = 0.0 if loop.killed is None or loop.end is None else loop.end - loop.killed
    return tail if tail > end * 0.005 else 0.0


def _title(found: list[Loop], killed: list[Loop], events: list[TraceEvent]) -> str:
    title = f"{counted(len(found), 'loop')} started, {len(killed) or 'none'} killed"
    heirs = [
        next((loop for loop in found[found.index(one) + 1 :] if abs(loop.start - (one.killed or 0)) < 0.1), None)
        for one in killed
    ]
    if killed and all(heirs):
        whole = all(loop is not None and _for_all(loop, events) for loop in heirs)
        each = "each " if len(killed) > 1 else ""
        title += f", {each}for one that looks for {'all that is remembered' if whole else 'less'}"
    return title


def _for_all(loop: Loop, events: list[TraceEvent]) -> bool:
    """Whether a loop was started to find all that its producer remembered then; True if the trace does not say."""
    seq = next((event.seq for event in events if event.kind == "loop_started" and event.stage == loop.label), 0)
    known = next((event.ledger for event in reversed(events[:seq]) if event.kind == "handle_demand"), None)
    return known is None or loop.wanted is None or loop.wanted >= known["after"][0]


def _name(loop: Loop) -> str:
    return loop.label if loop.wanted is None else f"{loop.label}  to find {loop.wanted}"


def _lane(axes: Any, lane: int, loop: Loop, end: float, *, words: bool) -> None:
    over = loop.killed if loop.killed is not None else loop.end if loop.end is not None else end
    shape = {"height": 0.6, "linewidth": 0.8}
    axes.barh(
        lane, over - loop.start, left=loop.start, color=ORANGE if _by_step(loop) else BLUE, edgecolor=PAPER, **shape
    )
    if _tail(loop, end):
        edge = {"facecolor": PAPER, "edgecolor": ORANGE if _by_step(loop) else BLUE, "hatch": "////"}
        axes.barh(lane, _tail(loop, end), left=loop.killed, **edge, **shape)
    if loop.killed is not None:
        style = {"marker": "X", "color": VERMILLION} if _by_step(loop) else {"marker": "s", "color": QUIET}
        axes.plot(loop.killed, lane, **style, markeredgecolor=PAPER, markersize=11 if words else 7, zorder=3)
    said = "killed" if _by_step(loop) else "stopped" if loop.over else "still runs" if loop.end is None else ""
    if words and said:
        place = {"textcoords": "offset points", "va": "center", "fontsize": 10, "color": INK, "fontweight": "bold"}
        axes.annotate(said, (max(over, loop.end or over), lane), (9, 0), **place)


def _ticks(axes: Any, marker: str, places: list[tuple[float, int]], size: float) -> None:
    times, lanes = [at for at, _ in places], [lane for _, lane in places]
    axes.plot(times, lanes, marker, color=INK, markersize=size, markeredgewidth=1.4, zorder=2.5)


def _handles(found: list[Loop], end: float) -> list[Any]:
    patch, line = required("matplotlib.patches").Patch, required("matplotlib.lines").Line2D
    killed = [loop for loop in found if _by_step(loop)]
    handles = []
    if len(killed) < len(found):
        handles.append(patch(color=BLUE, label="not killed in the run"))
    if killed:
        handles.append(patch(color=ORANGE, label="killed at its end"))
        handles.append(line([], [], marker="X", color=VERMILLION, linestyle="", markersize=9, label="killed"))
    if any(loop.over for loop in found):
        handles.append(line([], [], marker="s", color=QUIET, linestyle="", markersize=8, label="stopped: the run ends"))
    if any(_tail(loop, end) for loop in found):
        edge = {"facecolor": PAPER, "edgecolor": QUIET, "hatch": "////"}
        handles.append(patch(**edge, label="its last poll,\nits answer is kept"))
    if any(loop.runs for loop in found):
        handles.append(line([], [], marker="|", color=INK, linestyle="", markersize=10, label="a run: it looks"))
    if any(loop.crashes for loop in found):
        handles.append(line([], [], marker="*", color=INK, linestyle="", markersize=9, label="a crash"))
    return handles
