"""Each benchmark runs, with tiny numbers, and says what it measured. How fast it was is not asked here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent / "benchmarks"


@pytest.mark.parametrize(
    ("name", "options", "rows"),
    [
        ("core", ["--backend", "asyncio", "--demand", "10/0"], 4 * 2 * 3),
        ("core", ["--backend", "trio", "--demand", "1/0", "--recorder", "off"], 4 * 2 + 2),
        ("efficiency", [], 2),
        ("memory", [], 2),
        ("start", [], 2),
    ],
)
def test_a_benchmark_runs(tmp_path: Path, name: str, options: list[str], rows: int) -> None:
    file = tmp_path / "numbers.json"
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), "--smoke", "--json", str(file), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])
    assert done.returncode == 0, done.stderr
    measured = json.loads(file.read_text())
    assert len(measured["rows"]) == rows
    assert all(value >= 0 for row in measured["rows"] for value in row.values() if isinstance(value, int | float))
    assert done.stdout.count("\n") == rows + 2  # a table: its head, its rule, its rows
