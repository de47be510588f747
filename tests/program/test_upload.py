"""The first file of a run is up before its pipeline starts, unless it takes long."""

from __future__ import annotations

from pathlib import Path

import pytest

from palleto import Recorder, clock
from palleto.cloud import Simulation
from palleto.program import Options, StepRun, queue_empty
from steps import step9


@pytest.mark.parametrize(("put", "files"), [(0.5, 1), (5.0, 0)])
def test_the_first_poll_finds_a_file_unless_that_takes_long(
    backend: str, tmp_path: Path, put: float, files: int
) -> None:
    options = Options(place="simulated", files=2, output=tmp_path, quiet=True)
    recorder = Recorder()
    run = StepRun(step9.pipeline, queue_empty, options, recorder=recorder, simulation=Simulation(put_object=put))
    run.report = lambda line: None
    clock.run(run, backend=backend, time="virtual")
    kinds = [event.kind for event in recorder.events]
    first = next(event for event in recorder.events if event.kind == "receive")
    assert min(1, sum(map(len, first.data["names"]))) == files
    assert kinds.count("sent") == 1
    assert len(list(tmp_path.rglob("*.txt"))) == 2
