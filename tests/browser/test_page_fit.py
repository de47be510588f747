"""A published page on a narrow screen: only what is wide in it (code, a picture) is moved sideways, not the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [360, 1280])
def test_long_names_fit(browser: Any, width: int, tmp_path: Path):
    pytest.importorskip("nbconvert", reason="the notebooks extra is not installed")
    from nbformat.v4 import new_markdown_cell, new_notebook

    from palleto.lab.publish.pages import page

    text = "Use `anyio.open_signal_receiver(signal.SIGTERM)`.\n\n| there | here |\n|---|---|\n"
    text += "| `GenStage.estimate_buffered_count` | `Producer.from_iterable(dispatcher=...)` |"
    path = tmp_path / "page.html"
    path.write_text(page(new_notebook(cells=[new_markdown_cell(text)]), tmp_path), encoding="utf-8")
    opened = browser.new_page(viewport={"width": width, "height": 900})
    opened.goto(path.as_uri())
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    opened.close()
