"""What the dashboard needs to be there, and what it leaves in a notebook for those who open it without a kernel."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from palleto.errors import SettingError


def test_without_ipywidgets_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    for name in ("dashboard", "dashboard.dashboard", "dashboard.controls"):
        monkeypatch.delitem(sys.modules, f"palleto.lab.{name}")
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(SettingError, match=r"pip install 'palleto\[notebooks\]'"):
        importlib.import_module("palleto.lab.dashboard")


def test_importing_it_does_not_import_matplotlib():
    code = (
        "import sys, palleto.lab.dashboard; assert 'ipywidgets' in sys.modules; assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.filterwarnings("ignore")  # of nbclient and the zmq sockets below it
def test_the_saved_state_holds_the_final_frame(tmp_path: Path):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    cells = [
        "from steps.step5 import pipeline\nfrom palleto.lab.dashboard.dashboard import Dashboard\n"
        "from palleto.experiment.experiment import Experiment\n"
        "dash = Dashboard(Experiment(pipeline, speed=100, seconds=60))\ndash.start()\ndash",
        "1 + 1",
        "dash.experiment.join()",
        "print(dash.scene.consumed, dash.line)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    root = str(Path(__file__).parents[2])
    nbclient.NotebookClient(
        notebook, kernel_name="python3", timeout=60, resources={"metadata": {"path": root}}
    ).execute()
    consumed, line = notebook.cells[3].outputs[0]["text"].strip().split(" ", 1)
    saved = json.dumps(notebook.metadata.widgets, ensure_ascii=False)
    assert f"{consumed} events consumed, 0" in saved
    assert "ended" in line
    assert "ended</b>" in saved
    assert notebook.cells[0].outputs[-1]["data"]["text/plain"].split(" · ")[0] in ("starting", "running")
