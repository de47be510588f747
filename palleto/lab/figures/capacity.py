"""What pipelines do and cost, by their number: of a sweep, and of several ways to read a queue side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from palleto.lab.capacity.sweep import Sweep
from palleto.lab.figures.picture import (
    MARKERS,
    Picture,
    colour,
    counted,
    label,
    legend_of_all,
    nothing,
    stroke,
)
from palleto.lab.figures.theme import INK


def capacity(sweep: Sweep) -> Picture:
    """Files a second, seconds a file, idle time and requests a file, over pipelines; a line for each demand.

    The knee of each line is marked: more pipelines than that do not do more.
    """
    picture = Picture(9.5, 6.6)
    rows = picture.panels(1, 1, across=2, share=False)
    speed, age, idle, cost = rows
    for number, demand in enumerate(sweep.demands):
        trials = [sweep[pipelines, demand] for pipelines in sweep.pipelines]
        found = [trial.measured for trial in trials]
        at = sweep.pipelines.index(sweep.knee(demand))
        style: dict[str, Any] = {**stroke(number), "marker": MARKERS[number], "markersize": 6, "linewidth": 2}
        for axes, values in (
            (speed, [it.throughput for it in found]),
            (age, [it.p99 for it in found]),
            (idle, [100 * it.idle for it in found]),
            (cost, [it.sqs for it in found]),
        ):
            axes.plot(sweep.pipelines, values, label=f"max_demand {demand}", **style)
            axes.plot(sweep.pipelines[at], values[at], marker="o", markersize=15, fillstyle="none", linestyle="",
                      color=colour(number), markeredgewidth=1.8, clip_on=False)  # fmt: skip
    handles = speed.get_legend_handles_labels()[0]
    handles += speed.plot([], [], marker="o", markersize=12, fillstyle="none", ls="", color=INK, label="the knee")
    rate = next(iter(sweep.values())).load.rate
    if rate is not None:
        handles.append(speed.axhline(rate, color=INK, linestyle=":", linewidth=1.5, label="what arrives"))
    for axes, title, words in (
        (speed, "How fast files are done", "files a second"),
        (age, "How old the oldest are: p99", "seconds"),
        (idle, "How long pipelines have nothing to do", "% of their time"),
        (cost, "What a file costs", "requests to SQS"),
    ):
        label(axes, y=words, title=title, x="pipelines" if axes in (idle, cost) else "")
        axes.set_xticks(sweep.pipelines)
        axes.set_ylim(0, axes.dataLim.y1 * 1.14 or 1)
    legend_of_all(picture, handles, below=True)
    knees = {demand: sweep.knee(demand) for demand in sweep.demands}
    at_knee = [
        f"max_demand {demand}: {sweep[pipelines, demand].measured.throughput:.2f} files a second and "
        f"{sweep[pipelines, demand].measured.sqs:.2f} requests to SQS a file with {counted(pipelines, 'pipeline')}"
        for demand, pipelines in knees.items()
    ]
    each = ", ".join(f"{counted(knee, 'pipeline')} with max_demand {demand}" for demand, knee in knees.items())
    return picture.say(f"The knee: {each}", f"At the knee {'; '.join(at_knee)}.")


def scaling(ways: Mapping[str, Mapping[int, Any]], what: str = "consumers", *, logarithmic: bool = False) -> Picture:
    """Files a second, and receives a file, over the number of `what`; a line for each of several ways.

    ways: `{"step 9": {1: trial, 3: trial}}`: of each number a trial, or what else has its `throughput` and `each`.
    """
    found = {name: {number: _numbers(one) for number, one in runs.items()} for name, runs in ways.items() if runs}
    if not found:
        return nothing("No run to show yet: run the cells above first.")
    picture = Picture(9.5, 4.6)
    left, right = picture.panels(across=2)
    numbers = sorted({number for runs in found.values() for number in runs})
    for order, (name, runs) in enumerate(found.items()):
        style: dict[str, Any] = {**stroke(order), "marker": MARKERS[order], "markersize": 7, "linewidth": 2.2}
        for axes, place in ((left, 0), (right, 1)):
            axes.plot([*runs], [numbers[place] for numbers in runs.values()], label=name, **style)
    for axes, title in ((left, "files a second"), (right, "receives a file")):
        if logarithmic:
            axes.set_xscale("log", base=2)
            axes.set_yscale("log", base=2 if axes is left else 10)
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        else:
            axes.set_ylim(0, axes.dataLim.y1 * 1.12 or 1)
        axes.set_xticks(numbers, [str(number) for number in numbers])
        axes.minorticks_off()
        label(axes, x=what, y=title, title="Processing" if axes is left else "Polling")
    legend_of_all(picture, left.get_legend_handles_labels()[0], below=True)
    each = []
    for name, runs in found.items():
        (few, first), (many, last) = min(runs.items()), max(runs.items())
        times = last[0] / first[0] if first[0] else math.nan
        each.append(
            f"{name}: {times:.1f} times the files a second with {many} as with {few}, "
            f"and {last[1]:.2f} receives a file instead of {first[1]:.2f}"
        )
    most = "; ".join(f"{name} {max(runs.items())[1][1]:.2f}" for name, runs in found.items())
    return picture.say(f"Receives a file with {numbers[-1]} {what}: {most}", f"{'; '.join(each)}.")


def _numbers(one: Any) -> tuple[float, float]:
    it = getattr(one, "measured", one)
    return it.throughput, it.each("receive")
