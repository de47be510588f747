"""The dashboard's controls in JupyterLab, in an order of its own: set before Start, played, edited, interrupted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from lab_page import Notebook, until

CELLS = (
    "import palleto\nfrom palleto import child\nfrom palleto.lab import Dashboard, Experiment\n"
    "from palleto.program import queue_empty\nfrom steps.step9 import Pipeline, Producer, Server",
    "class Mine(Pipeline):\n    pass",
    "def pipeline(warehouse, pipelines=3, max_demand=1):\n"
    '    pairs = [child(Mine, warehouse, f"Pipeline{n}", max_demand) for n in range(1, pipelines + 1)]\n'
    "    return palleto.Supervisor([child(Server, warehouse), child(Producer), *pairs], strategy='rest_for_one')",
    "dash = Dashboard(Experiment(pipeline, speed=5, files=2, rate=5, until=queue_empty, place='simulated'))\ndash",
    "dash.experiment.rate = 0.2\nawait dash.run()",
    "from palleto.lab import figures\nfigures.throughput(dash)",
)

pytestmark = pytest.mark.browser


@pytest.fixture
def book(open_notebook: Callable[..., Notebook]) -> Notebook:
    return open_notebook("play", CELLS)


def run_cell(book: Notebook, number: int) -> None:
    book.page.evaluate("number => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = number }", number)
    book.command("notebook:run-cell")


def run_to_its_end(book: Notebook, number: int) -> None:
    prompt = book.page.locator(".jp-Notebook .jp-Cell").nth(number).locator(".jp-InputPrompt")
    before = prompt.text_content()
    run_cell(book, number)
    until(lambda: prompt.text_content() not in (before, "[*]:"), f"cell {number} to have run")


def output(book: Notebook, number: int) -> Any:
    return book.page.locator(".jp-Notebook .jp-Cell").nth(number).locator(".jp-OutputArea").first


def shown(book: Notebook) -> str:
    return str(book.dashboard.text_content())


@pytest.mark.timeout(180)
def test_controls_in_an_order_of_a_learners_own(book: Notebook):
    for number in range(4):
        run_to_its_end(book, number)
    until(lambda: "nothing runs: press Start" in shown(book), "the reason of what is disabled")
    button = book.dashboard.get_by_role("button", name="Crash the loop", exact=True)
    until(button.is_disabled, "a button that does nothing now")
    readouts = book.dashboard.locator(".widget-readout")
    until(lambda: readouts.all_text_contents() == ["5", "1", "3", "5 files/s"], "what the sliders are set to")

    book.show()
    wanted = int(book.drag("pipelines", 0.4))
    assert wanted != 3
    until(lambda: f"{wanted} pipelines → from the next start on" in shown(book), "an answer to the slider")
    book.press("Start")
    until(lambda: int((re.search(r"(\d+) files?", book.status) or [0, 0])[1]) > 4, "more than its two files")
    demand = book.dashboard.locator("svg.plt").first
    asked = f"Pipeline{wanted}ProducerConsumer asked"
    until(lambda: asked in demand.get_attribute("aria-label"), "the last pipeline's demand")
    book.press("Drop in a bad file")
    until(lambda: "bad-1.gz: not gzip" in shown(book), "the line of the bad file")
    book.press("Start")
    book.press("Start")
    until(lambda: "bad-1.gz: not gzip" not in shown(book) and "running" in book.status, "a fresh run")
    book.press("Stop")
    until(lambda: "ended" in book.status and "asked: stop → done at" in shown(book), "the run to end")
    run_to_its_end(book, 5)
    height = output(book, 5).bounding_box()["height"]

    book.page.evaluate(
        "() => { window.jupyterapp.shell.currentWidget.content.widgets[1].model.sharedModel.setSource("
        "'class Mine(Pipeline):\\n    max_restarts = 9') }"
    )
    run_to_its_end(book, 1)
    until(lambda: "made by older code Mine has been edited since" in shown(book), "the note of an edited cell")
    below = "What stands below was made by older code: Mine has been edited since"
    until(lambda: below in output(book, 1).text_content(), "the note below the cell")
    older = "made by older code Mine has been edited since"
    until(lambda: older in output(book, 5).text_content(), "the note at the figure")
    until(lambda: output(book, 5).bounding_box()["height"] > height, "room for the note")
    marked = output(book, 5).bounding_box()["height"]

    run_cell(book, 4)
    until(lambda: "running" in book.status, "the cell to run")
    until(lambda: "older code" not in shown(book), "the note to be gone")
    until(lambda: re.search(r"[1-9]\d* files?", book.status), "its first file")
    book.command("kernelmenu:interrupt")
    until(book.idle, "the cell to end")
    until(lambda: "ended · " in output(book, 4).text_content(), "the words of the run")
    run_to_its_end(book, 5)
    until(lambda: "older code" not in output(book, 5).text_content(), "a figure of the newer code")
    until(lambda: output(book, 5).bounding_box()["height"] < marked, "the room of the note to be gone")
    for kind in ("error", "stderr"):
        assert book.page.locator(f'.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.{kind}"]').count() == 0
    assert book.complaints == []
