"""A figure of matplotlib's as SVG: its lines, areas and texts, where and as they should be."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from palleto.lab.figures.svg import HATCHES, drawn

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def axes() -> Any:
    """From 0 to 10 both ways, over all of a figure of 720 times 360 points, without anything of its own."""
    figure = Figure(figsize=(10, 5), dpi=200, frameon=False)
    FigureCanvasAgg(figure)
    made = figure.add_axes((0, 0, 1, 1))
    made.set_axis_off()
    made.set(xlim=(0, 10), ylim=(0, 10))
    return made


def elements(axes: Any) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(drawn(axes.figure, "words"))
    assert axes.figure.dpi == 200, "as it was"
    return [element for element in root.iter() if element.tag in (f"{SVG}path", f"{SVG}text")]


def style(element: ElementTree.Element) -> dict[str, str]:
    return dict(part.split(":", 1) for part in (element.get("style") or "").split(";"))


def test_a_line_is_where_it_should_be(axes: Any):
    axes.plot([0, 5, 10], [10, 5, 5], color="#D55E00", linewidth=2, linestyle=(1, (4, 2)))
    (line,) = elements(axes)
    assert line.get("d") == "M0 0L360 180L720 180"
    assert line.get("clip-path") is None
    look = style(line)
    assert (look["fill"], look["stroke"], look["stroke-width"]) == ("none", "#d55e00", "2")
    assert (look["stroke-dasharray"], look["stroke-dashoffset"]) == ("8 4", "2")


def test_points_within_a_level_line_are_left_out(axes: Any):
    axes.plot([0, 1, 2, 3, 3, 4, 5], [5, 5, 5, 5, 0, 0, 5], color="#000000")
    (line,) = elements(axes)
    assert line.get("d") == "M0 180L216 180L216 360L288 360L360 180"


def test_what_is_outside_of_the_axes_is_cut_off(axes: Any):
    axes.set_position((0.5, 0.5, 0.5, 0.5))
    axes.plot([-5, 5], [5, 5])
    (line,) = elements(axes)
    name = re.fullmatch(r"url\(#(figure-.*)\)", line.get("clip-path") or "")
    assert name
    assert f'<clipPath id="{name[1]}" ><rect x="360.0" y="0.0" width="360.0" height="180.0"/>' in re.sub(
        r"figure-[0-9a-f]{8}", name[1].rsplit("-", 1)[0], drawn(axes.figure, "")
    )


@pytest.mark.parametrize("letter", HATCHES)
def test_an_area_has_its_hatch_on_its_ground(axes: Any, letter: str):
    axes.fill_between([0, 10], [0, 0], [5, 5], facecolor="#E69F00", edgecolor="#ffffff", linewidth=0, hatch=3 * letter)
    *pattern, area = elements(axes)
    assert [part.get("d") for part in pattern] == [HATCHES[letter]]
    name = style(area)["fill"]
    assert name.startswith("url(#figure-")
    svg = drawn(axes.figure, "")
    assert svg.count('style="fill:#e69f00"/>') == 1
    assert "var(--jp-layout-color0, #ffffff)" in svg


def test_an_area_that_is_seen_through(axes: Any):
    axes.fill_between([0, 10], [0, 0], [5, 5], facecolor="#0072B2", linewidth=0, alpha=0.5)
    (area,) = elements(axes)
    assert style(area)["fill"] == "color-mix(in srgb, #0072b2 50%, transparent)"


@pytest.mark.parametrize(
    ("ha", "anchor", "x"), [("left", "start", 360), ("center", "middle", 360), ("right", "end", 360)]
)
def test_a_text_is_held_where_it_is_aligned(axes: Any, ha: str, anchor: str, x: float):
    axes.text(5, 5, "a < b & c", ha=ha, fontsize=11, fontweight="bold", color="#1a1a1a")
    (text,) = elements(axes)
    assert text.text == "a < b & c"
    assert float(text.get("x") or 0) == pytest.approx(x, abs=1.5)
    assert float(text.get("y") or 0) == pytest.approx(180, abs=1)
    look = style(text)
    assert (look["text-anchor"], look["font-size"], look["font-weight"]) == (anchor, "11px", "600")
    assert look["fill"] == "var(--jp-ui-font-color1, #1a1a1a)"


def test_a_text_that_is_turned_is_held_at_its_middle(axes: Any):
    axes.text(5, 5, "events", ha="center", va="center", rotation=90, rotation_mode="anchor")
    (text,) = elements(axes)
    assert re.match(r"rotate\(-90 ", text.get("transform") or "")
    assert style(text)["text-anchor"] == "middle"
    assert float(text.get("y") or 0) == pytest.approx(180, abs=1)
