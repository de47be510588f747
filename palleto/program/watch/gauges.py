"""What a run has done, as lines with bars: its loops, queue and files, its events a second, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from math import ceil

from rich.text import Text

from palleto.errors import one_line
from palleto.program.summary import plural
from palleto.program.watch.signs import BAD, EVENTS, FAINT, GOOD, HEAD, WIDE, Signs, fitted
from palleto.replay import Scene


class Gauges:
    """The lines of one run. expected: files that it will write; None: nobody knows."""

    def __init__(self, expected: int | None, signs: Signs) -> None:
        self.expected, self.signs = expected, signs

    def lines(self, scene: Scene, columns: int) -> Iterator[Text]:
        """A line for each, in so many columns."""
        width = max(10, columns // (3 if columns >= WIDE else 5))
        if scene.loops_started:
            yield self._gauge("loops", self._loops(scene, width), self._of_loops(scene), columns)
        if scene.queue.known or scene.queue.sent:
            yield self._gauge("queue", *self._queue(scene, width), columns)
        if self.expected or scene.written:
            done, todo = scene.written, max(0, (self.expected or 0) - scene.written)
            bar = self._bar(width, [(done, self.signs.full, GOOD), (todo, self.signs.empty, FAINT)])
            files = f"{done} of {self.expected}" if self.expected else str(done)
            more = f" {self.signs.dot} {scene.lines_written:,} lines" if columns >= WIDE else ""
            told = f"{files} {plural('file', self.expected or done)} done{more}"
            yield self._gauge("files", bar, told, columns)
        rate = sum(group.consumed.rate(scene.now) for group in scene.groups.values())
        told = f"{rate:.1f} a second {self.signs.dot} {scene.consumed:,} {plural('event', scene.consumed)} consumed"
        yield self._gauge("rate", self._rates(scene, width), told, columns)
        if scene.crash_count or scene.lost or scene.broken:
            yield fitted(Text(self._troubles(scene), f"{HEAD} {BAD}"), columns, self.signs)

    def _gauge(self, name: str, bar: Text, told: str, columns: int) -> Text:
        return fitted(Text.assemble((f"{name:<6}", HEAD), bar, f" {told}"), columns, self.signs)

    def _bar(self, width: int, parts: Sequence[tuple[int, str, str]]) -> Text:
        """Parts of a whole, side by side; none that there is vanishes."""
        bar, total, begun = Text(), sum(max(0, count) for count, _, _ in parts) or 1, 0
        for count, sign, style in parts:
            begun += max(0, count)
            cells = round(width * begun / total) - bar.cell_len
            bar.append(sign * max(cells, min(1, count)), style)
        bar.truncate(width)
        return bar + Text(self.signs.empty * (width - bar.cell_len), FAINT)

    def _queue(self, scene: Scene, width: int) -> tuple[Text, str]:
        queue, signs = scene.queue, self.signs
        visible, flying, dead = (queue.parts[name] for name in ("visible", "in flight", "dead-lettered"))
        looked = bool(queue.over_time["dead-lettered"].times)
        if not looked:  # nobody counts what is in the queue where time jumps
            flying, visible = max(0, queue.received - queue.redelivered - queue.deleted), 0
        parts = [
            (dead, signs.crashed, BAD),
            (visible, signs.empty, ""),
            (flying, signs.part, EVENTS),
            (queue.deleted, signs.full, GOOD),
        ]
        counts = [(visible, "visible")] if looked else []
        counts += [(flying, "in flight"), (queue.deleted, "deleted"), *([(dead, "dead")] if dead else [])]
        return self._bar(width, parts), f" {signs.dot} ".join(f"{count} {word}" for count, word in counts)

    def _loops(self, scene: Scene, width: int) -> Text:
        """Which loop ran when, as far back as they are remembered; one after the other is drawn in another shade."""
        forgotten = scene.loops_started - len(scene.loops)
        begin = scene.loops[0].start if forgotten else 0.0
        span = max(scene.now - begin, 0.1)
        lane = [(self.signs.empty, FAINT)] * width
        for number, loop in enumerate(scene.loops, forgotten):
            end = scene.now if loop.end is None else loop.end
            first, last = (min(width - 1, int(width * (t - begin) / span)) for t in (loop.start, end))
            shade = (self.signs.full, self.signs.part)[number % 2]
            lane[first : last + 1] = [(shade, "blue")] * (last + 1 - first)
            if loop.ended in ("killed", "crashed") and loop.end is not None:
                lane[last] = (self.signs.crashed, BAD)
        return Text.assemble(*lane)

    def _of_loops(self, scene: Scene) -> str:
        ended = scene.loops_ended
        runs = scene.loops_started - sum(ended.values())
        told = [f"{runs or 'none'} running"]
        told += [f"{ended[how]} {how}" for how in ("killed", "crashed") if ended[how]]
        return f" {self.signs.dot} ".join([*told, f"{scene.loops_started} started"])

    def _rates(self, scene: Scene, width: int) -> Text:
        """Events consumed over the whole run."""
        sums = [sum(counts) for counts in zip_longest(*scene.counts.buckets.values(), fillvalue=0)]
        now = max(1, int(scene.now / scene.counts.width) + 1)
        sums += [0] * (now - len(sums))
        columns = [
            max(sums[i * now // width : max(i * now // width + 1, (i + 1) * now // width)]) for i in range(width)
        ]
        most, levels = max([1, *columns]), self.signs.levels
        bar = "".join(levels[ceil(count / most * (len(levels) - 1))] if count else " " for count in columns)
        return Text(bar, EVENTS)

    def _troubles(self, scene: Scene) -> str:
        if scene.broken:
            return f"{self.signs.crashed} the accounts do not add up: {scene.broken}"
        lost = f"{scene.lost} {plural('event', scene.lost)} lost" if scene.lost else ""
        if not scene.crashes:
            return f"{self.signs.crashed} {lost}"
        t, label, reason = scene.crashes[-1]
        counts = [f"{scene.crash_count} crashed, {scene.restart_count} restarted", *([lost] if lost else [])]
        return f"{self.signs.crashed} {', '.join(counts)}; at {t:.1f} s {label}: {one_line(reason)}"
