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
        ("subscriptions", [], 2),
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


def run(name: str, file: Path, *options: str) -> list[dict[str, float]]:
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *options, "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])
    assert done.returncode == 0, done.stderr
    measured = json.loads(file.read_text())
    return measured["rows"] if isinstance(measured, dict) else measured


def test_consumers_run(tmp_path: Path) -> None:
    only = ["boto3, one loop", "step 9, 8 x 10"]
    rows = run("consumers", tmp_path / "rows", "embedded", "--files", "10", "--rounds", "1", "--only", *only)
    assert [row["name"] for row in rows] == only
    assert all(row["requests_per_file"] >= 1.2 for row in rows)  # a receive, ten downloads, a delete


def test_polling_costs_less_a_file_with_more_pipelines(tmp_path: Path) -> None:
    one, ten, one_by_tens, ten_by_tens = run("polling", tmp_path / "rows", "--pipelines", "1", "10", "--files", "10")
    assert ten["receives_per_file"] < one["receives_per_file"]
    assert one_by_tens["receives_per_file"] < one["receives_per_file"]
    assert ten_by_tens["receives_per_file"] <= 0.2
