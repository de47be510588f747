"""The published pages: all of a run is in them, and nothing is loaded from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from palleto.errors import SettingError
from palleto.lab import publish

SMALL = (
    "# Step 4: small\n\n[Next](step5_multiple_consumers.ipynb) [file](../steps/step4.py#L3) [Readme](../README.md)",
    "from palleto.lab import Dashboard, Experiment, figures, question\nfrom steps.step4 import pipeline",
    "run = Experiment(pipeline, virtual=True, seconds=40)\ndash = Dashboard(run)\ndash",
    'q1 = question("Are `runs` in vain?", choices=[5, 6], answer=lambda trace: 5, of=run, why="It waits <5>.")\nq1',
    "dash.start()\nrun.join()",  # its frames come from a thread; the last one is saved when a cell ends
    "figures.demand_over_time(run)",
    "q1.check()",
    "## Change this number",
    "print('the last cell')",
)


class Loads(HTMLParser):
    """Collects what a page loads, where it leads, and what it shows as text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.shown: list[str] = []
        self._hidden = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self._hidden += tag in ("style", "script")
        if tag == "a":
            self.links.append(known.get("href") or "")
        elif tag == "script":
            self.loaded.append(known.get("src") or "script")
        else:
            self.loaded += [
                value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "data", "srcset")
            ]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "script")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.shown.append(data)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the pages of a small notebook, whose step file stands beside it as in the repository."""
    root = tmp_path_factory.mktemp("clone")
    (root / "steps").mkdir()
    (root / "steps" / "step4.py").write_text('"""Step 4."""\n\nprint("<ho>")\n', encoding="utf-8")
    (root / "notebooks").mkdir()
    cells = [(new_markdown_cell if text.startswith("#") else new_code_cell)(text) for text in SMALL]
    source = root / "notebooks" / "step4_simulated_waiting.ipynb"
    nbformat.write(new_notebook(cells=cells), source)
    assert [path.name for path in publish.publish(root / "html", [source])] == [
        "step4_simulated_waiting.html",
        "step4.html",
    ]
    return root / "html"


@pytest.fixture(scope="module")
def text(pages: Path) -> str:
    return (pages / "step4_simulated_waiting.html").read_text(encoding="utf-8")


def test_nothing_is_loaded(pages: Path):
    for path in pages.iterdir():
        page = path.read_text(encoding="utf-8")
        assert [load for load in Loads(page).loaded if not load.startswith("data:image/")] == []
        assert not re.search(r"@import|url\((?!['\"]?data:)", page)
        assert not re.search(r"https?://(?!www\.w3\.org/)", page)


def test_links_lead_from_page_to_page(pages: Path, text: str):
    assert Loads(text).links == ["step5_multiple_consumers.html", "step4.html#L3"]
    assert "Readme" in text
    assert "<ho>" in "".join(Loads((pages / "step4.html").read_text(encoding="utf-8")).shown)


def test_the_run_is_in_it(text: str):
    shown = "".join(Loads(text).shown)
    assert "Step 4: small" in shown
    assert "the last cell" in shown
    assert re.search(r"ended · 4[01] s · ", shown)
    assert re.findall(r"<title>(\w.*?)</title>", text) == [
        "Step 4: small",
        "Demand",
        "Server loops",
        "Throughput",
    ]
    assert "data:image/png;base64," in text


def test_a_question_has_its_solution_folded_away(text: str):
    assert "Are <code>runs</code> in vain?" in text
    assert "<li>5</li><li>6</li></ul><details><summary>Solution</summary>" in text
    assert "It waits &lt;5&gt;." in text
    assert "palleto.lab.questions import Question" not in text


def test_the_kernel_leaves_nothing(tmp_path: Path):
    notebook = new_notebook(cells=[new_code_cell("import os\nprint(os.getpid())")])
    done = publish.execute(tmp_path / "small.ipynb", notebook, TMPDIR=str(tmp_path))
    pid = int(done.cells[0].outputs[0].text)
    assert not Path(f"/proc/{pid}").exists()
    assert list(tmp_path.iterdir()) == []


def models(**found: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {key: {"model_name": f"{name}Model", "state": state} for key, (name, state) in found.items()}


def test_widgets_stand_still():
    still = publish.StaticWidgets(
        models(
            box=("VBox", {"children": ["IPY_MODEL_html", "IPY_MODEL_grid", "IPY_MODEL_empty"]}),
            html=("HTML", {"value": "<b>bold</b>"}),
            grid=("GridBox", {"children": ["IPY_MODEL_speed", "IPY_MODEL_rate"], "layout": "IPY_MODEL_layout"}),
            layout=("Layout", {"grid_template_columns": "1fr 1fr", "grid_gap": "4px"}),
            speed=("FloatLogSlider", {"description": "speed", "value": 35.4813}),
            rate=("SelectionSlider", {"description": "a<b", "_options_labels": ["1/s", "2/s"], "index": 1}),
            empty=("HBox", {"children": ["IPY_MODEL_button", "IPY_MODEL_gone"]}),
            button=("Button", {"description": "Start"}),
        )
    )
    assert still.html("box") == (
        '<div class="w-column"><div><b>bold</b></div>'
        '<div class="w-grid" style="display:grid;grid-template-columns:1fr 1fr;gap:4px">'
        '<span class="w-setting">speed <b>35.5</b></span><span class="w-setting">a&lt;b <b>2/s</b></span></div></div>'
    )
    assert still.html("empty") == ""


def test_what_a_user_gets_wrong_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert publish.pages.main([]) == 2
    assert capsys.readouterr().err == "usage: python -m palleto.lab.publish DIR\n"

    def missing(name: str) -> Any:
        raise SettingError(f"expected {name} for the notebooks; install it with: pip install 'palleto[notebooks]'")

    monkeypatch.setattr(publish.pages, "notebooks", lambda: [tmp_path / "index.ipynb"])
    monkeypatch.setattr(publish.pages, "required", missing)
    assert publish.pages.main([str(tmp_path / "html")]) == 1
    assert capsys.readouterr().err == (
        "expected nbformat for the notebooks; install it with: pip install 'palleto[notebooks]'\n"
    )
