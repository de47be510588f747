"""The player in headless Chromium: as a page and in a notebook's frame, all of it fits, whatever the window's size."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from palleto import Recorder, TraceEvent
from palleto.lab.player import Player
from palleto.program import Options, queue_empty, run_step
from steps import step1, step5, step9

pytestmark = pytest.mark.browser

FIT = (Path(__file__).parent / "fit.js").read_text(encoding="utf-8")
RUNS = {
    "step 1": (step1, {"events": 20}),
    "step 5": (step5, {"events": 30}),
    "step 9": (step9, {"files": 12}),
    "12 pipelines": (step9, {"files": 40, "pipelines": 12}),
}
KINDS = ("subscribe", "handle_demand", "emitted", "waits", "handled", "stopped")
OWN = 0
"""The height that the player chooses by itself."""
SIZES = [(1280, 1000), (858, OWN), (600, OWN), (1280, 720), (800, 1000), (600, 860)]
"""Of a page and of a notebook's column, at 1280 and at 800 pixels, with events of each sort; and of low windows."""
BLANK = 70
"""Pixels of a pane that may be empty below what it holds."""


@cache
def trace(run: str) -> list[TraceEvent]:
    step, options = RUNS[run]
    recorder = Recorder()
    settings = Options(virtual=True, seed=7, quiet=True, **options)
    with ThreadPoolExecutor(1) as thread:  # Playwright's event loop runs in this one
        thread.submit(run_step, step.pipeline, queue_empty, settings, recorder=recorder).result()
    return recorder.events


def walk(page: Any, run: str, kinds: tuple[str, ...]) -> dict[str, Any]:
    """Hold the page to fit at an event of each kind, and at the last, when all who subscribe have a row: its fit."""
    events = trace(run)
    found = [[event.seq for event in events if event.kind == kind] for kind in kinds]
    for seq in [*(each[len(each) // 2] for each in found if each), events[-1].seq]:
        page.evaluate("seq => { palleto.go(seq); palleto.draw() }", seq)
        fit = page.evaluate(FIT)
        assert fit["wrong"] == [], f"at {events[seq]}"
    return fit


@pytest.mark.timeout(60)
@pytest.mark.parametrize("run", RUNS)
def test_a_page_fits(opened, tmp_path, run):
    player = Player(trace(run))
    page = opened(player.save(tmp_path / "t.html").as_uri())
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height or player.height})
        whole = height in (OWN, 1000) and run != "12 pipelines"  # which have to be scrolled
        fit = walk(page, run, KINDS if whole else ("handle_demand",))
        assert max(fit["ledger"], fit["lanes"]) <= BLANK, (width, height, fit)
        assert not (whole and fit["scrolled"]), (width, height, fit)


@pytest.mark.timeout(60)
def test_a_notebooks_frame_fits(page):
    """As high as it is by itself."""
    run = "step 9"
    page.set_viewport_size({"width": 1280, "height": 1100})
    player = Player(trace(run))
    page.set_content(f'<body data-jp-theme-light="false"><div style="width:828px">{player._repr_html_()}</div></body>')
    inside = page.frames[1]
    inside.wait_for_selector("#player[aria-busy=false]")
    assert inside.evaluate("[innerWidth, innerHeight]") == [828, player.height]
    assert walk(inside, run, KINDS)["scrolled"] == []


def test_the_box_and_the_accounts_of_who_acts_are_scrolled_to(opened, tmp_path):
    run = "12 pipelines"
    page = opened(Player(trace(run)).save(tmp_path / "t.html").as_uri())
    inside = """name => {
        const part = [...document.querySelectorAll(name)].pop();
        const [one, all] = [part, part.closest(".pane")].map((each) => each.getBoundingClientRect());
        return one.top >= all.top && one.bottom <= all.bottom;
    }"""
    for label in ("Pipeline12Consumer", "SQS.Producer", "Pipeline9ProducerConsumer"):
        event = [event for event in trace(run) if event.stage == label and event.peer][-1]
        page.evaluate("index => palleto.go(index)", event.seq)
        assert page.evaluate(FIT)["wrong"] == []
        assert page.evaluate(inside, f"#pane-pipeline .box[data-stage='{label}'] .frame")
        assert page.evaluate(inside, "#pane-ledger tr.acting")
