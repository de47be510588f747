"""The player as an object that a notebook shows, and what it accepts as a trace."""

from __future__ import annotations

import os
import re
from html import escape
from pathlib import Path
from typing import Any

from palleto.errors import SettingError
from palleto.lab.player.page import page
from palleto.program import lesson
from palleto.replay import events_of
from palleto.trace import TraceEvent, load

HEIGHTS = (860, 1310)
"""The least and the most height that a player chooses in a notebook, in CSS pixels: six pipelines of step 9 fit."""


class Player:
    """A recorded run that can be walked through, forward and back: `player(trace)` at the end of a cell.

    trace:  a recorder, an experiment, a dashboard, a list of trace events, or the path of a trace file.
    at:     where to open it: a trace event, an answer of `evidence` or the number (`seq`) of an event; None: at the
            first. A number that the trace does not have opens it at the event before.
    height: of the player in the notebook, in CSS pixels, above 0; None: as much as its panes need to be read without
            scrolling, from 860 to 1310.

    Raises SettingError for what is no trace, a file that cannot be read, or an `at` that is none of these.
    """

    def __init__(self, trace: Any, at: Any = None, *, height: int | None = None) -> None:
        if height is not None and (isinstance(height, bool) or not isinstance(height, int) or height <= 0):
            raise SettingError(f"expected height to be a number of pixels above 0, got: {height!r}")
        self.events, self.title = _opened(trace)
        self.at = _number(at)
        self.height = height or _height(self.events)

    def __repr__(self) -> str:
        last = self.events[-1].t if self.events else 0.0
        at = min(self.at or 0, self.events[-1].seq if self.events else 0)
        return f"<Player {len(self.events)} trace events, {last:.1f} s, at {at}>"

    def html(self) -> str:
        """The whole page: one file that needs no network and no kernel."""
        return page(self.events, title=self.title, at=self.at)

    def save(self, path: str | Path) -> Path:
        """Write the page to a file. Raises SettingError if that cannot be done."""
        try:
            Path(path).write_text(self.html(), encoding="utf-8")
        except OSError as error:
            raise SettingError(f"expected a file that can be written, got: {error}") from None
        return Path(path)

    def _repr_html_(self) -> str:
        """The page in a frame: its style and script stay its own, and a copy of the notebook needs no kernel."""
        frame = escape(self.html(), quote=True)
        style = f"width:100%;height:{self.height}px;border:0;display:block"
        return f'<iframe class="palleto-player" title="{escape(self.title)}" style="{style}" srcdoc="{frame}"></iframe>'

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}


def _opened(trace: Any) -> tuple[list[TraceEvent], str]:
    """The trace events, and what the page is called."""
    if isinstance(trace, str | os.PathLike):
        path = Path(trace)
        loaded = load(path)
        return loaded, _title(loaded) or path.name
    events = events_of(trace)
    return events, _title(events) or "Your run"


def _title(events: list[TraceEvent]) -> str:
    """The title of the step that ran; empty if it was none."""
    for name in dict.fromkeys(event.file for event in events):
        match = re.fullmatch(r"step(\d+)\.py", name or "")
        if match:
            try:
                found = lesson.read(int(match[1]))
            except SettingError:  # a step of the user's own
                return name or ""
            return f"Step {found.number}: {found.title}"
    return ""


def _height(events: list[TraceEvent]) -> int:
    """The height at which nothing has to be scrolled but code and lists, in CSS pixels."""
    living: set[tuple[str, str | None]] = set()
    most = (1, 1)
    for event in events:
        if event.kind == "subscribe":
            living.add((event.stage, event.peer))
            most = max(most, (len(living), len({producer for producer, _ in living})))
        elif event.kind in ("cancel", "down"):
            living -= {(event.stage, event.peer), (event.peer or "", event.stage)}
    subscriptions, producers = most
    # A line of the ledger has 16 pixels, a box of the picture 44, a lane 18; code is to have 360.
    ledger, boxes, lanes = 76 + 16 * (subscriptions + producers), subscriptions - producers + 1, subscriptions + 2
    return min(HEIGHTS[1], max(HEIGHTS[0], 410 + max(360, ledger) + 44 * boxes + 18 * lanes))


def _number(at: Any) -> int | None:
    if at is None:
        return None
    event = getattr(at, "event", at)  # of an answer
    number = getattr(event, "seq", event)
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise SettingError(f"expected `at` to be a trace event, or the number of one from 0 up, got: {at!r:.60}")
    return number
