"""The sliders of the shut-down lab in JupyterLab: a learner moves the deadline, picks a rung, and opens the player."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lab_page import Notebook, until

from palleto.lab.player import Player
from palleto.lab.shutdown import roll_out

CELL = """\
from palleto.lab import figures
from palleto.lab.shutdown import ladder, sliders
sliders(ladder, figures.ends_side_by_side, deadline=[2, 10], seconds=[4])"""

BOXES = """[...document.querySelectorAll('text.name')].filter(name => / SQS.P/.test(name.textContent))
.map(name => [name.textContent, name.getBoundingClientRect().y])"""

pytestmark = pytest.mark.browser


@pytest.fixture
def book(open_notebook: Callable[..., Notebook]) -> Notebook:
    """A notebook with the sliders alone."""
    return open_notebook("ends", [CELL])


def test_a_learner_moves_the_deadline_picks_a_rung_and_opens_the_player(book: Notebook):
    book.command("notebook:run-all-cells")
    shown = book.page.locator(".jp-OutputArea-output:has(select)").last
    shown.wait_for()
    title = shown.locator("svg[role=img]")
    none = "drain and give back none"
    until(lambda: none in str(title.get_attribute("aria-label")), "the picture of the first deadline")
    shown.locator(".widget-slider:has(label:text-is('deadline')) .noUi-handle").press("ArrowRight")
    until(lambda: "flight, drain none" in str(title.get_attribute("aria-label")), "the picture of the other deadline")

    shown.locator("select").select_option(label="kill -9")
    shown.get_by_text("The process vanishes").wait_for()
    frame = shown.locator("iframe.palleto-player")
    assert not frame.is_visible()
    shown.get_by_role("button", name="Show me the moment of its end").click()
    frame.content_frame.locator("#player[aria-busy=false]").wait_for()
    frame.content_frame.get_by_text("the worker is ended: kill -9").first.wait_for()
    assert book.complaints == []


def test_the_player_of_several_workers_draws_each_at_a_place_of_its_own(opened: Any, tmp_path: Path):
    trace = roll_out("kill -9", seconds=40, deploys=1).trace
    page = opened(Player(trace, trace[len(trace) // 2]).save(tmp_path / "t.html").as_uri(), 1280, "light")
    boxes = page.evaluate(BOXES)
    assert sorted(name.partition(" SQS")[0] for name, _ in boxes) == ["worker 1", "worker 2", "worker 3"]
    assert len({y for _, y in boxes}) == 3
