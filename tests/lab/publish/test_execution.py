"""A notebook that is executed: what a learner sees of an error, and what is left of the kernel, which is nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from palleto.errors import PalletoError
from palleto.lab import publish

OURS = ("ask('step5.kils', of=run)", "challenge('step5.fast')", "tell('{} {}', 1)", "Experiment(pipeline, speed=0)")
CELLS = (
    "import os\nfrom palleto.lab import Experiment, ask, challenge, tell\nfrom steps.step5 import pipeline",
    "run = Experiment(pipeline, virtual=True, seconds=5).start()\nrun.join()",
    *OURS,
    "1 / 0",
    "print(os.getpid())",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the kernel has its temporary files."""
    return tmp_path_factory.mktemp("execution")


@pytest.fixture(scope="module")
def done(folder: Path) -> Any:
    cells = [new_code_cell(text, metadata={"tags": ["raises-exception"]}) for text in CELLS]
    return publish.execute(folder / "small.ipynb", new_notebook(cells=cells), TMPDIR=str(folder))


def errors(done: Any) -> list[Any]:
    return [output for cell in done.cells for output in cell.outputs if output.output_type == "error"]


def test_an_error_of_ours_is_one_line_and_one_of_theirs_a_traceback(done: Any):
    *ours, theirs = errors(done)
    assert len(ours) == len(OURS)
    for error in ours:
        assert error.ename == "SettingError"
        assert error.traceback == [error.evalue]
        assert error.evalue.startswith("expected ")
    assert theirs.ename == "ZeroDivisionError"
    assert len(theirs.traceback) > 1
    assert nbformat.validate(done) is None


def test_the_kernel_leaves_nothing(done: Any, folder: Path):
    pid = int(done.cells[-1].outputs[0].text)
    assert not Path(f"/proc/{pid}").exists()
    assert list(folder.iterdir()) == []


def test_a_cell_that_raises_is_told_with_its_notebook(tmp_path: Path):
    source = tmp_path / "step4_small.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1 / 0")]), source)
    with pytest.raises(PalletoError, match=r"^a cell of step4_small\.ipynb raised ZeroDivisionError: division by"):
        list(publish.publish(tmp_path / "html", [source]))
