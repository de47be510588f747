"""The overload lab in JupyterLab: a learner predicts, runs, opens the player, and moves the slider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lab_page import Notebook, until

CELLS = (
    "from palleto.lab import Experiment, ask, evidence, figures, tell, vary\n"
    "from palleto.lab.overload import bounded, demand, shedding, unbounded\n"
    "ways = {'unbounded': unbounded, 'bounded': bounded, 'shedding': shedding, 'demand': demand}\n"
    "runs = {name: Experiment(way, virtual=True, seconds=65) for name, way in ways.items()}\n"
    "ask('lab4.soonest', of=runs)",
    "for run in runs.values():\n    run.start().join()\nfigures.overload_over_time(runs)",
    "tell('{} dropped, the last one at {} s', evidence.tally(runs['shedding'], kind='dropped'),\n"
    "     evidence.last(runs['shedding'], kind='dropped'), of=runs)",
    "vary('files a second', [5, 20], lambda rate: Experiment(lambda: demand(rate), virtual=True, seconds=65),\n"
    "     lambda run: figures.overload_over_time({'demand': run}))",
)

pytestmark = pytest.mark.browser


@pytest.fixture
def book(open_notebook: Callable[..., Notebook]) -> Notebook:
    """A notebook with one question of the lab, its four runs, a sentence and a slider."""
    return open_notebook("overload", CELLS)


def place(frame: Any) -> str:
    """Where a player is, once it is open."""
    frame.content_frame.locator("#player[aria-busy=false]").wait_for()
    return str(frame.content_frame.locator(".place").text_content())


def test_a_learner_predicts_runs_and_opens_the_player(book: Notebook):
    book.command("notebook:run-all-cells")
    until(book.idle, "all cells to have run")

    question = book.page.locator(".widget-vbox:has(> .widget-radio)")
    for choice, said in (("bounded", "not bounded. Look at the lowest panels"), ("shedding", "right: shedding.")):
        question.get_by_label(choice, exact=True).check()
        question.get_by_role("button", name="Check").click()
        question.get_by_text(said).wait_for()
    question.get_by_role("button", name="Show me").click()
    until(lambda: not place(question.locator("iframe.palleto-player")).startswith("0 of "), "the deciding event")

    figure = book.page.locator("svg[aria-label*='unbounded'][aria-label*='demand']").first
    until(lambda: figure.bounding_box()["width"] > 400, "a figure that can be read")
    told = book.page.locator(".palleto-links:has-text('dropped, the last one at')")
    told.get_by_role("button").last.click()
    until(lambda: not place(told.locator("iframe.palleto-player")).startswith("0 of "), "the last drop")

    varied = book.page.locator(".widget-vbox:has(> .widget-slider)")
    pictured = varied.locator("svg").get_attribute("aria-label")
    varied.locator(".noUi-handle").focus()
    book.page.keyboard.press("ArrowRight")
    until(lambda: varied.locator("svg").get_attribute("aria-label") != pictured, "the picture of another run")
    until(lambda: "files a second = 20" in varied.text_content(), "the other rate")
    assert book.complaints == []
