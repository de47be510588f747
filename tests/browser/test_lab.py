"""JupyterLab in headless Chromium: a learner opens two notebooks, runs them, drags a slider, presses Stop.

    python -m pytest -m browser
    PALLETO_SHOTS=/tmp/shots python -m pytest -m browser      # and keeps pictures of all ten, in light and in dark

A server is started on a free port of 127.0.0.1 on a copy of the notebooks, and ended by its process id.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
KERNEL = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
SHOTS = os.environ.get("PALLETO_SHOTS")
WIDTH, HEIGHT, MOST_HEIGHT = 1360, 1000, 16_000

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; install it with: apt-get install chromium"),
    pytest.mark.skipif(find_spec("playwright") is None, reason="no playwright here; pip install 'palleto[test]'"),
    pytest.mark.skipif(find_spec("jupyterlab") is None, reason="no JupyterLab here; pip install 'palleto[notebooks]'"),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The URL of a JupyterLab on a copy of the notebooks, and its token."""
    home = tmp_path_factory.mktemp("lab")
    for folder in ("notebooks", "steps"):
        shutil.copytree(
            ROOT / folder, home / folder, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        )
    kernel = home / "data" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    arguments = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel.joinpath("kernel.json").write_text(
        json.dumps({"argv": arguments, "display_name": "Python 3", "language": "python"})
    )
    settings = home / "settings" / "@jupyterlab"
    for plugin, value in {
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
        "apputils-extension/themes": {"theme": "JupyterLab Light", "adaptive-theme": False},
        "notebook-extension/tracker": {"scrollPastEnd": False},  # else a picture of it all would have no end
    }.items():
        path = settings / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    log = (home / "lab.log").open("wb")
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}"),
            *("--ServerApp.port_retries=0", "--allow-root", f"--notebook-dir={home}"),
            *(
                "--LabApp.extension_manager=readonly",
                "--LabApp.expose_app_in_browser=True",
                f"--LabApp.user_settings_dir={home / 'settings'}",
            ),
            f"--LabApp.workspaces_dir={home / 'workspaces'}",
        ],
        env={
            **os.environ,
            "JUPYTER_TOKEN": token,
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "IPYTHONDIR": str(home / "ipython"),
            "PALLETO_PLACE": "embedded",
        },
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=home,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: _answers(f"{url}/api/status?token={token}") or server.poll() is not None, 40)
        assert server.poll() is None, (home / "lab.log").read_text()
        yield url, token
    finally:
        server.terminate()  # it ends its kernels too
        server.wait(20)
        log.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def until(reached: Callable[[], Any], seconds: float, what: str = "it to happen") -> Any:
    deadline = time.monotonic() + seconds
    while not (found := reached()):
        assert time.monotonic() < deadline, f"expected {what} within {seconds:g} s"
        time.sleep(0.05)
    return found


class Notebook:
    """A notebook that is open in JupyterLab."""

    def __init__(self, browser: Any, lab: tuple[str, str], name: str) -> None:
        url, token = lab
        self.name = name
        self.complaints: list[str] = []
        self.page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        self.page.set_default_timeout(20_000)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(f"{url}/lab/workspaces/{name}/tree/notebooks/{name}.ipynb?token={token}")
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Notebook .jp-Cell")
        self.page.wait_for_function(f"() => {KERNEL}?.connectionStatus === 'connected' && {KERNEL}.status === 'idle'")

    def _console(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")

    def command(self, command: str, **arguments: Any) -> None:
        """Give one of JupyterLab's commands, as its menus do, and do not wait until it is done."""
        self.page.evaluate(
            "([name, given]) => { window.jupyterapp.commands.execute(name, given) }", [command, arguments]
        )

    @property
    def dashboard(self) -> Any:
        """The last view of the dashboard: the box around the panel of demand and the controls."""
        return self.page.locator(".jp-OutputArea-output:has(button:text-is('Start'))").last

    def shot(self, moment: str, *, whole: bool = False) -> None:
        """A picture in each theme, if pictures are wanted; whole: of the notebook from top to bottom."""
        if not SHOTS:
            return
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        for theme in ("Light", "Dark"):
            self.command("apputils:change-theme", theme=f"JupyterLab {theme}")
            self.page.wait_for_selector(f'body[data-jp-theme-name="JupyterLab {theme}"]', state="attached")
            self.page.wait_for_selector("#jupyterlab-splash", state="detached")
            if whole:
                self._grow()
            else:
                self.show()
            self.page.screenshot(path=Path(SHOTS) / f"{self.name}-{moment}-{theme.lower()}.png")
            self.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        self.command("apputils:change-theme", theme="JupyterLab Light")
        self.page.wait_for_selector('body[data-jp-theme-name="JupyterLab Light"]', state="attached")

    def _grow(self) -> None:
        """Make the window as high as the notebook: a taller one draws more cells, whose heights were guessed."""
        panel, height = self.page.locator(".jp-NotebookPanel .jp-WindowedPanel-outer").first, HEIGHT
        while height < MOST_HEIGHT:
            hidden = panel.evaluate("it => { it.scrollTop = 0; return it.scrollHeight - it.clientHeight }")
            if hidden <= 0:
                break
            height = min(MOST_HEIGHT, height + hidden)
            self.page.set_viewport_size({"width": WIDTH, "height": height})
            self.page.wait_for_timeout(600)

    def close(self) -> None:
        self.page.close()

    # ---- what a learner does

    @property
    def status(self) -> str:
        """The dashboard's status line: `running · 3.2 s · speed 10 · 30 events`."""
        return str(self.dashboard.locator("div.widget-html:has-text(' · speed ')").first.text_content())

    @property
    def speed(self) -> float:
        return float(re.search(r"speed ([\d.e+-]+)", self.status)[1])

    def panels(self) -> str:
        return "".join(self.dashboard.locator("svg.plt").evaluate_all("all => all.map(one => one.outerHTML)"))

    def show(self) -> None:
        """Scroll to the dashboard's top."""
        self.dashboard.evaluate("it => it.scrollIntoView({block: 'start'})")

    def press(self, label: str) -> None:
        self.dashboard.get_by_role("button", name=label, exact=True).click()

    def drag(self, slider: str, share: float) -> str:
        """Drag the slider's handle to that share of its width; what it shows then."""
        row = self.dashboard.locator(f".widget-slider:has(label:text-is('{slider}'))")
        row.scroll_into_view_if_needed()
        track, handle = row.locator(".slider").bounding_box(), row.locator(".noUi-handle").bounding_box()
        middle = handle["y"] + handle["height"] / 2
        self.page.mouse.move(handle["x"] + handle["width"] / 2, middle)
        self.page.mouse.down()
        self.page.mouse.move(track["x"] + track["width"] * share, middle, steps=5)
        self.page.mouse.up()
        return str(row.locator(".widget-readout").text_content())

    def idle(self) -> bool:
        """Whether all cells have run."""
        waiting = self.page.locator(".jp-InputPrompt:text-is('[*]:')").count()
        return not waiting and self.page.evaluate(f"() => {KERNEL}.status") == "idle"


@pytest.fixture
def opened(browser: Any, lab: tuple[str, str]) -> Iterator[Callable[[str], Notebook]]:
    notebooks = []

    def open_(name: str) -> Notebook:
        notebooks.append(Notebook(browser, lab, name))
        return notebooks[-1]

    yield open_
    for notebook in notebooks:
        notebook.close()


@pytest.mark.timeout(90)
@pytest.mark.parametrize("name", ["step5_multiple_consumers", "step9_concurrent_pipelines"])
def test_a_learner_runs_it_and_turns_its_controls(opened: Callable[[str], Notebook], name: str):
    book = opened(name)
    book.command("notebook:run-all-cells")
    book.page.wait_for_selector("button:text-is('Start')", state="attached")
    until(lambda: "running" in book.status, 20, "the dashboard to say that it runs")
    book.show()
    first = until(book.panels, 5)
    until(lambda: book.panels() != first, 5, "the dashboard to change")
    until(book.idle, 40, "all cells to have run")
    assert "ended" in book.status
    assert book.page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0
    book.show()

    # Once more, by its own controls; slowly, so that there is time to do it all.
    book.press("Start")
    before = book.speed
    wanted = float(book.drag("speed", 0.2))
    assert wanted < before
    until(lambda: book.speed == pytest.approx(wanted, rel=0.01), 5, f"speed {wanted:g} in the status line")
    until(lambda: "running" in book.status, 10, "a second run")
    assert book.drag("max_demand", 0.0) == "1"
    second = book.panels()
    until(lambda: book.panels() != second, 10, "the dashboard to go on")
    book.press("Stop")
    until(lambda: "ended" in book.status, 15, "the run to end")
    assert not re.search("Error displaying widget|Error creating widget|Loading widget", book.page.text_content("body"))
    assert book.complaints == []


@pytest.mark.timeout(120)
@pytest.mark.skipif(not SHOTS, reason="no pictures wanted; name a folder for them in PALLETO_SHOTS")
@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb")))
def test_its_pictures(opened: Callable[[str], Notebook], name: str):
    book = opened(name)
    book.shot("1-start", whole=True)
    book.command("notebook:run-all-cells")
    if name != "index":
        book.page.wait_for_selector("button:text-is('Start')", state="attached", timeout=40_000)
        until(lambda: "running" in book.status, 20, "the dashboard to say that it runs")
        book.show()
        book.page.wait_for_timeout(1000)
        book.shot("2-middle")
    until(book.idle, 60, "all cells to have run")
    book.shot("3-end", whole=True)
    assert book.complaints == []
