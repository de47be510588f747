"""Questions, sentences with links, and challenges, in JupyterLab and in a published copy, in headless Chromium."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lab_page import Notebook, until

from palleto.lab import publish

pytestmark = pytest.mark.browser

CELLS = (
    "from palleto.lab import Experiment, ask, challenge, evidence, open_questions, progress, tell\n"
    "from steps.step5 import pipeline",
    "run = Experiment(pipeline, virtual=True, seconds=40)\nask('step5.kills', of=run)",
    "ask('step5.asked', of=run)",
    "run.start().join()\nopen_questions()",
    "tell('The first at {} s, {} in all.', evidence.moment(run, kind='handled'), evidence.consumed(run))",
    "challenge('step5.faster').check(pipeline)",
    "progress()",
)
SECRETS = ("before the first event", "demand kills the loop", "finds no loop to kill", "count the crosses")


@pytest.fixture(scope="module")
def book(open_notebook: Callable[..., Notebook]) -> Notebook:
    """The small notebook in JupyterLab, all of whose cells have run."""
    book = open_notebook("questions", CELLS)
    book.command("notebook:run-all-cells")
    until(book.idle, "all cells to have run")
    book.page.locator(".palleto-progress").wait_for()
    return book


def place(player: Any) -> str:
    """The number of the event that a player is at, once it is open."""
    player.content_frame.locator("#player[aria-busy=false]").wait_for()
    return str(player.content_frame.locator(".place").text_content())


def test_who_runs_all_sees_what_is_open_and_nothing_of_the_answers(book: Notebook):
    book.page.get_by_text("2 questions are open: kills · asked").wait_for()
    shown = book.page.content()
    assert [secret for secret in SECRETS if secret in shown] == [SECRETS[0]]  # the question itself
    book.page.locator("a[href='#question-step5.kills']").click()
    until(lambda: 0 <= book.page.locator("[id='question-step5.kills']").bounding_box()["y"] < 900, "the question")
    assert book.page.url.startswith("http://127.0.0.1")


def test_a_wrong_answer_leads_to_the_right_one(book: Notebook):
    question = book.page.locator(".widget-vbox:has(> .widget-radio)").first
    question.scroll_into_view_if_needed()
    player = question.locator("iframe.palleto-player")

    def answer(number: int, said: str) -> None:
        question.locator("input[type=radio]").nth(number).check()
        question.get_by_role("button", name="Check").click()
        question.get_by_text(said).wait_for()

    assert question.get_by_role("button", name="Show me").count() == 0
    answer(3, "not 3. Look at the lanes of the loops")
    answer(0, "not 0. The first demand finds no loop to kill.")
    assert player.count() == 0
    question.get_by_role("button", name="Show me").click()
    question.get_by_text("The answer is 2: at 0 s loop #8 is killed").wait_for()
    opened = place(player)
    player.content_frame.locator(".now").click()
    book.page.keyboard.press("ArrowLeft")
    until(lambda: place(player) != opened, "the player to go back")
    answer(2, "right: 2. The second demand kills the loop of the first")
    until(lambda: player.count() == 0, "the player to be gone")


def test_a_number_opens_the_player_where_it_is_seen(book: Notebook):
    told = book.page.locator(".palleto-links:has-text('The first at')")
    told.scroll_into_view_if_needed()
    player = told.locator("iframe")
    assert not player.is_visible()
    told.get_by_role("button", name="26").click()
    until(lambda: place(player).endswith("26 s"), "the event at 26 s")
    first = place(player)
    told.get_by_role("button", name="8").click()
    until(lambda: place(player) != first, "the player to move")
    told.get_by_role("button", name="8").click()
    until(lambda: not player.is_visible(), "the player to be closed")


def test_a_challenge_shows_the_shortest_run_that_fails(book: Notebook):
    failed = book.page.locator(".palleto-links:has-text('not yet')")
    failed.scroll_into_view_if_needed()
    assert "events are consumed in 100 s, not 60" in failed.text_content()
    failed.get_by_role("button", name="Show me the shortest run").click()
    until(lambda: not place(failed.locator("iframe")).startswith("0 of "), "the event that fails")


def test_progress_counts_and_forgets(book: Notebook):
    table = book.page.locator(".palleto-progress")
    book.page.get_by_role("button", name="Forget it all").click()
    until(lambda: "0 of 4" in table.text_content(), "the table to be empty")
    assert table.locator("a", has_text="step 5").count() == 1
    assert book.complaints == []


@pytest.fixture(scope="module")
def copy(notebook: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    import nbformat

    folder = tmp_path_factory.mktemp("copy")
    nbformat.write(notebook(CELLS), folder / "small.ipynb")
    (path,) = publish.publish(folder / "html", [folder / "small.ipynb"])
    return path


def test_a_copy_has_its_answers_behind_buttons_and_not_in_clear(browser: Any, copy: Path):
    text = copy.read_text(encoding="utf-8")
    assert [secret for secret in SECRETS if secret in text] == [SECRETS[0]]
    assert "Button(" not in text
    page = browser.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(copy.as_uri())
    page.get_by_role("button", name="Show me", exact=True).first.click()
    page.get_by_text("The answer is 2: at 0 s loop #8 is killed").wait_for()
    told = page.locator(".palleto-links:has-text('The first at')")
    told.get_by_role("button", name="26").click()
    until(lambda: place(told.locator("iframe")).endswith("26 s"), "the event at 26 s")
    assert complaints == []
    page.close()
