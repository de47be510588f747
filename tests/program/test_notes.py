"""What happens beside the stages is in the trace, while the pipeline runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from palleto.program.notes import Notes


def test_requests_faults_and_lines_are_noted_while_the_pipeline_runs() -> None:
    noted: list[Any] = []
    recorder = SimpleNamespace(note=lambda kind, process, events=(), **data: noted.append((kind, [*events], data)))
    notes = Notes(recorder)  # type: ignore[arg-type]

    def tell() -> None:
        notes.report("a line for the user")
        notes.fault("s3.GetObject", "breaks off")
        notes.request("s3.GetObject", {"Key": "a.gz"}, {"ContentLength": 7})

    tell()
    assert noted == []
    notes.system = SimpleNamespace(now=lambda: 1.0)  # type: ignore[assignment]
    tell()
    assert noted == [
        ("report", [], {"text": "a line for the user"}),
        ("fault", [], {"operation": "s3.GetObject", "what": "breaks off"}),
        ("download", ["a.gz"], {"bytes": 7}),
    ]
