"""Steps 6 to 9 as a user runs them, on LocalStack, if it answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.localstack


def run(step: int, folder: Path, *arguments: str) -> tuple[str, str]:
    command = [sys.executable, "-W", "error", "-m", f"steps.step{step}", "--output", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize("step", [6, 7, 8, 9])
def test_a_step_on_localstack(step: int, localstack: str, tmp_path: Path) -> None:
    # Step 6 deletes nothing, so it would wait half a minute for its messages to come back; its notebook does.
    _, said = run(step, tmp_path, *(["--events", "12"] if step == 6 else []))
    assert said.splitlines()[0] == f"LocalStack at {localstack}, because it answers there"
    assert "events consumed" in said
    assert "half there" not in said
    if step >= 7:
        assert "12 events consumed" in said
        assert "13 deleted, 0 redelivered, 0 dead-lettered" in said
    if step >= 8:
        results = sorted(tmp_path.rglob("*.txt"))
        assert len(results) == 12
        assert sum(int(path.read_text()) for path in results) == 43_614


@pytest.mark.long
def test_a_second_run_on_localstack_has_as_much_to_do(localstack: str, tmp_path: Path) -> None:
    """The files of the first are still there; they are put, and so announced, again. Each is done once."""
    for _ in range(2):
        _, said = run(9, tmp_path, "--files", "300", "--pipelines", "8")
        assert "300 events consumed" in said
        assert "0 redelivered, 0 dead-lettered" in said
