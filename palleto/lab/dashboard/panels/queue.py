"""The queue panel: where the messages are, over time and now, and what was asked of the cloud."""

from __future__ import annotations

from palleto.lab.dashboard.panels.svg import COLUMN, WIDTH, Canvas, Plot, nice, number, plural
from palleto.replay.scene import Scene

CHART = 0.36
"""The share of the width that the chart has."""
PLACES = (0.0, 0.22, 0.46, 0.68)
"""Where along the width each part is named."""
FILLS = {"deleted": "#009e73", "in flight": "#e69f00", "visible": "#137cc0", "dead-lettered": "#d55e00"}


def queue(scene: Scene, width: float = WIDTH) -> Canvas:
    """A bar that adds up, the same over time, and counters."""
    canvas = Canvas("Queue", width)
    with scene.lock:
        seen = scene.queue
        parts = seen.parts
        total = sum(parts.values())
        requests = sorted(seen.requests.items())
        end = nice(max(scene.now, 4))
        box = (36.0, 108.0, width * CHART - 36, 82.0)
        count = int(box[2] / COLUMN)
        bands = [(seen.over_time[name].columns(end, count, steps=False), FILLS[name]) for name in reversed(FILLS)]
        top = max(map(sum, zip(*(values for values, _ in bands), strict=True)), default=0)
        plot = Plot(canvas, box, end, nice(max(top, 2)))
        plot.stack(bands, scene.now)
        of_sqs = sum(count for operation, count in requests if operation.startswith("sqs."))
        cost = plural(of_sqs, "SQS request")
        if scene.written:
            cost = f"{of_sqs / scene.written:.2f} SQS requests a file"
        counters = [
            ("files sent", seen.sent),
            ("received", seen.received),
            ("redelivered", seen.redelivered),
        ]
        errors = seen.errors
    canvas.header(f"{plural(total, 'message')}, {cost}")
    _bar(canvas, parts, total)
    left = width * CHART + 18
    y = 105.0
    for name, value in counters:
        canvas.text(left, y, name)
        canvas.text(left + 98, y, number(value), "n e b")
        y += 19
    y = 105.0
    for operation, value in requests[:5]:
        canvas.text(left + 110, y, operation.split(".")[-1].replace("Batch", ""), "s")
        canvas.text(width, y, number(value), "n e s b")
        y += 19
    if errors:
        canvas.text(left + 110, y, "without a result", "s")
        canvas.text(width, y, number(errors), "n e s b")
    canvas.words = (
        ", ".join(f"{value} {name}" for name, value in parts.items())
        + f", {total} in all; {seen.redelivered} redelivered. Requests: "
        + (", ".join(f"{operation} {value}" for operation, value in requests) or "none")
        + (f"; {errors} without a result" if errors else "")
    )
    canvas.height = 226
    return canvas


def _bar(canvas: Canvas, parts: dict[str, int], total: int) -> None:
    """The messages as one bar, the parts named and numbered below it."""
    x = 0.0
    for name, value in parts.items():
        length = canvas.width * value / total if total else 0
        if length:
            canvas.rect(x, 32, max(1.0, length - 1), 16, FILLS[name])
        x += length
    if not total:
        canvas.rect(0, 32, canvas.width, 16, style="k")
    for place, (name, value) in zip(PLACES, parts.items(), strict=True):
        x = canvas.width * place
        canvas.rect(x, 59, 11, 11, FILLS[name])
        canvas.text(x + 17, 69, f"{number(value)} {name}", "n")
    canvas.text(0, 97, "messages", "s m")
