"""Drawing: a canvas that collects SVG, a plot with its axes, and colours that the colour-blind can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from palleto.errors import one_line
from palleto.lab.html import RED

WIDTH = 500
"""Width of a panel in units of its own; it is scaled to the width that there is."""

COLUMN = 3
"""Width of a plot's column, over which a value is averaged."""

# Okabe and Ito's colours, blue a bit lighter, to be seen on dark; yellow comes last, as it is faint on white.
PALETTE = ("#137cc0", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")

STYLE = (
    ".plt text{font:13px var(--jp-ui-font-family,system-ui,sans-serif);fill:var(--jp-ui-font-color1,#222)}"
    ".plt .h{font-size:16px;font-weight:600}.plt .m{fill:var(--jp-ui-font-color2,#5a5a5a)}"
    ".plt .s{font-size:12px}.plt .b{font-weight:600}"
    ".plt .e{text-anchor:end}.plt .c{text-anchor:middle}.plt .n{font-variant-numeric:tabular-nums}"
    ".plt .g{stroke:var(--jp-border-color2,#ddd);fill:none;shape-rendering:crispEdges}"
    ".plt .a{stroke:var(--jp-border-color1,#aaa);fill:none;shape-rendering:crispEdges}"
    ".plt .l{stroke:var(--jp-ui-font-color1,#222);fill:none;stroke-width:2}"
    ".plt .d{stroke-dasharray:2 3}"
    ".plt .p{stroke:var(--jp-ui-font-color2,#5a5a5a);fill:none;stroke-width:1}"
    ".plt .k{fill:var(--jp-layout-color2,#eee)}"
    ".plt .t{stroke:var(--jp-layout-color0,#fff);stroke-width:1.5;fill:none}"
    f".plt .x{{stroke:{RED};stroke-width:2.5;fill:none}}"
)


def color(index: int) -> str:
    """The colour of the thing of that number; they repeat after seven."""
    return PALETTE[index % len(PALETTE)]


def number(value: float) -> str:
    """A number as a reader wants it: whole with commas, else with one decimal."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}"


def plural(count: int, noun: str) -> str:
    """`1 event`, `2 events`, `1,000 events`."""
    return f"{count:,} {noun}{'' if count == 1 else 'es' if noun.endswith('sh') else 's'}"


def nice(value: float, least: float = 1) -> float:
    """The next number from `value` and `least` up that makes a calm axis; it changes rarely while `value` grows."""
    for base in (1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000):
        for tenths in (2, 4, 6, 8, 10, 15, 20, 30, 40, 60, 80):
            found = tenths * base / 10
            if found >= max(value, least) and (base == 1 or tenths >= 10) and tenths * base != 15:
                return found
    return value


def divisions(end: float) -> int:
    """Into how many equal and round parts a `nice` number is divided."""
    return {"1": 5, "2": 4, "3": 3, "4": 4, "6": 3, "8": 4}[f"{end:e}"[0]] if f"{end:e}"[:3] != "1.5" else 3


def named(label: str) -> str:
    """What a consumer is called: by its name, or by its id."""
    return f"consumer {label}" if label.startswith("#") else label


def clip(text: str, most: int) -> str:
    """The text, at most `most` characters of it."""
    return text if len(text) <= most else text[: most - 1] + "…"


def xy(value: float) -> str:
    """A coordinate, short."""
    return f"{value:.4g}"


class Canvas:
    """Collects the elements of one panel. `words` says in words what the picture shows."""

    def __init__(self, title: str, width: float = WIDTH) -> None:
        self.title = title
        self.width = width
        self.height = 0.0
        self.words = ""
        self._parts: list[str] = []

    def text(self, x: float, y: float, text: object, style: str = "") -> None:
        """A line of text whose baseline begins (or ends, style "e") at (x, y)."""
        kind = f' class="{style}"' if style else ""
        self._parts.append(f'<text x="{x:.4g}" y="{y:.4g}"{kind}>{escape(one_line(str(text)))}</text>')

    def rect(self, x: float, y: float, width: float, height: float, fill: str = "", style: str = "") -> None:
        """A rectangle, not narrower than a visible line."""
        look = f' class="{style}"' if style else f' fill="{fill}"'
        box = f'x="{x:.4g}" y="{y:.4g}" width="{width:.4g}" height="{height:.4g}"'
        self._parts.append(f'<rect {box} rx="1.5"{look}/>')

    def path(self, d: str, style: str = "", fill: str = "") -> None:
        """A path, by its `d`."""
        look = (f' class="{style}"' if style else "") + (f' fill="{fill}"' if fill else "")
        self._parts.append(f'<path d="{d}"{look}/>')

    def header(self, subtitle: str) -> None:
        """The panel's title, and the one sentence beside it."""
        self.text(0, 18, self.title, "h")
        self.text(self.width, 18, subtitle, "m e n")

    def inner(self) -> str:
        """The elements, to be put into another SVG."""
        return "".join(self._parts)

    def svg(self) -> str:
        """The whole picture."""
        label = quoteattr(f"{self.title}: {self.words}")
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="plt" role="img" aria-label={label} '
            f'viewBox="0 0 {xy(self.width)} {xy(self.height)}" width="100%" style="display:block;max-width:600px">'
            f"<title>{escape(self.title)}</title><style>{STYLE}</style>{self.inner()}</svg>"
        )


class Plot:
    """A plot of run time (0 to `end` seconds) against 0 to `top`, in a box of (x, y, width, height)."""

    def __init__(self, canvas: Canvas, box: tuple[float, float, float, float], end: float, top: float) -> None:
        self.canvas = canvas
        self.x, self.y, self.width, self.height = box
        self.end, self.top = end, top
        bottom = self.y + self.height
        grid = ""
        count = 3 if top % 2 and not top % 3 else 2  # whole numbers: there are no half events
        for value in (top * (i + 1) / count for i in range(count)):
            if round(value, 1) == value:
                grid += f"M{xy(self.x)} {xy(self.up(value))}h{xy(self.width)}"
                canvas.text(self.x - 6, self.up(value) + 4, number(value), "s m e n")
        canvas.text(self.x - 6, bottom + 4, "0", "s m e")
        canvas.path(grid, "g")
        time_axis(canvas, self.x, bottom, self.width, end)

    def up(self, value: float) -> float:
        """Where a value is."""
        return self.y + self.height * (1 - min(1.0, value / self.top))

    def stack(self, bands: Sequence[tuple[Sequence[float], str]], now: float) -> None:
        """Areas on top of each other, the first one on top, up to `now`; each a value a column, and a colour.

        Each goes down to the axis, and the ones below are drawn over it: half as much to send as areas between lines.
        """
        areas: list[tuple[str, str]] = []
        below: Sequence[float] = ()
        for values, fill in reversed(bands):
            if any(values):
                below = [a + b for a, b in zip(below, values, strict=True)] if below else values
                areas.append((self._steps(below, now), fill))
        bottom = f"V{xy(self.y + self.height)}H{int(self.x)}Z"
        for steps, fill in reversed(areas):
            self.canvas.path(steps + bottom, fill=fill)

    def line(self, values: Sequence[float], now: float, style: str) -> None:
        """A line up to `now`."""
        self.canvas.path(self._steps(values, now), style)

    def _steps(self, values: Sequence[float], now: float) -> str:
        """The line along the values up to `now`, which goes level within each column."""
        done = min(len(values), int(now / self.end * len(values)) + 1)
        x, base, scale = int(self.x), self.y + self.height + 0.5, self.height / self.top
        heights = [int(base - value * scale) for value in values[:done]]
        last = heights[0]
        made = f"M{x} {last}"
        for height in heights:
            if height != last:
                made += f"H{x}V{height}"
                last = height
            x += COLUMN
        return f"{made}H{x}"


def time_axis(canvas: Canvas, x: float, y: float, width: float, end: float, start: float = 0.0) -> None:
    """A line at `y` with moments from `start` to `end` below it; `end - start` is a `nice` number."""
    count = divisions(end - start)
    if (count == 5 and width < 230) or (count == 4 and width < 160):
        count = 2
    canvas.path(
        f"M{xy(x)} {xy(y)}H{xy(x + width)}"
        + "".join(f"M{xy(x + width * i / count)} {xy(y)}v4" for i in range(count + 1)),
        "a",
    )
    for i in range(count + 1):
        style = "s m n" if i == 0 else "s m n e" if i == count else "s m n c"
        t = round(start + (end - start) * i / count, 1)
        canvas.text(x + width * i / count, y + 17, f"{number(t)} s" if i == count else number(t), style)
