"""Words that open the player at a trace event: links, and the players that they open below.

    links = Links()
    html = links.around(f"<p>The loop is killed at {links.to('86 s', trace, event)}.</p>")

Each run's player is in the HTML once, and its page is opened when a link to it is clicked first. Without a front-end,
and where a page may run no script, the words are there all the same.
"""

from __future__ import annotations

from html import escape
from typing import Any

from palleto.errors import SettingError
from palleto.lab.player import Player
from palleto.replay import events_of
from palleto.trace import Trace, TraceEvent

__all__ = ["Links"]

_OPEN = """
const link = event.target.closest('button[data-at]'); if (!link) return;
const at = Number(link.dataset.at), frames = [...this.querySelectorAll('iframe')];
const frame = frames[Number(link.dataset.run)], again = !frame.hidden && this.dataset.shown === link.dataset.at;
this.dataset.shown = link.dataset.at;
for (const each of frames) each.hidden = each !== frame || again;
if (again) return;
const player = frame.contentWindow && frame.contentWindow.palleto;
if (player) player.go(player.trace.indexOf(at));
else frame.srcdoc = frame.dataset.page.replace('data-at=""', 'data-at="' + at + '"');
"""
"""What a click does: it opens the player of the link's run at its event; the same link once more closes it."""

_STYLE = (
    "border:0;padding:0;background:none;font:inherit;cursor:pointer;text-decoration:underline;"
    "color:var(--jp-content-link-color, var(--link, #0b62a5))"
)


class Links:
    """The links of one output, and the runs that they lead to."""

    def __init__(self) -> None:
        self._traces: list[Trace] = []

    def to(self, text: str, run: Any, event: TraceEvent | None) -> str:
        """A text as HTML: a link to an event, if that is one of the run (a trace, an experiment, a recorder, ...)."""
        number = self._number(run, event)
        if event is None or number is None:
            return escape(text)
        title = f"open the player at trace event {event.seq}"
        return (
            f'<button type="button" data-run="{number}" data-at="{event.seq}" title="{title}" style="{_STYLE}">'
            f"{escape(text)}</button>"
        )

    def around(self, html: str) -> str:
        """The HTML that has the links, and the players."""
        if not self._traces:
            return html
        frames = (
            f'<iframe class="palleto-player" hidden title="the run" '
            f'style="width:100%;height:{player.height}px;border:0" '
            f'data-page="{escape(player.html(), quote=True)}"></iframe>'
            for player in map(Player, self._traces)
        )
        return f'<div class="palleto-links" onclick="{escape(_OPEN.strip(), quote=True)}">{html}{"".join(frames)}</div>'

    def _number(self, run: Any, event: TraceEvent | None) -> int | None:
        """Which of the traces the event is in; the run's is added, if it is in that."""
        for number, trace in enumerate(self._traces):
            if has(trace, event):
                return number
        try:
            trace = events_of(run)
        except SettingError:  # no run
            return None
        if not has(trace, event):
            return None
        self._traces.append(trace)
        return len(self._traces) - 1


def has(trace: Trace, event: TraceEvent | None) -> bool:
    """Whether this very event is one of the trace's: two runs have events that are equal."""
    return any(one is event for one in trace)
