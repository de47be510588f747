"""What stands below the outputs of cells once code above them is edited: the cells of one notebook, in a kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

SINK = """\
class Sink{n}(palleto.Consumer):
    def init(self):
        self.subscribe("P", max_demand={demand})
    async def handle_events(self, events):
        await anyio.sleep(1)
"""
RUN = """\
run{n} = Experiment(
    lambda: palleto.Supervisor([palleto.child(Source), palleto.child(Sink{n})]), virtual=True, seconds=5
)
run{n}.start().join()
"""
CELLS = {
    "source": """\
import anyio, palleto
from palleto.lab import Experiment, challenge, compare, evidence, figures, player, tell, unlucky
class Source(palleto.Producer):
    name = "P"
    def handle_demand(self, demand):
        return [0] * demand
""",
    "sinks": "\n".join(SINK.format(n=n, demand=2) for n in (1, 2, 3)),
    **{f"run {n}": RUN.format(n=n) for n in (1, 2, 3)},
    "figure 1": "figures.demand_over_time(run1)",
    "sentence 1": "tell('{} events', evidence.consumed(run1))",
    "player 1": "player(run1)",
    "table 1 and 3": "compare(run1, run3)",
    "odds 1": "unlucky(run1, seeds=2, fails=lambda trace: False)",
    "words 1": "print(len(evidence.events_of(run1)))",
    "figure 2": "figures.demand_over_time(run2)",
    "figure 3": "figures.demand_over_time(run3)",
    "no run": "1 + 1",
    "edit 1": SINK.format(n=1, demand=3),
    "edit 1 again": SINK.format(n=1, demand=4),
    "edit 2": SINK.format(n=2, demand=3),
    "undo 2": SINK.format(n=2, demand=2),
    "late 1": "figures.demand_over_time(run1)",
    "run 1 again": RUN.format(n=1),
    "new 1": "figures.demand_over_time(run1)",
}
OLDER = "made by older code: Sink1 has been edited since; run the cells below it again"


def test_outputs_of_runs_of_older_code_say_so_and_no_others(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="the notebooks extra is not installed")
    from palleto.lab.publish import execute

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS.values()])
    execute(tmp_path / "cells.ipynb", notebook, PYTHONPATH=str(Path(__file__).parents[2]))
    cells = zip(CELLS, notebook.cells, strict=True)
    told = {name: [text_of(output) for output in cell.outputs] for name, cell in cells}
    assert {name: texts[-1] for name, texts in told.items() if texts} == {
        **dict.fromkeys(("run 1", "figure 1", "sentence 1", "player 1", "table 1 and 3", "odds 1", "words 1"), OLDER),
        **dict.fromkeys(("run 2", "run 3", "figure 2", "figure 3"), ""),
        "no run": "2",
        "edit 1": f"What stands below was {OLDER}.\n",
        "edit 2": f"What stands below was {OLDER}.\n".replace("Sink1", "Sink2"),
        "late 1": OLDER,
        **dict.fromkeys(("run 1 again", "new 1"), ""),
    }
    assert {name for name, texts in told.items() if len(texts) > 2} == set()


def text_of(output: Any) -> str:
    return str(output.text if output.output_type == "stream" else output.data["text/plain"])
