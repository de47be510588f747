"""The panels: valid SVG that fits, whose numbers are the scene's, and which says in words what it shows."""

from __future__ import annotations

import itertools
import re
from typing import Any
from xml.etree import ElementTree

import pytest

from palleto.lab import figures
from palleto.lab.dashboard.panels import PANELS, demand, loops, queue, throughput
from palleto.lab.dashboard.panels.svg import PALETTE, clip, divisions, nice, number, plural
from palleto.lab.dashboard.snapshot import Snapshot, Words, status_line
from palleto.replay.scene import Scene
from palleto.trace import TraceEvent

SVG = "{http://www.w3.org/2000/svg}"


def scene_of(trace: Any, until: float = float("inf")) -> Scene:
    scene = Scene()
    for event in trace:
        if event.t <= until:
            scene.add(event)
    return scene


SCENES: dict[int, Scene] = {}
"""Of step 5 for a minute and of step 9: each is played once, and its scene only looked at."""


@pytest.fixture
def five(play: Any) -> Scene:
    if 5 not in SCENES:
        SCENES[5] = scene_of(play(5).trace, until=60)
    return SCENES[5]


@pytest.fixture
def nine(play: Any) -> Scene:
    if 9 not in SCENES:
        SCENES[9] = scene_of(play(9, files=40, pipelines=12).trace)
    return SCENES[9]


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def heights(d: str) -> list[float]:
    """Where the line of a path goes, from the top."""
    return [float(found) for found in re.findall(r"(?:M\S+ |V)([\d.]+)", d)]


def numbers(d: str) -> list[float]:
    return [float(found) for found in re.findall(r"-?\d+\.?\d*(?:e[+-]?\d+)?", d)]


@pytest.mark.parametrize("name", PANELS)
@pytest.mark.parametrize("width", [500, 800])
@pytest.mark.parametrize("which", ["empty", "five", "nine"])
def test_a_panel_is_an_image_that_fits_and_says_what_it_shows(
    name: str, width: int, which: str, request: pytest.FixtureRequest
):
    scene = Scene() if which == "empty" else request.getfixturevalue(which)
    canvas = PANELS[name](scene, width)
    root = ElementTree.fromstring(canvas.svg())
    assert root.get("role") == "img"
    assert root.get("aria-label") == f"{canvas.title}: {canvas.words}"
    assert len(canvas.words) > 10
    assert root.find(f"{SVG}title").text == canvas.title  # type: ignore[union-attr]
    assert root.get("viewBox") == f"0 0 {width} 226"
    for element in root.iter():
        if "x" in element.attrib:
            x, y = float(element.attrib["x"]), float(element.attrib["y"])
            length = float(element.get("width", "0"))
            assert -1 <= x <= x + length <= width + 1
            assert 0 <= y <= 226
        if element.tag == f"{SVG}text":
            style = (element.get("class") or "").split()
            long = (6.1 if "s" in style else 6.6) * len(element.text or "")  # about what a letter takes, on average
            end = x if "e" in style else x + long / (2 if "c" in style else 1)
            assert end <= width + 2, element.text
    assert "nan" not in canvas.svg()
    assert "var(--jp-ui-font-color1,#222)" in canvas.svg(), "the theme's colours, with a fallback"


def test_demand_shows_the_scenes_numbers_and_its_bands_add_up(five: Scene):
    shown = texts(demand(five).svg())
    for one in five.current:
        at = shown.index(one.consumer)
        assert shown[at + 1 : at + 4] == [str(one.asked), str(one.delivered), str(one.outstanding)]
    at = shown.index("together")
    assert shown[at + 1 : at + 4] == ["30", "16", "14"]
    assert "━━ SQS.Producer remembers 14, has 0 in its buffer" in shown
    assert "remembers demand for 14 events" in demand(five).words
    root = ElementTree.fromstring(demand(five).svg())
    bands = [heights(path.get("d", "")) for path in root.iter(f"{SVG}path") if path.get("fill") in PALETTE]
    (line,) = [heights(path.get("d", "")) for path in root.iter(f"{SVG}path") if path.get("class") == "l"]
    assert len(bands) == 3
    assert min(bands[0]) == min(line) == 56  # the top of the plot: thirty events
    assert min(bands[0]) < min(bands[1]) < min(bands[2]), "each covers what is below it, and not all of it"


def test_many_subscriptions_share_a_row(nine: Scene):
    shown = texts(demand(nine).svg())
    assert shown.count("6 more") == 1
    assert "inside (12)" in shown
    assert "5 more: " in " ".join(texts(throughput(nine).svg()))


def test_loops_show_how_they_ended(five: Scene):
    shown = texts(loops(five).svg())
    assert "3 started, 2 killed, 1 running" in shown
    assert sum(text.startswith("killed, ") for text in shown) == 2
    assert "running, 13 runs" in shown
    root = ElementTree.fromstring(loops(five).svg())
    crosses = [path for path in root.iter(f"{SVG}path") if path.get("class") == "x"]
    ticks = next(path for path in root.iter(f"{SVG}path") if path.get("class") == "t")
    assert len(crosses) == 2
    assert ticks.get("d", "").count("M") == 12  # the first run is the start of the bar


def test_of_many_loops_the_last_are_shown(nine: Scene):
    shown = texts(loops(nine).svg())
    assert f"the last 9 of {nine.loops_started}; a tick for each run" in shown
    assert nine.loops[-1].label in shown
    assert nine.loops[0].label not in shown


def test_throughput_shows_the_scenes_numbers(five: Scene, nine: Scene):
    shown = texts(throughput(five).svg())
    for group in five.groups.values():
        at = shown.index(group.name)
        assert shown[at + 1] == str(group.consumed.total)
    assert "40 events consumed, 40 files written" in " ".join(texts(throughput(nine).svg()))
    assert "Pipeline1 4" in throughput(nine).words or "Pipeline1 3" in throughput(nine).words


@pytest.mark.parametrize("period", [0.1, 0.25, 0.7, 1.0, 3.0])
@pytest.mark.parametrize("seconds", [5, 17, 60, 299])
def test_a_steady_rate_is_drawn_as_that_rate(period: float, seconds: int):
    scene = Scene()
    batches = int(seconds / period)
    for batch in range(1, batches + 1):
        scene.add(TraceEvent(0, batch * period, "C", "handled", ids=tuple("0123456789"), data={"last": True}))
    root = ElementTree.fromstring(throughput(scene).svg())
    (path,) = [path for path in root.iter(f"{SVG}path") if path.get("fill") in PALETTE]
    bars = [numbers(bar) for bar in path.get("d", "").split("z")[:-1]]  # left, bottom, top, right, bottom
    most = next(float(text.text or "") for text in root.iter(f"{SVG}text") if text.get("y") == "60")
    whole = [(bottom - top) / 134 * most for _, bottom, top, _, _ in bars[:-1]]  # the last one still grows
    assert whole == pytest.approx([10 / period] * len(whole), rel=0.01)
    assert all(after[0] - before[3] < 1.2 for before, after in itertools.pairwise(bars)), "no gaps"


def test_the_queue_adds_up():
    scene = Scene()
    for ids, state in [("abcd", "deleted"), ("ef", "in_flight"), ("ghi", "visible"), ("j", "dead_lettered")]:
        for name in ids:
            scene.add(TraceEvent(0, 0.0, "", "message", ids=(name,), data={"state": state, "until": None}))
    canvas = queue(scene)
    root = ElementTree.fromstring(canvas.svg())
    bars = [float(rect.get("width", "")) + 1 for rect in root.iter(f"{SVG}rect") if rect.get("height") == "16"]
    assert sum(bars) == pytest.approx(500, abs=0.5)
    assert [round(bar / 50) for bar in bars] == [4, 2, 3, 1]
    assert {"4 deleted", "2 in flight", "3 visible", "1 dead-lettered"} <= set(texts(canvas.svg()))
    assert canvas.words.startswith("4 deleted, 2 in flight, 3 visible, 1 dead-lettered, 10 in all")
    assert "10 messages, 0 SQS requests" in texts(canvas.svg())


def test_what_a_file_costs_is_the_same_in_the_panel_and_in_the_figure(play: Any):
    trace = play(9, files=12).trace
    cost = next(text for text in texts(queue(scene_of(trace)).svg()) if text.startswith("13 messages, "))
    assert cost.removeprefix("13 messages, ") in figures.requests_per_file({3: trace}).palleto_title


def test_the_words_of_files_and_stages_are_escaped():
    scene = Scene()
    for kind in ("subscribe", "down", "subscribe"):
        scene.add(TraceEvent(0, 0, 'P<"&', kind, "C<&>'"))
    for draw in PANELS.values():
        ElementTree.fromstring(draw(scene).svg())


def test_a_snapshot_is_one_picture_and_its_words(five: Scene):
    snapshot = Snapshot("ended & done", [demand(five), loops(five)])
    root = ElementTree.fromstring(snapshot._repr_svg_())
    assert len(root.findall(f"{SVG}g")) == 2
    assert "consumer #4 asked 10" in (root.get("aria-label") or "")
    assert repr(snapshot).splitlines()[0] == "ended & done"
    assert "In words" in snapshot._repr_html_()


def test_a_long_status_line_of_a_snapshot_is_broken(five: Scene):
    status = "ended · 11 s · 24 events · 24 files · 25 deleted messages · simulated, because it was named · and more"
    shown = texts(Snapshot(status, [demand(five)])._repr_svg_())
    assert " ".join(shown[:2]) == status


def test_small_words():
    assert [plural(n, "event") for n in (0, 1, 1000)] == ["0 events", "1 event", "1,000 events"]
    assert plural(2, "crash") == "2 crashes"
    assert [number(n) for n in (3.0, 0.25, 1234.5)] == ["3", "0.2", "1,234"]
    assert clip("Pipeline12", 6) == "Pipel…"
    assert repr(Words("a\nb")) == "a\nb"
    assert status_line("running", 1.25, 5, [(2, "file")], "here") == "running · 1.2 s · speed 5 · 2 files · here"


def test_axes_are_round_and_calm():
    assert [nice(v) for v in (0, 1, 2.1, 5, 9, 117, 1e9)] == [1, 1, 3, 6, 10, 150, 1e9]
    assert [nice(v, 0.2) for v in (0, 0.3, 0.7, 1.2)] == [0.2, 0.4, 0.8, 2]
    for end in (1, 2, 3, 4, 6, 8, 10, 15, 20, 30, 150, 600, 0.4):
        assert end / divisions(end) == pytest.approx(round(end / divisions(end), 1), abs=1e-9)
    assert len({nice(v / 10) for v in range(1, 10_000)}) < 30
