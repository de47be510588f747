"""How fast the player opens, steps and scrubs in headless Chromium. No assertions: the numbers are for a reader.

    python tests/benchmarks/player.py                   # traces of about 10,000 and 100,000 events are made first
    python tests/benchmarks/player.py TRACE ...         # of your own traces

`step`: time of one event forward or back, from the state to the layout, without painting. `scrub`: frames a second
while the slider is drawn from one end to the other. Chromium runs without a graphics card here.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from palleto.lab.player import Player
from palleto.program import Options, run_step
from steps import step5

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
EVENTS = {"10,000 events": 1_440, "100,000 events": 14_500}
"""Names of the traces that are made, and the events that step 5 consumes for them."""

MEASURE = """async () => {
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const count = palleto.trace.count;
    const slider = document.querySelector(".slider");
    const start = performance.now();
    for (let turn = 0; turn < 150; turn += 1) {
        slider.value = Math.floor((turn / 150) * count);
        slider.dispatchEvent(new Event("input"));
        await frame();
    }
    const drawn = (1000 * 150) / (performance.now() - start);
    const times = [];
    palleto.go(count >> 1);
    await frame();
    await frame();
    for (let turn = 0; turn < 200; turn += 1) {
        palleto.go((count >> 1) + (turn % 20));
        const before = performance.now();
        palleto.draw();
        document.body.offsetHeight;
        times.push(performance.now() - before);
        await frame();
    }
    times.sort((a, b) => a - b);
    return { drawn, median: times[100], worst: times[190] };
}"""


def made(folder: Path) -> dict[str, Path]:
    """Traces of step 5 in virtual time."""
    paths = {}
    for name, events in EVENTS.items():
        paths[name] = folder / f"{events}.jsonl"
        options = Options(virtual=True, seed=7, events=events, trace=paths[name], quiet=True)
        run_step(step5.pipeline, None, options)  # type: ignore[arg-type]
    return paths


def measure(browser: Any, page: Path) -> str:
    """The line of a page."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    start = time.perf_counter()
    tab.goto(page.as_uri(), wait_until="commit")
    tab.wait_for_selector("#player[aria-busy=false]")
    opened = time.perf_counter() - start
    found = tab.evaluate(MEASURE)
    tab.close()
    return (
        f"open {opened:.2f} s; step {found['median']:.1f} ms (95 %: {found['worst']:.1f} ms); "
        f"scrub {found['drawn']:.0f} frames/s"
    )


def main(arguments: list[str]) -> None:
    """Measure, and print a line a trace."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", nargs="*", metavar="TRACE", help="what a step wrote with --trace")
    arguments = parser.parse_args(arguments).traces
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sys.exit("error: expected playwright, which drives Chromium; install it with: pip install 'palleto[test]'")
    if CHROMIUM is None:
        sys.exit("error: expected Chromium, got none; install it (Debian and Ubuntu: apt install chromium)")

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        traces = {path: Path(path) for path in arguments} or made(folder)
        pages = {}
        for label, path in traces.items():
            shown = Player(path)
            pages[f"{label} ({len(shown.events):,})"] = shown.save(folder / f"{len(pages)}.html")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            for label, page in pages.items():
                print(f"{label}: {measure(browser, page)}", flush=True)
            browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
