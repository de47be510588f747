"""A figure as SVG whose text is text and whose inks are those of the page around it: JupyterLab's theme, or a page's.

`drawn(figure, words)` has matplotlib draw on a renderer of its own kind, as its documentation lays out for a new
backend. Nothing global of matplotlib's is changed, so figures may be made in any thread.
"""

from __future__ import annotations

import math
import secrets
from html import escape
from typing import TYPE_CHECKING, Any

from palleto.lab.extra import required
from palleto.lab.figures.theme import INKS

if TYPE_CHECKING:
    from matplotlib.backend_bases import GraphicsContextBase, RendererBase
    from matplotlib.figure import Figure
else:
    RendererBase = required("matplotlib.backend_bases").RendererBase

MOVE, LINE, CURVE3, CURVE4, CLOSE = 1, 2, 3, 4, 79
"""matplotlib's codes of a path's segments."""
TILE = 7
"""The width and height of a hatch's tile."""
HATCHES = {
    "/": "M-1 1L1 -1M0 7L7 0M6 8L8 6",
    "\\": "M-1 6L1 8M0 0L7 7M6 -1L8 1",
    "x": "M0 0L7 7M0 7L7 0",
    "+": "M3.5 0V7M0 3.5H7",
    ".": "M3.5 2.3a1.2 1.2 0 1 0 .01 0z",
    "o": "M3.5 1.5a2 2 0 1 0 .01 0z",
}
"""The first letter of a hatch of matplotlib's, as a path in a tile that repeats."""
LETTERS = {MOVE: "M", LINE: "L", CURVE3: "Q", CURVE4: "C"}


def drawn(figure: Figure, words: str) -> str:
    """The figure as an SVG element, a unit a point, at most as wide as the page. `words`: for who cannot see it.

    Its ids are its own: they are others each time it is drawn.
    """
    width, height = (inches * 72 for inches in figure.get_size_inches())
    renderer = Drawing(width, height)
    usual, figure.dpi = figure.dpi, 72
    try:
        figure.draw(renderer)
    finally:
        figure.dpi = usual
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(words)}" '
        f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        'style="max-width: 100%; height: auto; font-family: var(--jp-ui-font-family, system-ui, sans-serif)">'
        f"{''.join(renderer.parts)}</svg>"
    )


class Drawing(RendererBase):
    """Collects the elements of an SVG: what a figure draws on."""

    def __init__(self, width: float, height: float) -> None:
        super().__init__()
        self.width, self.height = width, height
        self.parts: list[str] = []
        self._name = f"figure-{secrets.token_hex(4)}"
        self._defined: dict[object, str] = {}

    def get_canvas_width_height(self) -> tuple[float, float]:
        return self.width, self.height

    def points_to_pixels(self, points: Any) -> Any:
        return points  # a unit is a point

    def flipy(self) -> bool:
        return True

    def draw_path(self, gc: GraphicsContextBase, path: Any, transform: Any, rgbFace: Any = None) -> None:  # noqa: N803
        """A line, an area, or both."""
        if not self._seen(gc, rgbFace):
            return
        d, box = self._outline(path, transform)
        if not d:
            return
        fill = "none" if rgbFace is None else _css(rgbFace)
        if hatch := gc.get_hatch():
            fill = f"url(#{self._hatch(hatch[0], _css(gc.get_hatch_color()), fill)})"
        look = ";".join([f"fill:{fill}", *self._strokes(gc)])
        self.parts.append(f'<path d="{d}" style="{look}"{self._clip(gc, box)}/>')

    def draw_text(
        self, gc: GraphicsContextBase, x: float, y: float, s: str, prop: Any, angle: float, ismath: Any = False,
        mtext: Any = None,
    ) -> None:  # fmt: skip
        """A line of text, held where it is aligned: a browser's letters are not as wide as matplotlib's."""
        align = "left" if mtext is None else mtext.get_horizontalalignment()
        share, anchor = {"center": (0.5, "middle"), "right": (1.0, "end")}.get(align, (0.0, "start"))
        along = share * self.get_text_width_height_descent(s, prop, ismath=False)[0]
        x, y = x + along * math.cos(math.radians(angle)), y - along * math.sin(math.radians(angle))
        turned = f' transform="rotate({-angle:g} {x:.1f} {y:.1f})"' if angle else ""
        bold = ";font-weight:600" if prop.get_weight() in ("bold", "semibold", 600, 700) else ""
        look = f"font-size:{prop.get_size_in_points():g}px;fill:{_css(gc.get_rgb())};text-anchor:{anchor}{bold}"
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}"{turned} style="{look}">{escape(s)}</text>')

    # ---- the parts of an element

    @staticmethod
    def _seen(gc: GraphicsContextBase, fill: Any) -> bool:
        return bool(fill is not None or gc.get_hatch() or (gc.get_linewidth() and gc.get_rgb()[3]))

    def _outline(self, path: Any, transform: Any) -> tuple[str, tuple[float, float, float, float]]:
        """The `d` of a path, and the box around its points; those within a line that goes level are left out."""
        parts: list[str] = []
        xs, ys = [], []
        before: list[str] = []  # the y of the two points before, if a line leads to each
        for points, code in path.iter_segments(transform, simplify=False, snap=False):
            if code == CLOSE:
                parts.append("Z")
                before = []
                continue
            xs += points[::2].tolist()
            ys += points[1::2].tolist()
            at = [f"{value:.1f}".removesuffix(".0") for value in points]
            at[1::2] = [f"{self.height - value:.1f}".removesuffix(".0") for value in points[1::2]]
            if code != LINE:
                before = []
            elif before == [at[1]] * 2:
                parts.pop()
            before = [*before[-1:], at[-1]]
            parts.append(LETTERS[int(code)] + " ".join(at))
        return "".join(parts), (min(xs, default=0), min(ys, default=0), max(xs, default=0), max(ys, default=0))

    def _strokes(self, gc: GraphicsContextBase) -> list[str]:
        if not gc.get_linewidth() or not gc.get_rgb()[3]:
            return []
        look = [f"stroke:{_css(gc.get_rgb())}", f"stroke-width:{gc.get_linewidth():g}"]
        dashes: Any
        offset, dashes = gc.get_dashes()
        if dashes is not None:
            pattern = " ".join(f"{dash:g}" for dash in dashes)
            look += [f"stroke-dasharray:{pattern}", f"stroke-dashoffset:{offset:g}"]
        return [*look, "stroke-linejoin:round"]

    def _clip(self, gc: GraphicsContextBase, box: tuple[float, float, float, float]) -> str:
        """The attribute that cuts off what is outside of the axes; empty if nothing is."""
        frame = gc.get_clip_rectangle()
        if frame is None:
            return ""
        x0, y0, x1, y1 = frame.extents
        if box[0] > x0 - 1 and box[1] > y0 - 1 and box[2] < x1 + 1 and box[3] < y1 + 1:
            return ""
        place = f'x="{x0:.1f}" y="{self.height - y1:.1f}" width="{x1 - x0:.1f}" height="{y1 - y0:.1f}"'
        return f' clip-path="url(#{self._define("clipPath", f"<rect {place}/>")})"'

    def _hatch(self, letter: str, ink: str, fill: str) -> str:
        """The id of the pattern on its ground; how densely matplotlib would draw it does not count."""
        look = f"fill:{ink}" if letter == "." else f"stroke:{ink};fill:none"
        size = f'width="{TILE}" height="{TILE}" patternUnits="userSpaceOnUse"'
        ground = f'<rect width="{TILE}" height="{TILE}" style="fill:{fill}"/>'
        return self._define("pattern", f'{ground}<path d="{HATCHES[letter]}" style="{look}"/>', size)

    def _define(self, kind: str, content: str, attributes: str = "") -> str:
        """The id of a definition, which is written down once."""
        name = self._defined.get((kind, content))
        if name is None:
            name = self._defined[kind, content] = f"{self._name}-{len(self._defined)}"
            self.parts.append(f'<defs><{kind} id="{name}" {attributes}>{content}</{kind}></defs>')
        return name


def _css(colour: Any) -> str:
    """A colour of matplotlib's in CSS."""
    name = "#" + "".join(f"{round(part * 255):02x}" for part in colour[:3])
    found = INKS.get(name, name)
    opacity = colour[3] if len(colour) > 3 else 1.0
    return found if opacity == 1 else f"color-mix(in srgb, {found} {opacity:.0%}, transparent)"
