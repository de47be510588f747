"""JupyterLab in headless Chromium: a learner opens a notebook, runs it, drags sliders, and presses Stop."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from lab_page import Notebook, until

CELLS = (
    "from palleto.lab import Dashboard, Experiment\nfrom steps.step5 import pipeline",
    "run = Experiment(pipeline, speed=40)\ndash = Dashboard(run).start()\ndash",
)
TOKEN = """kind => new Promise((done, failed) => {
    let [token, places] = [null, []];
    const end = performance.now() + 15000;
    function look() {
        if (!token?.isConnected && places.length < 2)
            [token, places] = [document.querySelector(`.palleto-live .token.${kind}`), []];
        if (token?.isConnected) places.push(token.getBoundingClientRect().x);
        if (places.length > 1 && !token.isConnected) done(places);
        else if (performance.now() > end) failed(new Error(`expected a token of ${kind} to move, got ${places}`));
        else requestAnimationFrame(look);
    }
    look();
})"""

pytestmark = pytest.mark.browser


def test_a_learner_turns_controls(open_notebook: Callable[..., Notebook]):
    book = open_notebook("small", CELLS)
    book.command("notebook:run-all-cells")
    until(lambda: "running" in book.status, "the dashboard to say that it runs")
    book.show()
    first = until(book.panels)
    until(lambda: book.panels() != first, "the dashboard to change")
    before = book.speed
    wanted = float(book.drag("speed", 0.2))
    assert wanted < before
    until(lambda: book.speed == pytest.approx(wanted, rel=0.01), f"speed {wanted:g} in the status line")
    assert book.drag("max_demand", 0.0) == "1"
    second = book.panels()
    until(lambda: book.panels() != second, "the dashboard to go on")
    book.press("Stop")
    until(lambda: "ended" in book.status, "the run to end")
    until(book.idle, "all cells to have run")
    assert book.page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0
    assert not re.search("Error displaying widget|Error creating widget|Loading widget", book.page.text_content("body"))
    assert book.complaints == []


def test_the_pipeline_moves_while_it_runs(open_notebook: Callable[..., Notebook]):
    book = open_notebook("live", CELLS)
    book.command("notebook:run-all-cells")
    until(lambda: "running" in book.status, "the dashboard to say that it runs")
    book.show()
    live = book.dashboard.locator(".palleto-live")
    until(lambda: live.locator(".box").count() == 5, "five boxes")
    number, server = live.locator(".box[data-stage='SQS.Producer'] .number"), live.locator("[data-stage='SQS.Server']")
    until(lambda: number.count() and "owed = " in number.text_content(), "the producer's number")
    until(lambda: "loop #" in server.text_content(), "the server's loop")
    for kind, way in (("events", 1), ("demand", -1)):  # events flow down, to the right; demand up, to the left
        places = book.page.evaluate(TOKEN, kind)
        assert way * (places[-1] - places[0]) > 0, kind
    height = "box => box.querySelector('.frame').getAttribute('y')"
    second = live.locator(".box.stage").nth(1)
    label, before = second.get_attribute("data-stage"), second.evaluate(height)
    book.execute(f"run.kill_stage({label!r})")
    until(lambda: "✕ crashed" in second.text_content(), "the crash to be seen")
    until(lambda: "↻ 1" in second.text_content(), "the restart to be seen")
    assert second.get_attribute("data-stage") != label
    assert second.evaluate(height) == before
    live.get_by_role("button", name="Supervision tree").click()
    until(lambda: re.search(r"#1 Supervisor ↻ [123] restarted", live.text_content()), "the tree")
    assert live.get_attribute("data-theme") == "light"
    book.press("Stop")
    until(lambda: live.locator(".box.stopped").count() == 5, "the stages to have stopped")
    said = "SQS.Server: stopped, no loop runs, wanted = "
    until(lambda: live.locator("svg").get_attribute("aria-label").startswith(said), "it in words")
    assert book.complaints == []
