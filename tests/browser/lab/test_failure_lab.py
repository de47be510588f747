"""The failure lab in JupyterLab: a learner picks a fault and a step, predicts, runs, and opens the player."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lab_page import Notebook, until

CELL = "from palleto.lab.failures import bench\nbench()"

pytestmark = pytest.mark.browser


@pytest.fixture
def book(open_notebook: Callable[..., Notebook]) -> Notebook:
    """A notebook with the bench alone."""
    return open_notebook("bench", [CELL])


def test_a_learner_picks_a_fault_predicts_runs_and_opens_the_player(book: Notebook):
    book.command("notebook:run-all-cells")
    shown = book.page.locator(".jp-OutputArea-output:has(button:text-is('Run'))").last
    shown.wait_for()
    fault, step, word = (shown.locator("select").nth(number) for number in range(3))
    status = shown.locator("[role=status]")
    run = shown.locator("button:text-is('Run')")
    first = "Pick a fault and a step, say what will come of it, and run."
    until(lambda: status.text_content() == first, "what to do first")

    def try_it(*picked: str) -> None:
        for one, value in zip((fault, step, word), picked, strict=True):
            one.select_option(label=value)
        run.click()

    fault.select_option(label="a crash before the delete")
    shown.get_by_text("crashes between the write and the delete").wait_for()
    run.click()
    until(lambda: "choose one of the words" in status.text_content(), "to be asked for a prediction")

    try_it("TestEvent", "talk 8", "lost")
    until(lambda: "not lost: TestEvent, step talk 8: stuck" in status.text_content(), "the verdict")
    until(lambda: word.input_value() == "choose", "the next prediction to be asked for")
    frame = shown.locator("iframe.palleto-player")
    assert not frame.is_visible()
    shown.get_by_role("button", name="Show me the event that decides it").click()
    frame.content_frame.locator("#player[aria-busy=false]").wait_for()
    place = frame.content_frame.locator(".place")
    until(lambda: not place.text_content().startswith("0 of "), "the deciding event")

    try_it("TestEvent", "8", "done once")
    until(lambda: "right: TestEvent, step 8: done once" in status.text_content(), "the second verdict")
    assert "1 of 2 predictions were right" in status.text_content()
    player = shown.locator("iframe.palleto-player")
    until(lambda: not player.is_visible(), "the player of the first verdict to be gone")
    assert book.complaints == []
