"""The throughput panel: events consumed over time, and by each consumer or pipeline; how busy each stage is."""

from __future__ import annotations

import math

from palleto.lab.dashboard.panels.svg import WIDTH, Canvas, Plot, clip, color, named, nice, number, plural, xy
from palleto.replay.scene import Group, Scene
from palleto.replay.series import STRETCH

CHART = 0.36
"""The share of the width that the chart has."""
BAR = 6
"""The least width of a bar."""
ROWS = 7
"""The most consumers or pipelines that have a row; the rest share one."""


def throughput(scene: Scene, width: float = WIDTH) -> Canvas:
    """Consumed events a second, stacked by consumer or pipeline; and a row for each."""
    canvas = Canvas("Throughput", width)
    with scene.lock:
        now = scene.now
        groups = [group for group in scene.groups.values() if group.running or group.consumed.total]
        groups = groups or list(scene.groups.values())
        total, written = scene.consumed, scene.written
        _chart(canvas, scene, groups)
        rows = [Row(group, now) for group in groups]
    rate = sum(row.rate for row in rows)
    files = f", {plural(written, 'file')} written" if written else ""
    canvas.header(f"{plural(total, 'event')} consumed{files}, lately {rate:.1f} a second")
    _rows(canvas, rows)
    said = "; ".join(
        f"{named(row.title)} {row.consumed}, {row.rate:.1f} a second, "
        + ", ".join(f"{role}busy {share:.0%}" for role, share in row.busy)
        for row in rows
    )
    canvas.words = f"{plural(total, 'event')} consumed{files}, lately {rate:.1f} a second. {said or 'Nobody yet'}."
    canvas.height = 226
    return canvas


class Row:
    """What there is to say of a consumer or pipeline; `busy`: the role and the busy share of each of its stages."""

    def __init__(self, group: Group, now: float) -> None:
        self.title, self.number, self.running = group.title, group.number, group.running
        self.consumed = group.consumed.total
        self.rate = group.consumed.rate(now)
        alone = len(group.stages) == 1
        self.busy = [
            ("" if alone else stage.label.removeprefix(group.name) + " ", stage.busy.share(now))
            for stage in group.stages
        ]


def _chart(canvas: Canvas, scene: Scene, groups: list[Group]) -> None:
    """Bars of at least `BAR` units and a whole number of buckets, stacked; a height is events a second."""
    counts = scene.counts
    end = nice(max(scene.now, 4))
    box = (36.0, 56.0, canvas.width * CHART - 36, 134.0)
    per_bar = max(1, math.ceil(BAR / box[2] * end / counts.width))
    seconds = per_bar * counts.width
    bars = int(scene.now / seconds) + 1
    series = []
    for group in groups:
        bucket = counts.buckets.get(group.name, [])
        series.append([sum(bucket[i * per_bar : (i + 1) * per_bar]) / seconds for i in range(bars)])
    plot = Plot(canvas, box, end, nice(max(map(sum, zip(*series, strict=True)), default=0), 0.2))
    canvas.text(0, 43, "events consumed a second", "s m")
    below = [0.0] * bars
    pitch = seconds / end * box[2]
    lefts = [box[0] + index * pitch for index in range(bars)]
    sides = [(xy(left), xy(min(left + pitch - 1, box[0] + box[2]))) for left in lefts]
    tops = [xy(plot.up(0))] * bars
    for group, heights in zip(reversed(groups), reversed(series), strict=True):
        d = ""
        for index, height in enumerate(heights):
            if height:
                below[index] += height
                bottom, tops[index] = tops[index], xy(plot.up(below[index]))
                left, right = sides[index]
                d += f"M{left} {bottom}V{tops[index]}H{right}V{bottom}z"
        if d:
            canvas.path(d, fill=color(group.number))


def _rows(canvas: Canvas, rows: list[Row]) -> None:
    left, right = canvas.width * CHART + 22, canvas.width
    bar, busy = left + 72, right - 98
    by_stage = any(len(row.busy) > 1 for row in rows)
    canvas.text(left, 43, "pipeline" if by_stage else "consumer", "s m")
    canvas.text(bar, 43, "consumed", "s m")
    canvas.text(busy - 10, 43, f"last {STRETCH:.0f} s", "s m e")
    canvas.text(right, 43, "busy, by stage" if by_stage else "busy", "s m e")
    over = not any(row.running for row in rows)  # the whole run: then nobody in particular has ended
    most = max([row.consumed for row in rows] + [1])
    y = 61.0
    rows = sorted(rows, key=lambda row: not row.running)
    for row in rows[:ROWS]:
        canvas.text(left, y, clip(row.title, 10), "" if row.running or over else "m")
        length = (busy - bar - 92) * row.consumed / most
        canvas.rect(bar, y - 10, max(1.0, length), 11, color(row.number))
        canvas.text(bar + length + 6, y, number(row.consumed), "n")
        canvas.text(busy - 10, y, f"{row.rate:.1f}/s", "n e m s")
        if row.running or over:
            _busy(canvas, row, busy, y, right)
        else:
            canvas.text(right, y, "ended", "s m e")
        y += 19
    if len(rows) > ROWS:
        rest = rows[ROWS:]
        canvas.text(left, y, f"{len(rest)} more: {sum(row.consumed for row in rest):,} consumed", "m")


def _busy(canvas: Canvas, row: Row, x: float, y: float, right: float) -> None:
    """A bar for each stage, above each other, and the share of each."""
    width = 32.0
    shares = [share for _, share in row.busy[-2:]]
    pitch = 11 / max(1, len(shares))
    for index, share in enumerate(shares):
        top = y - 10 + index * pitch
        canvas.rect(x, top, width, pitch - 1, style="k")
        canvas.rect(x, top, width * share, pitch - 1, color(row.number))
    canvas.text(right, y, " ".join(f"{share:.0%}" for share in shares), "s n e m")
