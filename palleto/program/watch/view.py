"""A run as lines of a terminal: what its scene holds at one moment, in so many columns and rows.

From above: its state and time, the pipeline (`pipeline.py`), what is counted (`gauges.py`), and the last lines said.
"""

from __future__ import annotations

from rich.text import Text

from palleto.errors import one_line
from palleto.program.watch.gauges import Gauges
from palleto.program.watch.pipeline import Drawing, Motion, facts_of
from palleto.program.watch.signs import BAD, DEMAND, EVENTS, FAINT, GOOD, HEAD, UNICODE, WIDE, Signs, fitted
from palleto.replay import Scene

SAID = 2
"""Rows for what is said that are taken before any of the pipeline."""
ENDED = ("ended", "failed", "ended at once")
"""The states in which a run moves no more; the others are "running" and "stopping"."""


class View:
    """The frames of one run. What moves is what has changed since the frame before.

    title:    what runs, and where.
    expected: files that the run will write; None: nobody knows.
    said:     whether what the step says is shown.
    """

    def __init__(self, title: str, expected: int | None = None, *, said: bool = True, signs: Signs = UNICODE) -> None:
        self.title, self.said, self.signs = title, said, signs
        self._motion = Motion()
        self._gauges = Gauges(expected, signs)

    def frame(self, scene: Scene, state: str, columns: int, rows: int, at: float) -> list[Text]:
        """The scene as at most `rows` lines of at most `columns` columns. `at`: the real time, in seconds."""
        with scene.lock:
            facts = facts_of(scene)
            self._motion.see(facts, at)
            if state in ENDED:
                self._motion.rest()
            head = [self._head(scene, state, columns)]
            gauges = list(self._gauges.lines(scene, columns))
            said = self._said(scene, columns) if self.said else []
            room = rows - len(head) - len(gauges) - min(len(said), SAID)
            pipeline = Drawing(facts, self._motion, self.signs, columns, at, over=scene.draining).lines(max(1, room))
        left = rows - len(head) - len(pipeline) - len(gauges)
        kept = said[:1] + said[max(1, len(said) - max(0, left - 1)) :] if left > 1 else []
        spare = left - len(kept)
        parts = [head, pipeline, gauges, kept]
        lines: list[Text] = []
        for part in parts:
            if lines and part and spare > 0 and part is not kept:  # what is said has a rule above it
                lines.append(Text())
                spare -= 1
            lines += part
        for line in lines:
            line.truncate(columns, overflow="crop")
            line.rstrip()
        return lines[:rows]

    def _head(self, scene: Scene, state: str, columns: int) -> Text:
        signs = self.signs
        sign, style = {
            "running": (signs.work, GOOD),
            "stopping": (signs.again, DEMAND),
            "failed": (signs.crashed, BAD),
        }.get(state, (signs.ended, HEAD))
        doing = ", finishing what is in hand" if state == "stopping" and columns >= WIDE else ""
        head = Text.assemble((f"{sign} {state}", f"{HEAD} {style}"), f"{doing}  {scene.now:.1f} s  {self.title}")
        ways = Text.assemble((f"{signs.up} demand", DEMAND), "  ", (f"events {signs.down}", EVENTS))
        spare = columns - head.cell_len - ways.cell_len
        return head + Text(" " * spare) + ways if spare >= 2 else head

    def _said(self, scene: Scene, columns: int) -> list[Text]:
        lines = [Text(f"{self.signs.rule * 2} said {self.signs.rule * (columns - 8)}", FAINT)]
        for t, text in scene.said:
            line = Text.assemble((f"{t:8.1f} s  ", FAINT), one_line(text))
            lines.append(fitted(line, columns, self.signs))
        return lines
