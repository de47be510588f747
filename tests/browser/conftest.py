"""What the tests of the player need: Chromium, pages that are opened in it, and traces to look at."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from palleto import Recorder, TraceEvent
from palleto.lab.player import Player
from palleto.program import Options, queue_empty, run_step

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
READ = (Path(__file__).parent / "read_player.js").read_text(encoding="utf-8")


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here; install it with: apt-get install chromium")
    if find_spec("playwright") is None:
        pytest.skip("no playwright here; pip install 'palleto[test]'")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def the_page(browser: Any) -> Any:
    """The one page in which all tests look: a new one for each takes twice the processor time."""
    page = browser.new_page()
    page.set_default_timeout(60_000)
    return page


@pytest.fixture
def page(the_page: Any) -> Any:
    """That page, empty, light, and as wide as most screens are."""
    the_page.goto("about:blank")
    the_page.set_viewport_size({"width": 1280, "height": 900})
    the_page.emulate_media(color_scheme="light")
    return the_page


@pytest.fixture
def opened(page: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page; at its end nothing was asked of a network and no error was logged."""
    complaints, requests = [], []
    listeners = {
        "console": lambda message: complaints.append(message.text) if message.type == "error" else None,
        "pageerror": lambda error: complaints.append(str(error)),
        "request": lambda request: requests.append(request.url),
    }

    def open_(url: str, width: int = 1280, theme: str = "light") -> Any:
        page.goto("about:blank")  # from one place in a page to another would not load it anew
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        page.goto(url)
        page.wait_for_selector("#player[aria-busy=false]")
        return page

    for event, heard in listeners.items():
        page.on(event, heard)
    yield open_
    for event, heard in listeners.items():
        page.remove_listener(event, heard)
    assert complaints == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []


@pytest.fixture
def shown(opened: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Opens the player's page of a trace; `at` is the end of its URL, and what follows is `opened`'s."""

    def show(trace: list[TraceEvent], *more: Any, at: str = "") -> Any:
        return opened(Player(trace).save(tmp_path / "t.html").as_uri() + at, *more)

    return show


@pytest.fixture(scope="session")
def read() -> Callable[[Any], dict[str, Any]]:
    """Gives what the panes of a page show, once the frame is drawn."""
    return lambda page: page.evaluate(READ)


@pytest.fixture(scope="session")
def events_of() -> Callable[..., list[TraceEvent]]:
    """Makes the trace of a run of a step, by its number, in virtual time."""

    def make(number: int, seed: int = 7) -> list[TraceEvent]:
        step = import_module(f"steps.step{number}")
        recorder = Recorder()
        events = None if number > 5 else 8
        options = Options(virtual=True, seed=seed, files=5, events=events, quiet=True, pipelines=2)
        with ThreadPoolExecutor(1) as thread:  # Playwright's event loop runs in this one
            thread.submit(run_step, step.pipeline, queue_empty, options, recorder=recorder).result()
        return recorder.events

    return make
