"""The capacity lab in JupyterLab: a learner predicts, sees where more pipelines are of no use, and opens the player."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lab_page import Notebook, until

CELLS = (
    "from palleto.lab import ask, figures\n"
    "from palleto.lab.capacity import Load, recommend, sweep\n"
    "load = Load(rate=4, waits=(0.5, 1.5), files=40)\n"
    "tried = sweep(load, pipelines=[1, 6], max_demand=[1])\n"
    "ask('lab5.enough', of={number: tried[number, 1] for number in tried.pipelines})",
    "figures.capacity(tried)",
    "recommend(load, budget=10, pipelines=[6], max_demand=[10])",
)

pytestmark = pytest.mark.browser


def test_a_learner_predicts_sees_the_knee_and_opens_the_player(open_notebook: Callable[..., Notebook]):
    book = open_notebook("capacity", CELLS)
    book.command("notebook:run-all-cells")
    question = book.page.locator(".widget-vbox:has(> .widget-radio)")
    question.wait_for()
    until(book.idle, "all cells to have run")
    for choice, said in (("4", "not 4. Look at the panel of files a second"), ("6", "right: 6.")):
        question.get_by_label(choice, exact=True).check()
        question.get_by_role("button", name="Check").click()
        question.get_by_text(said).wait_for()
    question.get_by_role("button", name="Show me").click()
    player = question.locator("iframe.palleto-player").content_frame
    player.locator("#player[aria-busy=false]").wait_for()
    until(lambda: not str(player.locator(".place").text_content()).startswith("0 of "), "the player to be opened")

    figure = book.page.locator("svg[role=img][aria-label*='knee']").first
    figure.wait_for()
    until(lambda: figure.bounding_box()["width"] > 400, "the picture")
    book.page.get_by_text("the budget of 10.00 USD pays for it").wait_for()
    book.page.get_by_role("cell", name="pipelines: 6 in each").wait_for()
    assert book.complaints == []
