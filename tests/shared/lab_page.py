"""A notebook that is open in JupyterLab in a browser, and what a learner does with it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

KERNEL = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
WIDTH, HEIGHT = 1360, 1000


def until(reached: Callable[[], Any], what: str = "it to happen", seconds: float = 60) -> Any:
    """What this gives as soon as it is true. What a kernel and a page do takes as long as the machine is busy."""
    deadline = time.monotonic() + seconds
    while not (found := reached()):
        assert time.monotonic() < deadline, f"expected {what} within {seconds:g} s"
        time.sleep(0.05)
    return found


OPEN = "path => window.jupyterapp.commands.execute('docmanager:open', {path}).then(() => null)"
CLOSE = """async () => {
    const {context, sessionContext} = window.jupyterapp.shell.currentWidget;
    await context.save();  // else it asks whether to
    await sessionContext.shutdown();
    window.jupyterapp.shell.currentWidget.close();
}"""


class Notebook:
    """A notebook that is open in JupyterLab, in a page that has loaded it: to load it anew takes 5 s and more."""

    def __init__(self, page: Any, path: str) -> None:
        self.complaints: list[str] = []
        self.page = page
        self.page.on("console", self._console)
        self.page.on("pageerror", self._error)
        self.page.evaluate(OPEN, path)
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Notebook .jp-Cell")
        self.page.wait_for_function(f"() => {KERNEL}?.connectionStatus === 'connected' && {KERNEL}.status === 'idle'")

    def _console(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")

    def _error(self, error: Any) -> None:
        self.complaints.append(str(error))

    def command(self, command: str, **arguments: Any) -> None:
        """Give one of JupyterLab's commands, as its menus do, and do not wait until it is done."""
        self.page.evaluate(
            "([name, given]) => { window.jupyterapp.commands.execute(name, given) }", [command, arguments]
        )

    def execute(self, code: str) -> None:
        """Let the kernel run this, beside the notebook's cells."""
        self.page.evaluate(f"code => {KERNEL}.requestExecute({{code}}).done.then(() => null)", code)

    @property
    def dashboard(self) -> Any:
        """The last view of the dashboard: the box around the panel of demand and the controls."""
        return self.page.locator(".jp-OutputArea-output:has(button:text-is('Start'))").last

    def close(self) -> None:
        """Close the notebook and end its kernel; the page stays."""
        self.page.remove_listener("console", self._console)
        self.page.remove_listener("pageerror", self._error)
        self.page.evaluate(CLOSE)
        self.page.wait_for_selector(".jp-NotebookPanel", state="detached")

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
