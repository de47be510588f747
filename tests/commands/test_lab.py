"""`palleto lab`: the notebooks in the user's folder, whose files are kept. `tests/browser/lab` opens JupyterLab."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ran import ROOT, one_error

from palleto.lab import copies, notebook
from palleto.program import STEPS


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines that JupyterLab, which is not started, is given."""
    given: list[list[str]] = []
    application: Any = SimpleNamespace(launch_instance=given.append)
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", SimpleNamespace(LabApp=application))
    return given


def test_the_notebooks_and_what_they_link_to_are_copied(palleto, launched, tmp_path):
    ran = palleto("lab", "mine")
    mine = tmp_path / "mine"
    assert (ran.status, ran.err) == (0, "")
    count = sum(path.is_file() for path in mine.rglob("*"))
    assert ran.out == f"copied {count} files to {mine}\n"
    assert {path.name for path in (mine / "notebooks").glob("*.ipynb")} == {path.name for path in notebook.notebooks()}
    assert {path.name for path in (mine / "steps").iterdir()} == {f"step{number}.py" for number in STEPS}
    for path in (mine / "notebooks").glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
        for link in re.findall(r"\]\(([^)#:]+)[^):]*\)", text):
            assert (path.parent / link).exists(), f"{path.name} links to {link}"


def test_jupyterlab_is_opened_on_them_on_loopback(palleto, launched, tmp_path):
    palleto("lab", "mine")
    palleto("lab", "mine", "--no-browser", "--allow-root", "--port", 9999)
    palleto("lab")
    first, second, third = launched
    assert first == [
        "--ip=127.0.0.1",
        "--log-level=WARN",
        f"--ServerApp.root_dir={tmp_path / 'mine'}",
        "--LabApp.default_url=/lab/tree/notebooks/index.ipynb",
    ]
    assert second == [*first, "--no-browser", "--allow-root", "--port=9999"]
    assert f"--ServerApp.root_dir={tmp_path / 'palleto-notebooks'}" in third


def test_what_is_there_is_kept(palleto, launched, tmp_path):
    palleto("lab", "mine")
    written, removed = tmp_path / "mine/notebooks/index.ipynb", tmp_path / "mine/steps/step1.py"
    written.write_text("my own")
    removed.unlink()
    count = sum(path.is_file() for path in (tmp_path / "mine").rglob("*"))
    ran = palleto("lab", "mine")
    assert ran.out == f"kept the {count} files that are in {tmp_path / 'mine'} already, and copied 1\n"
    assert written.read_text() == "my own"
    assert removed.exists()
    assert palleto("lab", "mine").out == f"kept the {count + 1} files that are in {tmp_path / 'mine'} already\n"


def test_what_runs_and_editors_left_is_not_copied(monkeypatch, tmp_path):
    clone = tmp_path / "notebooks"
    for name in ("index.ipynb", "questions/step1.py", "output/a.txt", ".ipynb_checkpoints/index.ipynb",
                 "questions/__pycache__/step1.pyc"):  # fmt: skip
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text("{}")
    monkeypatch.setattr(copies, "FOLDER", clone)
    copied = copies.copy(tmp_path / "mine")
    names = {path.relative_to(copied.notebooks).as_posix() for path in copied.notebooks.rglob("*") if path.is_file()}
    assert names == {"index.ipynb", "questions/step1.py"}


@pytest.mark.parametrize("missing", ["jupyterlab.labapp", "ipywidgets"])
def test_without_the_extra_nothing_is_copied_and_one_line_says_what_mends_it(palleto, launched, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    one_error(palleto("lab", "mine"), f"expected {missing} for the notebooks", "pip install 'palleto[notebooks]'")
    assert not Path("mine").exists()
    assert launched == []


def test_a_folder_that_cannot_be_is_one_line(palleto, launched):
    Path("file").write_text("in the way")
    one_error(palleto("lab", "file"), "expected a folder to write to", "file: it is a file; choose another", status=1)
    one_error(palleto("lab", "file/below"), "expected a folder to write to", "choose another", status=1)
    assert launched == []


def test_the_wheel_has_them_where_they_are_looked_for():
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert "notebooks" in wheel["only-include"]
    assert wheel["sources"] == {"notebooks": "palleto/notebooks"}


def test_capacity_prints_what_was_tried_what_to_choose_and_a_bill(palleto):
    chosen = ["--files", 20, "--pipelines", 2, "--pipelines", 6, "--max-demand", 1, "--budget", 20]
    ran = palleto("lab", "capacity", *chosen)
    assert (ran.status, ran.err) == (0, "")
    tried, reasons, line, bill = ran.out.strip().split("\n\n")
    assert [row.split("  ")[0] for row in tried.splitlines()[1:]] == ["2 x 1", "6 x 1 knee"]
    assert [row.partition(":")[0] for row in reasons.splitlines()[1:]] == [
        *("workers", "pipelines", "max_demand", "wait time", "visibility timeout")
    ]
    assert line.startswith("6 x 1, ")
    assert line.endswith("the budget of 20.00 USD pays for it.")
    assert bill.splitlines()[-1].startswith("together")
    assert palleto("lab", "capacity", *chosen).out == ran.out, "the same again"


def test_capacity_of_a_load_that_cannot_be_is_one_line(palleto):
    one_error(palleto("lab", "capacity", "--waits", 3, 1), "expected waits of 0 s or more", "got: (3.0, 1.0)", status=1)
    one_error(palleto("lab", "capacity", "--rate", 0), "--rate: expected a number above 0, got: '0'", status=2)
