"""Published copies of notebooks in headless Chromium: their players work, without a kernel and without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from palleto.lab import publish

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]

CELLS = (
    "# Step 5: small",
    "from palleto.lab import Experiment, evidence, question\nfrom steps.step5 import pipeline",
    "run = Experiment(pipeline, virtual=True, seconds=40).start()\nrun.join()",
    "kills = question('Kills?', answer=lambda trace: evidence.tally(trace, kind='loop_killed', before=20), of=run)",
    "kills.player()",
    "kills.check(3)",
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    cells = [(new_markdown_cell if text.startswith("#") else new_code_cell)(text) for text in CELLS]
    nbformat.write(new_notebook(cells=cells), folder / "small.ipynb")
    (path,) = publish.publish(folder / "html", [folder / "small.ipynb"])
    return path


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_players_of_a_copy_work(opened: Any, copy: Path, theme: str) -> None:
    from playwright.sync_api import expect

    page = opened(copy.as_uri(), theme=theme, ready="iframe.palleto-player")
    frames = page.locator("iframe.palleto-player")
    assert frames.count() == 2  # the one that was asked for, and that of the wrong answer
    for number in range(2):
        player = frames.nth(number).content_frame
        player.locator("#player[aria-busy=false]").wait_for()
        place = player.locator(".place")
        opened = place.text_content()
        assert player.locator(".now .kind").text_content() == "loop_killed"
        assert not opened.startswith("0 of ")
        expect(player.locator(".note.away")).to_be_visible()  # says that keys need a click
        player.locator(".now").click()  # keys go to the frame that was clicked last
        expect(player.locator(".note.away")).to_be_hidden()
        page.keyboard.press("ArrowRight")
        expect(place).not_to_have_text(opened)
        page.keyboard.press("ArrowLeft")
        expect(place).to_have_text(opened)
