"""JupyterLab in headless Chromium: a learner opens a notebook, runs it, drags sliders, presses Stop, and answers wrong.

    python -m pytest -m browser

A server is started on a free port of 127.0.0.1 on a copy of the notebooks, and ended by its process id. What is tested
is what only a browser shows, on a notebook of three cells; `tests/lab/test_notebooks.py` runs all ten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from lab_page import Notebook, until
from lab_server import jupyterlab

SMALL = (
    "from palleto.lab import Dashboard, Experiment, evidence, question\nfrom steps.step5 import pipeline",
    "run = Experiment(pipeline, speed=20)\ndash = Dashboard(run).start()\ndash",
    "killed = lambda trace: evidence.tally(trace, kind='loop_killed', before=1)\n"
    "question('How many are killed at once?', answer=killed, of=run, choices=[1, 2, 3])",
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_spec("jupyterlab") is None, reason="no JupyterLab here; pip install 'palleto[notebooks]'"),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The URL of a JupyterLab on a copy of the notebooks and a small one, and its token."""
    home = tmp_path_factory.mktemp("lab")
    with jupyterlab(home) as server:
        nbformat = pytest.importorskip("nbformat")
        cells = [nbformat.v4.new_code_cell(text) for text in SMALL]
        kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), home / "notebooks" / "small.ipynb")
        yield server


@pytest.fixture
def opened(browser: Any, lab: tuple[str, str]) -> Iterator[Callable[[str], Notebook]]:
    notebooks = []

    def open_(name: str) -> Notebook:
        notebooks.append(Notebook(browser, lab, name))
        return notebooks[-1]

    yield open_
    for notebook in notebooks:
        notebook.close()


def answers_wrong_and_steps_through_it(book: Notebook) -> None:
    """Check each choice of the first question, until one is wrong: its player opens below, and takes keys."""
    question = book.page.locator(".widget-vbox:has(> .widget-radio)").first
    question.scroll_into_view_if_needed()
    player = question.locator("iframe.palleto-player")
    for number in range(question.locator("input[type=radio]").count()):
        question.locator("input[type=radio]").nth(number).check()
        question.get_by_role("button", name="Check").click()
        until(lambda: re.search("right|wrong", question.text_content()), 5, "a verdict")
        if "wrong" in question.text_content():
            break
    frame = player.content_frame
    frame.locator("#player[aria-busy=false]").wait_for()
    seq = re.search(r"trace event (\d+)", question.text_content())[1]
    opened = frame.locator(".place").text_content()
    assert opened.startswith(f"{seq} of ")
    frame.locator(".now").click()
    book.page.keyboard.press("ArrowLeft")
    until(lambda: frame.locator(".place").text_content() != opened, 5, "the player to go back")
    question.get_by_role("button", name="Hide").click()
    until(lambda: player.count() == 0, 5, "the player to close")


@pytest.mark.timeout(120)
def test_a_learner_turns_controls_and_steps_through_a_wrong_answer(opened: Callable[[str], Notebook]):
    book = opened("small")
    book.command("notebook:run-all-cells")
    until(lambda: "running" in book.status, 60, "the dashboard to say that it runs")
    book.show()
    first = until(book.panels, 5)
    until(lambda: book.panels() != first, 5, "the dashboard to change")
    before = book.speed
    wanted = float(book.drag("speed", 0.2))
    assert wanted < before
    until(lambda: book.speed == pytest.approx(wanted, rel=0.01), 5, f"speed {wanted:g} in the status line")
    assert book.drag("max_demand", 0.0) == "1"
    second = book.panels()
    until(lambda: book.panels() != second, 10, "the dashboard to go on")
    book.press("Stop")
    until(lambda: "ended" in book.status, 15, "the run to end")
    until(book.idle, 20, "all cells to have run")
    answers_wrong_and_steps_through_it(book)
    assert book.page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0
    assert not re.search("Error displaying widget|Error creating widget|Loading widget", book.page.text_content("body"))
    assert book.complaints == []
