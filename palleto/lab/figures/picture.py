"""A matplotlib figure that says in words what it shows, and the look that all closing figures share.

Nothing here touches pyplot or the global settings of matplotlib, so figures may be made in any thread, and a learner's
own style does not change them. It is shown as SVG (`svg.py`): ink, grid and paper are those of the page's theme, and
the colours of the data are told from light and from dark paper alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

from palleto.lab.extra import required
from palleto.lab.figures.svg import drawn
from palleto.lab.figures.theme import GRID, INK, PAPER, QUIET

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:
    Figure = required("matplotlib.figure").Figure

BLUE, VERMILLION, GREEN, ORANGE = "#137cc0", "#D55E00", "#009E73", "#E69F00"
SKY, PURPLE, YELLOW = "#56B4E9", "#CC79A7", "#F0E442"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION)
"""Okabe and Ito's colours, without black (for totals) and yellow, which is too pale on white; blue is a bit lighter."""
LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "+++", "ooo")
DPI = 144
"""Dots an inch, for who saves a figure as an image of dots."""


class Picture(Figure):
    """A figure with a headline and words for those who cannot see it, which shows itself in a notebook.

    `palleto_alt` is what the figure shows, in sentences; it goes with the image wherever it is shown.
    """

    def __init__(self, width: float = 9.0, height: float = 4.8) -> None:
        super().__init__(figsize=(width, height), dpi=DPI, facecolor=PAPER)
        required("matplotlib.backends.backend_agg").FigureCanvasAgg(self)
        self.set_layout_engine("constrained", wspace=0.06, hspace=0.04)
        self.palleto_title = ""
        self.palleto_alt = ""

    def say(self, title: str, alt: str) -> Picture:
        """Set the headline above the figure, and the words in place of it."""
        self.palleto_title = title
        self.palleto_alt = f"{title}. {alt}"
        broken = fill(title, int(self.get_figwidth() * 8.6))
        self.suptitle(broken, x=0.012, ha="left", fontsize=13.5, fontweight="bold", color=INK)
        return self

    def panels(self, *heights: float, across: int = 1, share: bool = True) -> list[Axes]:
        """Axes below each other, of these relative heights and with one time axis; or `across` beside each other."""
        ratios = {"height_ratios": heights} if heights else None
        grid = self.subplots(
            max(1, len(heights)), across, sharex=share and across == 1, squeeze=False, gridspec_kw=ratios
        )
        axes: list[Axes] = list(grid.flat)
        for each in axes:
            dress(each)
        return axes

    def svg(self) -> str:
        """The figure as an SVG element, with its words; it follows the theme of the page that it is put into."""
        return drawn(self, self.palleto_alt)

    def __repr__(self) -> str:
        return f"<Figure: {self.palleto_alt}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": self.palleto_alt, "text/html": self.svg()}


def dress(axes: Axes) -> None:
    """Take away what says nothing, and set every colour, whatever the learner's own style is."""
    axes.set_facecolor(PAPER)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(QUIET)
    axes.tick_params(colors=QUIET, labelsize=10, labelcolor=INK)
    axes.grid(visible=True, axis="both", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.margins(x=0.01)


def label(axes: Axes, *, x: str = "", y: str = "", title: str = "") -> None:
    """Name the axes, with their units, and the panel."""
    if x:
        axes.set_xlabel(x, fontsize=10.5, color=INK)
    if y:
        axes.set_ylabel(y, fontsize=10.5, color=INK)
    if title:
        axes.set_title(title, loc="left", fontsize=11, color=INK, pad=7)


_LEGEND: dict[str, Any] = {
    "frameon": False, "fontsize": 10, "labelcolor": INK, "handlelength": 2.6, "handleheight": 1.1,
}  # fmt: skip


def legend(axes: Axes, handles: Sequence[Any] | None = None) -> None:
    """The legend, beside the data, never on it."""
    if handles is None:
        handles = axes.get_legend_handles_labels()[0]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0, **_LEGEND)


def legend_of_all(picture: Picture, handles: Sequence[Any], *, below: bool = False) -> None:
    """One legend for all panels, on their right or below them."""
    columns = min(4, len(handles)) if below else 1 if len(handles) <= 16 else 2
    picture.legend(
        handles=handles, loc="outside lower center" if below else "outside right upper", ncols=columns, **_LEGEND
    )


def whole_numbers(axes: Axes, which: str = "y") -> None:
    """Ticks at whole numbers, from zero on."""
    locator = required("matplotlib.ticker").MaxNLocator(integer=True, nbins=6, steps=[1, 2, 5, 10], min_n_ticks=1)
    (axes.yaxis if which == "y" else axes.xaxis).set_major_locator(locator)


def colour(number: int) -> str:
    """The colour of the line or area with that number, from 0."""
    return COLOURS[number % len(COLOURS)]


def stroke(number: int) -> dict[str, Any]:
    """Colour and line style of that number: no two of the first thirty are alike."""
    return {"color": colour(number), "linestyle": LINES[(number + number // len(COLOURS)) % len(LINES)]}


def nothing(words: str) -> Picture:
    """The figure of a run that has nothing to show yet."""
    picture = Picture(7.0, 1.4)
    picture.set_layout_engine("none")  # there is nothing to lay out
    picture.say("Nothing to show yet", words)
    picture.text(0.012, 0.35, words, fontsize=11, color=INK)
    return picture


def pipeline_of(stage: str) -> str:
    """What a learner calls a stage: Pipeline1Consumer and Pipeline1ProducerConsumer are parts of Pipeline1."""
    match = re.fullmatch(r"(.*\d)(Producer)?Consumer", stage)
    return match[1] if match else f"consumer {stage}" if stage.startswith("#") else stage


def seconds(value: float) -> str:
    """A time in words: whole seconds where they say enough."""
    return f"{value:.0f} s" if value >= 20 or value == int(value) else f"{value:.1f} s"


def counted(number: int, thing: str) -> str:
    """A number and what it counts: "1 loop", "3 loops", "no loops"."""
    return f"{number or 'no'} {thing}{'' if number == 1 else 's'}"
