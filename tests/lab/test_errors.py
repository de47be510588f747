"""What a learner sees of an error: one line in the notebook, in whatever cell it is raised."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from palleto.lab import publish

CELLS = (
    "from palleto.lab import Experiment, ask, challenge, figures, fork, tell\nfrom steps.step5 import pipeline",
    "run = Experiment(pipeline, virtual=True, seconds=5).start()\nrun.join()",
    "ask('step5.kils', of=run)",
    "challenge('step5.fast')",
    "tell('{} {}', 1)",
    "Experiment(pipeline, speed=0)",
    "1 / 0",
)


def test_an_error_of_ours_is_one_line_and_one_of_theirs_a_traceback(tmp_path: Path):
    cells = [new_code_cell(text, metadata={"tags": ["raises-exception"]}) for text in CELLS]
    done = publish.execute(tmp_path / "small.ipynb", new_notebook(cells=cells))
    told = [[output for output in cell.outputs if output.output_type == "error"] for cell in done.cells]
    assert told[:2] == [[], []]
    for (error,), cell in zip(told[2:-1], CELLS[2:], strict=False):
        assert error.ename == "SettingError", cell
        assert error.traceback == [error.evalue], cell
        assert error.evalue.startswith("expected ")
    (theirs,) = told[-1]
    assert len(theirs.traceback) > 1
    assert nbformat.validate(done) is None
