"""How workers end: what each way leaves behind, side by side; and deploys over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from palleto.lab.figures.picture import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    VERMILLION,
    Picture,
    counted,
    label,
    legend_of_all,
    nothing,
    seconds,
    whole_numbers,
)
from palleto.lab.figures.theme import INK, PAPER

PLACES = (BLUE, GREEN, PURPLE)
"""The colours of workers, by their places."""


def ends_side_by_side(ladder: Mapping[str, Any]) -> Picture:
    """A row an end, and a column for what it costs: messages in flight, seconds until they are back, files done twice,
    seconds until the worker was gone.

    ladder: `{"kill -9": end, "drain": end}`, as `palleto.lab.shutdown.ladder` makes it.
    """
    if not ladder:
        return nothing("No worker was ended: run the cell above first.")
    columns = {
        "messages left in flight": (ORANGE, "///", [end.left for end in ladder.values()]),
        "seconds until all are back": (BLUE, "", [end.back for end in ladder.values()]),
        "files done twice": (VERMILLION, "xxx", [end.twice for end in ladder.values()]),
        "seconds until it was gone": (GREEN, "...", [end.exit for end in ladder.values()]),
    }
    picture = _bars(list(ladder), columns)
    worst = max(ladder, key=lambda name: (ladder[name].left, ladder[name].back))
    best = min(ladder, key=lambda name: (ladder[name].left, ladder[name].back, ladder[name].exit))
    each = "; ".join(
        f"{name}: {end.left} left, back after {end.back:.1f} s, {end.twice} done twice, gone after {end.exit:.1f} s"
        for name, end in ladder.items()
    )
    title = f"{worst} leaves {counted(ladder[worst].left, 'message')} in flight, {best} {ladder[best].left or 'none'}"
    return picture.say(title, f"{each}.")


def rollouts_side_by_side(rollouts: Mapping[str, Any]) -> Picture:
    """A row for each way to deploy: files that came back, files done twice, dead letters, seconds of a deploy.

    rollouts: `{"kill -9": rollout}`, as `palleto.lab.shutdown.rollouts` makes it.
    """
    if not rollouts:
        return nothing("Nothing was deployed: run the cell above first.")
    counts = {
        fate: [one.verdict.count(fate)[1] for one in rollouts.values()]
        for fate in ("delayed", "done twice", "dead-lettered")
    }
    columns = {
        "files that came back": (ORANGE, "///", counts["delayed"]),
        "files done twice": (BLUE, "", counts["done twice"]),
        "dead letters": (VERMILLION, "xxx", counts["dead-lettered"]),
        "seconds of a deploy": (GREEN, "...", [one.took for one in rollouts.values()]),
    }
    dead = ", ".join(f"{count} {name}" for name, count in zip(rollouts, counts["dead-lettered"], strict=True) if count)
    each = "; ".join(f"{name}: {one.verdict.line}, {seconds(one.took)} a deploy" for name, one in rollouts.items())
    return _bars(list(rollouts), columns).say(f"Dead letters: {dead or 'none'}", f"{each}.")


def rollout_over_time(rollout: Any) -> Picture:
    """A lane a place, with a bar for each worker that had it, hatched while it ends; and below, dead letters so far.

    rollout: as `palleto.lab.shutdown.roll_out` makes it.
    """
    end = max(life.gone for life in rollout.lives)
    places = 1 + max(life.place for life in rollout.lives)
    picture = Picture(9.5, 2.6 + 0.45 * places)
    lanes, below = picture.panels(places + 0.5, 1.6)
    for life in rollout.lives:
        told = life.gone if life.told is None else life.told
        look: dict[str, Any] = {"facecolor": PLACES[life.place % len(PLACES)], "edgecolor": PAPER}
        lanes.broken_barh([(life.start, told - life.start)], (life.place - 0.32, 0.64), linewidth=1, **look)
        lanes.broken_barh([(told, life.gone - told)], (life.place - 0.32, 0.64), hatch="///", linewidth=0, **look)
    lanes.set_yticks(range(places), [f"worker {place + 1}" for place in range(places)])
    lanes.invert_yaxis()
    lanes.grid(visible=False, axis="y")
    label(lanes, title="The workers; hatched: told to end, and not gone yet")
    back = _again(rollout.trace)
    for times, words, colour, line in (
        (back, "messages received again", ORANGE, "--"),
        (rollout.dead, "dead letters", VERMILLION, "-"),
    ):
        below.step(
            [0, *times, end], [*range(len(times) + 1), len(times)], where="post", color=colour, linestyle=line,
            linewidth=2, label=f"{words}: {len(times)}",
        )  # fmt: skip
    below.set_ylim(bottom=0)
    below.set_xlim(0, end)
    whole_numbers(below)
    label(below, x="run time (s)", y="so far")
    legend_of_all(picture, below.get_legend_handles_labels()[0], below=True)
    deploys = counted(len(rollout.deploys), "deploy")
    title = f"{deploys}, {rollout.rung}: {counted(len(rollout.dead), 'dead letter')}"
    return picture.say(title, f"{rollout.verdict.line}; received again {counted(len(back), 'time')}.")


def _again(trace: Any) -> list[float]:
    """When a message was received that had been received before."""
    return [event.t for event in trace if event.kind == "receive" for count in event.data["counts"] if count > 1]


def _bars(names: list[str], columns: Mapping[str, tuple[str, str, list[float]]]) -> Picture:
    """A row a name, and a panel a column: its colour, its hatch, and a value for each name."""
    picture = Picture(9.5, 1.5 + 0.42 * len(names))
    panels = picture.panels(across=len(columns))
    for panel, (words, (colour, hatch, values)) in zip(panels, columns.items(), strict=True):
        panel.barh(range(len(names)), values, 0.62, color=colour, hatch=hatch, edgecolor=PAPER, linewidth=0)
        for row, value in enumerate(values):
            text = f"{value}" if isinstance(value, int) else f"{value:.1f}" if value else "-"
            panel.annotate(text, (value, row), (4, 0), textcoords="offset points", va="center", color=INK, fontsize=10)
        panel.set_xlim(0, max(1.0, *values) * 1.3)
        panel.set_yticks(range(len(names)), names if panel is panels[0] else [""] * len(names))
        panel.invert_yaxis()
        panel.grid(visible=False, axis="y")
        whole_numbers(panel, "x")
        label(panel, x=words)
    return picture
