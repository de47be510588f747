"""The server panel: each loop a bar from start to end, its runs as ticks, how it ended in a word."""

from __future__ import annotations

from palleto.lab.dashboard.panels.svg import WIDTH, Canvas, color, divisions, nice, plural, time_axis, xy
from palleto.replay.scene import Loop, Scene

ROWS = 9
"""The most loops that have a bar; older ones are only counted."""
FILLS = {"running": color(0), "done": color(2), "killed": color(1), "stopped": color(0), "crashed": color(3)}


def loops(scene: Scene, width: float = WIDTH) -> Canvas:
    """The last loops of the server, the newest below."""
    canvas = Canvas("Server loops", width)
    with scene.lock:
        shown = list(scene.loops)[-ROWS:]
        started, now = scene.loops_started, scene.now
        running = started - sum(scene.loops_ended.values())
        ended = [f"{count} {how}" for how, count in sorted(scene.loops_ended.items()) if count]
    canvas.header(", ".join([f"{started:,} started", *ended, *([f"{running} running"] if running else [])]))
    if started > len(shown):
        canvas.text(0, 43, f"the last {len(shown)} of {started:,}; a tick for each run", "s m")
        start, end = window(shown[0].start, now)
    else:
        canvas.text(0, 43, "a tick for each run", "s m")
        start, end = 0.0, nice(max(now, 4))
    left, right = 44.0, width - 122
    y = 56.0
    for loop in shown:
        _bar(canvas, loop, y, left, right, start, end, now)
        y += 15
    time_axis(canvas, left, 193, right - left, end, start)
    canvas.words = f"{plural(started, 'loop')} started; " + (
        "; ".join(
            f"{loop.label} began at {loop.start:.1f} s, {_words(loop)}, {plural(loop.runs.count, 'run')}"
            for loop in shown
        )
        or "none yet"
    )
    canvas.height = 226
    return canvas


def window(since: float, now: float) -> tuple[float, float]:
    """The moments between which an axis goes that shows both: round ones."""
    span = nice(max(now - since, 1))
    step = span / divisions(span)
    start = since // step * step
    return (start, start + span) if start + span >= now else window(start, start + span * 1.01)


def _words(loop: Loop) -> str:
    return loop.ended if loop.end is None else f"{loop.ended} at {loop.end:.1f} s"


def _bar(canvas: Canvas, loop: Loop, y: float, left: float, right: float, start: float, end: float, now: float) -> None:
    scale = (right - left) / (end - start)

    def at(t: float) -> float:
        return left + min(max(t - start, 0.0) * scale, right - left)

    x0, x1 = at(loop.start), at(now if loop.end is None else loop.end)
    canvas.text(left - 8, y + 10, loop.label, "s n e")
    canvas.rect(x0, y, max(2.0, x1 - x0), 11, FILLS[loop.ended])
    ticks = "".join(f"M{xy(x)} {xy(y + 1)}v9" for x in sorted({round(at(t), 1) for t in loop.runs.times}) if x > x0 + 1)
    if ticks:
        canvas.path(ticks, "t")
    crosses = [at(t) for t in loop.crashes] + ([x1] if loop.ended in ("killed", "crashed") else [])
    for x in crosses:
        canvas.path(f"M{xy(x - 4)} {xy(y + 1.5)}l8 8m0 -8l-8 8", "x")
    runs = plural(loop.runs.count, "run")
    canvas.text(right + 14, y + 10, f"{loop.ended}, {runs}", "s n" if loop.ended == "running" else "s n m")
