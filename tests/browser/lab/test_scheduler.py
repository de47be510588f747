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


def test_a_learner_loses_demand_by_clicking(book: Notebook):
    book.command("notebook:run-all-cells")
    game = book.page.locator(".widget-vbox:has(> .widget-hbox button:text-is('Back'))").last
    game.wait_for()
    status = game.locator("[role=status]")
    options = game.locator(".widget-vbox button")
    picture = game.locator("svg").first
    until(game.get_by_role("button", name="Back").is_disabled, "nothing to go back to")
    first = [
        "SQS.Producer: demand of 1 from Reader #4, with 1 message behind it",
        "Time goes on to 25 s: the run ends",
    ]
    until(lambda: options.all_text_contents() == first, "the first options")

    def click(number: int, done: int) -> None:
        options.nth(number).click()
        until(lambda: f"after {done} choice" in status.text_content(), f"choice {done} to be made")

    seen = {picture.text_content()}
    for done, number in enumerate(lost_demand.WAY, 1):
        click(number, done)
        until(lambda: options.count() > 0)
        seen.add(picture.text_content())
    assert len(seen) > 4
    until(lambda: "owed 0" in re.sub(r"[\s=:]+", " ", picture.text_content()), "a producer that owes nothing")
    until(lambda: status.text_content() == "✓ Reached, after 13 choices: lost demand.", "the goal")
    frame = game.locator("iframe.palleto-player").content_frame
    frame.locator("#player[aria-busy=false]").wait_for()
    until(lambda: "asked for 0 events" in game.text_content(), "why it is lost")

    game.get_by_role("button", name="Back").click()
    until(lambda: "after 12 choices" in status.text_content(), "to go back")
    until(lambda: game.locator("iframe.palleto-player").count() == 0, "the player to be gone")
    click(1, 13)
    until(lambda: "Reached" in status.text_content(), "the goal again")
    game.get_by_role("button", name="Reset").click()
    until(lambda: "after 0 choices" in status.text_content(), "to begin again")
    assert book.complaints == []
