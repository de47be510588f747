"""The learner as the scheduler, in JupyterLab: a button for each option, a picture that moves, the player."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import lost_demand
import pytest
from lab_page import Notebook, until

GAME = "from palleto.lab import be_the_scheduler\nbe_the_scheduler(two_readers(BelowZero), 'lost demand')"

pytestmark = pytest.mark.browser


@pytest.fixture
def book(open_notebook: Callable[..., Notebook]) -> Notebook:
    """A notebook with the pipeline and the game."""
    pipeline = Path(lost_demand.__file__).read_text(encoding="utf-8")
    return open_notebook("game", [pipeline, GAME])


@pytest.mark.timeout(120)
def test_a_learner_loses_demand_by_clicking(book: Notebook):
    book.command("notebook:run-all-cells")
    game = book.page.locator(".widget-vbox:has(> .widget-hbox button:text-is('Back'))").last
    game.wait_for(timeout=60_000)
    status = game.locator("[role=status]")
    options = game.locator(".widget-vbox button")
    picture = game.locator("svg").first
    assert game.get_by_role("button", name="Back").is_disabled()
    assert options.all_text_contents() == [
        "SQS.Producer: demand of 1 from Reader #4, with 1 message behind it",
        "Time goes on to 25 s: the run ends",
    ]

    def click(number: int, done: int) -> None:
        options.nth(number).click()
        until(lambda: f"after {done} choice" in status.text_content(), 10, f"choice {done} to be made")

    seen = {picture.text_content()}
    for done, number in enumerate(lost_demand.WAY, 1):
        click(number, done)
        until(lambda: options.count() > 0, 5)
        seen.add(picture.text_content())
    assert len(seen) > 4
    assert "owed 0" in re.sub(r"[\s=:]+", " ", picture.text_content())
    assert status.text_content() == "✓ Reached, after 13 choices: lost demand."
    frame = game.locator("iframe.palleto-player").content_frame
    frame.locator("#player[aria-busy=false]").wait_for()
    assert "asked for 0 events" in game.text_content()

    game.get_by_role("button", name="Back").click()
    until(lambda: "after 12 choices" in status.text_content(), 10, "to go back")
    assert game.locator("iframe.palleto-player").count() == 0
    click(1, 13)
    assert "Reached" in status.text_content()
    game.get_by_role("button", name="Reset").click()
    until(lambda: "after 0 choices" in status.text_content(), 10, "to begin again")
    assert book.complaints == []
