"""The notebooks' files: a step's sections are put in, what a run left is taken out, and a difference is said."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from palleto.lab import notebook
from palleto.program import lesson


def written(path: Path, *sources: str, metadata: dict[str, Any] | None = None) -> Path:
    """A notebook that was run: each cell has an output, a count, and what JupyterLab leaves in its metadata."""
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{number:02}",
            "source": source.splitlines(keepends=True),
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["ho\n"]}],
            "execution_count": number,
            "metadata": metadata or {},
        }
        for number, source in enumerate(sources, 1)
    ]
    saved = {"widgets": {"application/vnd.jupyter.widget-state+json": {"state": {}}}, "kernelspec": {"name": "mine"}}
    path.write_text(json.dumps({"cells": cells, "metadata": saved, "nbformat": 4, "nbformat_minor": 5}))
    return path


@pytest.mark.parametrize(
    ("name", "number"),
    [("step4_simulated_waiting.ipynb", 4), ("index.ipynb", None), ("step4.ipynb", None), ("step12_x.ipynb", None)],
)
def test_the_number_is_in_the_name(name: str, number: int | None):
    assert notebook.number_of(Path(name)) == number


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("# ---- Server ----\nclass Server: ...", "Server"),
        ("from __future__ import annotations", lesson.IMPORTS),
        ("dash\n# ---- Server ----", None),
        ("", None),
    ],
)
def test_a_cell_shows_the_section_it_begins_with(source: str, name: str | None):
    assert notebook.section_of(source) == name


def test_a_lab_shows_the_sections_of_its_own_modules(tmp_path: Path):
    path = written(tmp_path / "lab4_overload.ipynb", "# ---- Queue ----", "# ---- Backlog ----", "# ---- Other ----")
    queue, backlog, other = ("".join(cell["source"]) for cell in json.loads(notebook.synced(path))["cells"])
    assert "class Bounded(Queue):" in queue
    assert "class Inbox(" in backlog
    assert other == "# ---- Other ----"
    assert notebook.number_of(path) is None
    assert notebook.sections_of(tmp_path / "lab9_without_code.ipynb") == {}


def test_what_a_run_left_is_taken_out(tmp_path: Path):
    left = {"tags": ["setup"], "execution": {"iopub.status.busy": "2016"}, "scrolled": True}
    path = written(tmp_path / "step4_simulated_waiting.ipynb", "dash", metadata=left)
    stripped = json.loads(notebook.synced(path))
    (cell,) = stripped["cells"]
    assert (cell["outputs"], cell["execution_count"], cell["metadata"]) == ([], None, {"tags": ["setup"]})
    assert cell["source"] == ["dash"]
    assert "widgets" not in stripped["metadata"]
    assert stripped["metadata"]["kernelspec"]["name"] == "python3"


def test_a_section_is_the_steps(tmp_path: Path):
    path = written(
        tmp_path / "step4_simulated_waiting.ipynb", "# ---- Producer ----", "# ---- Nothing ----", "print(1)"
    )
    sources = ["".join(cell["source"]) for cell in json.loads(notebook.synced(path))["cells"]]
    section = lesson.read(4).section("Producer")
    assert sources == [section.source, "# ---- Nothing ----", "print(1)"]


def test_the_index_shows_no_step(tmp_path: Path):
    path = written(tmp_path / "index.ipynb", "# ---- Producer ----\nmine")
    assert json.loads(notebook.synced(path))["cells"][0]["source"] == ["# ---- Producer ----\n", "mine"]


def markdown(path: Path, text: str) -> None:
    """Put a text before a notebook's cells."""
    content = json.loads(path.read_text(encoding="utf-8"))
    content["cells"].insert(0, {"cell_type": "markdown", "id": "text", "metadata": {}, "source": [text]})
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("text", "code", "minutes"),
    [
        ("word " * 1800, "", 10),
        ("", "line\n\n" * 150, 10),
        ("", 'ask("step4.a", of=run)\n' * 10, 10),  # ten questions, in ten lines
        ("", 'challenge("step4.a")\nchallenge("step4.a").check(mine)\nchallenge("step4.b")', 10),
        ("a few words", "", 5),
    ],
)
def test_the_minutes_are_of_words_lines_questions_and_challenges(tmp_path: Path, text: str, code: str, minutes: int):
    path = written(tmp_path / "step4_simulated_waiting.ipynb", code)
    markdown(path, f"About 1 minutes. {text}")
    assert f"About {minutes} minutes" in notebook.synced(path)


@pytest.mark.parametrize("name", ["step4_simulated_waiting.ipynb", "guide.ipynb"])
def test_a_notebook_and_its_row_in_the_index_have_its_minutes(tmp_path: Path, name: str):
    markdown(written(tmp_path / name), "About 1 minutes. " + "word " * 1800)
    markdown(written(tmp_path / "index.ipynb"), f"| 4. [Waiting]({name}) | 7 things | 1 |\n")
    assert "About 10 minutes" in notebook.synced(tmp_path / name)
    assert "| 7 things | 10 |" in notebook.synced(tmp_path / "index.ipynb")


def test_no_cell_uses_a_name_that_nothing_defines():
    command = ["ruff", "check", "--isolated", "--select", "F821", "--output-format", "concise", str(notebook.FOLDER)]
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_syncing_twice_changes_nothing_more(tmp_path: Path):
    path = written(tmp_path / "step4_simulated_waiting.ipynb", "# ---- Producer ----", "dash")
    assert list(notebook.drifted(tmp_path)) == [path]
    path.write_text(notebook.synced(path), encoding="utf-8")
    assert list(notebook.drifted(tmp_path)) == []
    assert path.read_text(encoding="utf-8") == notebook.synced(path)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder whose notebooks the command looks at."""
    real = notebook.drifted
    monkeypatch.setattr(notebook, "drifted", lambda: real(tmp_path))
    return tmp_path


def test_the_command(here: Path, capsys: pytest.CaptureFixture[str]):
    written(here / "step4_simulated_waiting.ipynb", "dash")
    with pytest.raises(SystemExit, match="1"):
        notebook.main(["check"])
    notebook.main(["sync"])
    notebook.main(["check"])
    assert capsys.readouterr().out.splitlines() == [
        "drifted: step4_simulated_waiting.ipynb",
        "synced: step4_simulated_waiting.ipynb",
    ]
    with pytest.raises(SystemExit, match="2"):
        notebook.main([])
    assert "expected one of check, sync, got nothing" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "sync"])
def test_without_notebooks_it_says_so_and_fails(here: Path, capsys: pytest.CaptureFixture[str], command: str):
    with pytest.raises(SystemExit, match="1"):
        notebook.main([command])
    assert re.match("error: expected notebooks in .*, got none; ", capsys.readouterr().err)
