"""Steps 8 and 9 as a user runs them, on LocalStack, if it answers: all that 6 and 7 ask of it is in these."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from ran import ending

from palleto.program import Options, run_step

pytestmark = pytest.mark.localstack


def summary(step: int, folder: Path, capsys: pytest.CaptureFixture[str], **options: int) -> tuple[str, str]:
    """What a step told while it ran, and the lines of its summary."""
    lines = run_step(import_module(f"steps.step{step}").pipeline, ending(step), Options(output=folder, **options))
    return capsys.readouterr().err, "\n".join(lines)


@pytest.mark.parametrize("step", [8, 9])
def test_a_step_on_localstack(step: int, localstack: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told, lines = summary(step, tmp_path, capsys)
    assert told.splitlines()[0] == f"LocalStack at {localstack}, because it answers there"
    assert "half there" not in told
    assert "12 events consumed" in lines
    assert "13 deleted, 0 redelivered, 0 dead-lettered" in lines
    results = sorted(tmp_path.rglob("*.txt"))
    assert len(results) == 12
    assert sum(int(path.read_text()) for path in results) == 43_614


@pytest.mark.long
def test_a_second_run_on_localstack_has_as_much_to_do(
    localstack: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The files of the first are still there; they are put, and so announced, again. Each is done once."""
    for _ in range(2):
        _, lines = summary(9, tmp_path, capsys, files=300, pipelines=8)
        assert "300 events consumed" in lines
        assert "0 redelivered, 0 dead-lettered" in lines
