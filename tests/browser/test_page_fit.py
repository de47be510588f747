"""A published page on a narrow screen: only what is wide in it (code, a picture) is moved sideways, not the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [360, 1280])
def test_long_names_fit(page: Any, width: int, tmp_path: Path):
    pytest.importorskip("nbconvert", reason="the notebooks extra is not installed")
    from nbformat.v4 import new_markdown_cell, new_notebook

    from palleto.lab.publish import pages

    text = "Use `anyio.open_signal_receiver(signal.SIGTERM)`.\n\n| there | here |\n|---|---|\n"
    text += "| `GenStage.estimate_buffered_count` | `Producer.from_iterable(dispatcher=...)` |"
    path = tmp_path / "page.html"
    path.write_text(pages.page(new_notebook(cells=[new_markdown_cell(text)]), tmp_path), encoding="utf-8")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
