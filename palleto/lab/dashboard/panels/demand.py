"""The demand panel: what each subscription has asked and not got, over time and now, and what the producer owes."""

from __future__ import annotations

from collections.abc import Sequence

from palleto.lab.dashboard.panels.svg import COLUMN, WIDTH, Canvas, Plot, clip, color, named, nice, plural, xy
from palleto.replay.scene import Scene, Subscription

CHART = 0.44
"""The share of the width that the chart has."""
ROWS = 7
"""The most subscriptions that the table has a row for; the rest share one."""


def demand(scene: Scene, width: float = WIDTH) -> Canvas:
    """Outstanding demand of each subscription of a source, stacked; what the sources remember as a line; a table.

    Heights are averages over a column of the plot. Demand that is met at once would not be seen so: thin lines go up
    to the most that was outstanding in each stretch of time.
    """
    canvas = Canvas("Demand", width)
    with scene.lock:
        sources = scene.sources
        names = {stage.label for stage in sources}
        outer = [one for one in scene.current if one.producer in names]
        inner = [one for one in scene.current if one.producer not in names]
        remembered = int(sum(stage.remembered.last for stage in sources))
        buffered = int(sum(stage.buffered.last for stage in sources))
        _chart(canvas, scene, [one for one in scene.subscriptions.values() if one.producer in names])
        rows = [(scene.group_of(one.consumer).number, scene.group_of(one.consumer).title, [one]) for one in outer]
        if len(rows) > ROWS:
            rest = outer[ROWS - 1 :]
            rows = [*rows[: ROWS - 1], (-1, f"{len(rest)} more", rest)]
        canvas.header(
            f"━━ {', '.join(sorted(names)) or 'the producer'} remembers {remembered:,}, has {buffered:,} in its buffer"
        )
        _table(canvas, rows, outer, inner)
        said = "; ".join(
            f"{named(one.consumer)} asked {one.asked}, got {one.delivered}, {one.outstanding} outstanding"
            for one in outer
        )
    canvas.words = (
        f"{', '.join(sorted(names)) or 'the producer'} remembers demand for {plural(remembered, 'event')} and has "
        f"{buffered:,} in its buffer. {said or 'Nobody has subscribed'}."
    )
    canvas.height = 226
    return canvas


def _chart(canvas: Canvas, scene: Scene, subscriptions: list[Subscription]) -> None:
    end = nice(max(scene.now, 4))
    box = (30.0, 56.0, canvas.width * CHART - 30, 134.0)
    count = int(box[2] / COLUMN)
    bands = [(one.over_time.columns(end, count), color(scene.group_of(one.consumer).number)) for one in subscriptions]
    owed = list(map(sum, zip(*(stage.remembered.columns(end, count) for stage in scene.sources), strict=True)))
    top = max(map(sum, zip(*(values for values, _ in bands), strict=True)), default=0)
    peaks = scene.peaks.values
    plot = Plot(canvas, box, end, nice(max(top, *owed, *peaks, 2)) if owed else 2)
    canvas.text(0, 43, "events outstanding, thin: peaks", "s m")
    thin, bottom = "", xy(plot.up(0))
    for index, peak in enumerate(peaks):
        if peak:
            x = box[0] + (index + 0.5) * scene.peaks.width / end * box[2]
            thin += f"M{xy(x)} {bottom}V{xy(plot.up(peak))}"
    if thin:
        canvas.path(thin, "p")
    now = scene.now
    if scene.current and all(one.ended is not None for one in scene.current):  # the picture ends before all goes to 0
        now = max(0.0, min(one.ended_at for one in scene.current) - end / count)
    plot.stack(bands, now)
    if owed:
        plot.line(owed, now, "l")


def _table(
    canvas: Canvas,
    rows: Sequence[tuple[int, str, list[Subscription]]],
    outer: list[Subscription],
    inner: list[Subscription],
) -> None:
    """A row a subscription, in the order of the bands; their sum; and those inside the pipelines."""
    left, right = canvas.width * CHART + 22, canvas.width
    places = (right - 142, right - 80, right)
    canvas.text(left, 43, "consumer", "s m")
    for x, heading in zip(places, ("asked", "delivered", "outstanding"), strict=True):
        canvas.text(x, 43, heading, "s m e")
    y = 61.0
    for index, name, subscriptions in rows:
        canvas.rect(left, y - 10, 11, 11, color(index), "k" if index < 0 else "")
        _row(canvas, left + 17, y, places, clip(name, 10), subscriptions)
        y += 19
    canvas.path(f"M{left:g} {y - 12:g}H{right:g}", "g")
    if len(rows) != 1:
        _row(canvas, left, y + 3, places, "together", outer, "b")
        y += 19
    if inner:
        _row(canvas, left, y + 3, places, f"inside ({len(inner)})", inner, "m")


def _row(
    canvas: Canvas,
    left: float,
    y: float,
    places: Sequence[float],
    name: str,
    subscriptions: list[Subscription],
    style: str = "",
) -> None:
    canvas.text(left, y, name, style)
    sums = (
        sum(one.asked for one in subscriptions),
        sum(one.delivered for one in subscriptions),
        sum(one.outstanding for one in subscriptions),
    )
    for x, value in zip(places, sums, strict=True):
        canvas.text(x, y, f"{value:,}", f"{style} n e".strip())
