"""A scene in words and as one picture: for those who cannot see the panels, and where no widget is shown."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from textwrap import wrap

from palleto.lab.dashboard.panels.svg import STYLE, Canvas, number, plural, xy

GAP = 28.0


class Words(str):
    """A text that a notebook shows as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Snapshot:
    """All panels as one picture, made at one moment: as SVG, as HTML, and in words."""

    def __init__(self, status: str, canvases: Sequence[Canvas]) -> None:
        self.status = status
        self.canvases = list(canvases)

    def __repr__(self) -> str:
        return "\n".join([self.status, *(f"{canvas.title}: {canvas.words}" for canvas in self.canvases)])

    def _repr_svg_(self) -> str:
        width = max((canvas.width for canvas in self.canvases), default=0)
        lines = wrap(self.status, int(width / 6.6)) or [""]  # about what a letter takes
        status = "".join(
            f'<text x="16" y="{24 + 18 * n}" class="m">{escape(line)}</text>' for n, line in enumerate(lines)
        )
        y, groups = 22.0 + 18 * len(lines), []
        for canvas in self.canvases:
            groups.append(f'<g transform="translate(16 {xy(y)})">{canvas.inner()}</g>')
            y += canvas.height + GAP
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="plt" role="img" aria-label="{escape(repr(self))}" '
            f'viewBox="0 0 {xy(width + 32)} {xy(y)}" width="{xy(width + 32)}"><title>{escape(self.status)}</title>'
            f'<style>{STYLE}</style><rect width="100%" height="100%" style="fill:var(--jp-layout-color0,#fff)"/>'
            f"{status}{''.join(groups)}</svg>"
        )

    def _repr_html_(self) -> str:
        words = escape(repr(self)).replace("\n", "<br>")
        caption = f"<figcaption><details><summary>In words</summary>{words}</details></figcaption>"
        return f"<figure>{self._repr_svg_()}{caption}</figure>"


def status_line(state: str, seconds: float, speed: float, totals: Sequence[tuple[int, str]], place: str) -> str:
    """Where the run is, in one line."""
    parts = [
        state,
        f"{number(round(seconds, 1))} s",
        f"speed {speed:g}",
        *(plural(n, noun) for n, noun in totals),
    ]
    return " · ".join([*parts, place] if place else parts)
