"""The throughput panel: events consumed over time, and by each consumer or pipeline; how busy each stage is."""

from __future__ import annotations

from palleto.lab.panels.svg import WIDTH, Canvas, Plot, clip, color, named, nice, number, plural
from palleto.lab.parts import Group
from palleto.lab.scene import Scene
from palleto.lab.series import STRETCH

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
        rate = sum(group.consumed.rate(now) for group in groups)
        files = f", {plural(written, 'file')} written" if scene.queue.known else ""
        canvas.header(f"{plural(total, 'event')} consumed{files}, {rate:.1f} a second")
        _chart(canvas, scene, groups)
        _rows(canvas, groups, now)
    shares = "; ".join(
        f"{named(group.name)} {group.consumed.total}, {group.consumed.rate(now):.1f} a second, "
        + ", ".join(f"{role(stage.label, group)}busy {stage.busy.share(now):.0%}" for stage in group.stages)
        for group in groups
    )
    canvas.words = f"{plural(total, 'event')} consumed{files}, lately {rate:.1f} a second. {shares or 'Nobody yet'}."
    canvas.height = 226
    return canvas


def role(label: str, group: Group) -> str:
    """What a stage is in its pipeline; nothing if it stands for itself."""
    return "" if label == group.name else f"{label.removeprefix(group.name)} "


def _chart(canvas: Canvas, scene: Scene, groups: list[Group]) -> None:
    counts = scene.counts
    end = nice(max(scene.now, 4))
    box = (36.0, 56.0, canvas.width * 0.42 - 36, 134.0)
    columns = int(box[2] / 2)
    # A bar is at least six units wide and a whole number of buckets; its height is events a second.
    per_bar = max(1, -(-int(6 / box[2] * end / counts.width * 1000) // 1000))
    seconds = per_bar * counts.width
    bars = int(end / seconds) + 1
    heights: list[tuple[list[float], str]] = []
    for group in groups:
        bucket = counts.buckets.get(group.name, [])
        summed = [sum(bucket[i * per_bar : (i + 1) * per_bar]) / seconds for i in range(bars)]
        heights.append((summed, color(group.number)))
    top = max((sum(bar) for bar in zip(*(values for values, _ in heights), strict=True)), default=0)
    plot = Plot(canvas, box, end, nice(top, 0.2))
    canvas.text(0, 43, "events consumed a second", "s m")
    spread = [
        ([values[int(column / columns * end / seconds)] for column in range(columns)], fill) for values, fill in heights
    ]
    plot.columns = columns
    plot.stack(spread, scene.now)


def _rows(canvas: Canvas, groups: list[Group], now: float) -> None:
    left, right = canvas.width * 0.42 + 22, canvas.width
    bar, busy = left + 94, right - 92
    canvas.text(left, 43, f"consumed; last {STRETCH:.0f} s: a second", "s m")
    canvas.text(busy, 43, "busy", "s m")
    most = max([group.consumed.total for group in groups] + [1])
    y = 61.0
    for group in groups[:ROWS]:
        canvas.text(left, y, clip(named(group.name), 14))
        length = (busy - bar - 92) * group.consumed.total / most
        canvas.rect(bar, y - 10, max(1.0, length), 11, color(group.number))
        canvas.text(bar + length + 6, y, number(group.consumed.total), "n")
        canvas.text(busy - 14, y, f"{group.consumed.rate(now):.1f}/s", "n e m s")
        _busy(canvas, group, busy, y, right, now)
        y += 19
    if len(groups) > ROWS:
        rest = groups[ROWS:]
        consumed = sum(group.consumed.total for group in rest)
        canvas.text(left, y, f"{len(rest)} more: {consumed:,} consumed", "m")


def _busy(canvas: Canvas, group: Group, x: float, y: float, right: float, now: float) -> None:
    """A bar for each stage of the group, above each other, and the share of each."""
    width = 40.0
    stages = group.stages[-2:]
    pitch = 11 / max(1, len(stages))
    for index, stage in enumerate(stages):
        top = y - 10 + index * pitch
        canvas.rect(x, top, width, pitch - 1, style="k")
        canvas.rect(x, top, width * stage.busy.share(now), pitch - 1, color(group.number))
    canvas.text(right, y, " ".join(f"{stage.busy.share(now):.0%}" for stage in stages), "s n e m")
