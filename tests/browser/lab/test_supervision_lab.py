"""Lab 3's bench in JupyterLab: a learner picks a fault and a tree, predicts, runs, mends it, and opens the player."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lab_page import Notebook, until

CELL = "from palleto.lab.supervision import bench\nbench()"

pytestmark = pytest.mark.browser


def test_a_learner_mends_a_tree_by_one_word_and_opens_the_player(open_notebook: Callable[..., Notebook]):
    book = open_notebook("supervision", [CELL])
    book.command("notebook:run-all-cells")
    shown = book.page.locator(".jp-OutputArea-output:has(button:text-is('Run'))").last
    shown.wait_for()
    fault, strategy, word = (shown.locator("select").nth(number) for number in (0, 2, 6))
    status, run = shown.locator("[role=status]"), shown.locator("button:text-is('Run')")

    def try_it(name: str, predicted: str) -> None:
        strategy.select_option(label=name)
        word.select_option(label=predicted)
        run.click()

    fault.select_option(label="two in a row")
    shown.get_by_text("over its third batch, and over the fourth").wait_for()
    try_it("one_for_one", "goes on")
    until(lambda: "permanent: gives up. 0 of 1 predictions" in status.text_content(), "the first run")
    try_it("rest_for_one", "goes on")
    until(lambda: "permanent: goes on. 1 of 2 predictions" in status.text_content(), "the second run")
    shown.get_by_text("4 started anew; 2 of the budget spent").wait_for()  # told after the status
    until(lambda: shown.locator("svg").count() == 1, "one cascade")
    shown.get_by_role("button", name="Show me the event that decides it").click()
    frame = shown.locator("iframe.palleto-player").content_frame
    frame.locator("#player[aria-busy=false]").wait_for()
    frame.get_by_text("a crash over batch 3").first.wait_for()
    until(lambda: not frame.locator(".place").text_content().startswith("0 of "), "the deciding event")
    assert book.complaints == []
