"""The published pages: all of a run is in them, and nothing is loaded from elsewhere."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from html_page import Page
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from palleto.errors import SettingError
from palleto.lab import publish

SMALL = (
    "# Step 4: small\n\n[Next](step5_multiple_consumers.ipynb) [file](../steps/step4.py#L3) [Readme](../README.md)"
    " [word](glossary.ipynb#dead-letter-queue)\n\n## `max_demand`\n\n### dead-letter *queue*\n\n### R & D",
    "from palleto.lab import Dashboard, Experiment, ask, figures\nfrom steps.step4 import pipeline",
    "run = Experiment(pipeline, virtual=True, seconds=40)\ndash = Dashboard(run)\ndash",
    'q1 = ask("step4.vain", of=run)\nq1',
    "dash.start()\nrun.join()",  # its frames come from a thread; the last one is saved when a cell ends
    "figures.demand_over_time(run)",
    "q1.check()",
    "## Change this number",
    "print('the last cell')",
)

VAIN = """
from palleto.lab.questions import question

@question("Are `runs` in vain?", choices=[5, 6], why="It waits <9>.")
def vain(trace):
    return 5
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the pages of a small notebook, whose step file stands beside it as in the repository."""
    root = tmp_path_factory.mktemp("clone")
    (root / "steps").mkdir()
    (root / "steps" / "step4.py").write_text('"""Step 4."""\n\nprint("<ho>")\n', encoding="utf-8")
    (root / "notebooks" / "questions").mkdir(parents=True)
    (root / "notebooks" / "questions" / "step4.py").write_text(VAIN)
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
        assert [load for load in Page(page).loaded if not load.startswith("data:image/")] == []
        assert not re.search(r"@import|url\((?!['\"]?(?:data:|#))", page)
        assert not re.search(r"https?://(?!www\.w3\.org/)", page)


def test_links_lead_from_page_to_page(pages: Path, text: str):
    assert Page(text).links == ["step5_multiple_consumers.html", "step4.html#L3", "glossary.html#dead-letter-queue"]
    assert "Readme" in text
    assert "<ho>" in "".join(Page((pages / "step4.html").read_text(encoding="utf-8")).shown)


def test_a_heading_can_be_linked_to(text: str):
    assert Page(text).anchors[1:4] == ["max_demand", "dead-letter-queue", "R-&-D"]


def test_the_run_is_in_it(text: str):
    shown = "".join(Page(text).shown)
    assert "Step 4: small" in shown
    assert "the last cell" in shown
    assert re.search(r"ended · 4[01] s · ", shown)
    assert re.findall(r"<title>(\w.*?)</title>", text) == [
        "Step 4: small",
        "Demand",
        "Server loops",
        "Throughput",
    ]
    assert 'aria-label="Demand is asked once' in text


def test_a_question_has_its_solution_behind_a_button_and_not_in_clear(text: str):
    assert "Are <code>runs</code> in vain?" in text
    told = re.search(r'<li>5</li><li>6</li></ul><p><button [^>]*data-told="([^"]+)"', text)
    assert told
    assert base64.b64decode(told[1]).decode() == "The answer is 5. It waits <9>."
    assert "The answer is 5" not in text
    assert "import answers" not in text


def models(**found: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {key: {"model_name": f"{name}Model", "state": state} for key, (name, state) in found.items()}


def test_the_code_of_a_sentence_is_left_out_and_the_sentence_is_there(tmp_path: Path):
    """In JupyterLab it is folded."""
    shown = new_code_cell("1 + 1")
    told = new_code_cell("tell('{} events', 5)", metadata={"jupyter": {"source_hidden": True}})
    for cell, said in ((shown, "2"), (told, "5 events")):
        cell.outputs = [new_output("execute_result", {"text/plain": said})]
    text = publish.pages.page(new_notebook(cells=[shown, told]), tmp_path)
    assert re.findall("1|tell|5 events", re.sub(r"<style>.*</style>|<[^>]*>", "", text, flags=re.DOTALL)) == [
        "1",
        "1",
        "5 events",
    ]


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
    from palleto.lab.publish.__main__ import main

    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "expected DIR, got nothing" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    for target, reason in (("file", "it is a file"), ("file/below", "Not a directory")):
        with pytest.raises(SystemExit, match="1"):
            main([str(tmp_path / target)])
        told = capsys.readouterr().err
        assert re.fullmatch(f"error: expected a folder for the pages, got .*: {reason}; choose another\n", told)

    def missing(name: str) -> Any:
        raise SettingError(f"expected {name} for the notebooks; install it with: pip install 'palleto[notebooks]'")

    monkeypatch.setattr(publish.pages, "required", missing)
    with pytest.raises(SystemExit, match="1"):
        main([str(tmp_path / "html")])
    told = capsys.readouterr().err
    assert told.startswith("error: expected nbformat for the notebooks; install it with: pip install")
    assert not (tmp_path / "html").exists()
