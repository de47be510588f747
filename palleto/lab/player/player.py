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

HEIGHT = 1000
"""The height of the player in a notebook, in CSS pixels."""


class Player:
    """A recorded run that can be walked through, forward and back: `player(trace)` at the end of a cell.

    trace:  a recorder, an experiment, a dashboard, a list of trace events, or the path of a trace file.
    at:     where to open it: a trace event, an answer of `evidence` or the number (`seq`) of an event; None: at the
            first. A number that the trace does not have opens it at the event before.
    height: of the player in the notebook, in CSS pixels, above 0.

    Raises SettingError for what is no trace, a file that cannot be read, or an `at` that is none of these.
    """

    def __init__(self, trace: Any, at: Any = None, *, height: int = HEIGHT) -> None:
        if isinstance(height, bool) or not isinstance(height, int) or height <= 0:
            raise SettingError(f"expected height to be a number of pixels above 0, got: {height!r}")
        self.events, self.title = _opened(trace)
        self.at = _number(at)
        self.height = height

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


def _number(at: Any) -> int | None:
    if at is None:
        return None
    event = getattr(at, "event", at)  # of an answer
    number = getattr(event, "seq", event)
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise SettingError(f"expected `at` to be a trace event, or the number of one from 0 up, got: {at!r:.60}")
    return number
