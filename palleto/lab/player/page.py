"""The player as one HTML page that needs nothing else: style, script and trace are in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path

from palleto.lab.player.bundle import bundle
from palleto.lab.player.payload import packed
from palleto.trace import TraceEvent

FOLDER = Path(__file__).parent
"""Where the page's parts are: page.html, picture.css, player.css and the modules that main.js imports."""


def page(events: Sequence[TraceEvent], *, title: str = "Palleto", at: int | None = None) -> str:
    """The page. title: of the window and of the page. at: the `seq` of the event to open at; None: the first.

    The trace's texts come as base64, so none of them can end the script or be taken for HTML.
    """
    frame, style, script = _parts()
    parts = {
        "{title}": escape(title),
        "{style}": style,
        "{at}": "" if at is None else str(at),
        "{trace}": packed(events),
        "{script}": script,
    }
    before = frame
    done = []
    for mark, text in parts.items():  # each part after the one before: no text of a part is taken for a mark
        head, _, before = before.partition(mark)
        done += [head, text]
    return "".join([*done, before])


@cache
def _parts() -> tuple[str, str, str]:
    frame, *styles = [
        (FOLDER / name).read_text(encoding="utf-8") for name in ("page.html", "picture.css", "player.css")
    ]
    return frame, "".join(styles), bundle(FOLDER, "main").replace("</script", "<\\/script")
