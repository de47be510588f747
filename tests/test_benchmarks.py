"""Each benchmark runs, with tiny numbers, and says what it measured. How fast it was is not asked here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.long  # 13 s, and nothing that the package does is asked here


def rows(name: str, folder: Path, *options: str) -> list[dict[str, Any]]:
    """What a benchmark measured."""
    program = ROOT / "tests" / "benchmarks" / f"{name}.py"
    command = [sys.executable, str(program), *options, "--json", str(folder / "rows")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "rows").read_text())["rows"]


@pytest.mark.parametrize(
    ("name", "options", "count"),
    [
        ("core", ["--backend", "asyncio", "--demand", "10/0"], 4 * 2),
        ("core", ["--backend", "trio", "--demand", "1/0"], 4 * 2 + 2),
        ("recording", [], 4 * 4 + 1),
        ("efficiency", [], 2),
        ("memory", [], 2),
        ("start", [], 2),
        ("subscriptions", [], 2),
    ],
)
def test_a_benchmark_runs(tmp_path: Path, name: str, options: list[str], count: int) -> None:
    measured = rows(name, tmp_path, "--smoke", *options)
    assert len(measured) == count
    assert all(value >= 0 for row in measured for value in row.values() if isinstance(value, int | float))


@pytest.mark.parametrize("server", ["embedded", "aws"])
def test_consumers_run(tmp_path: Path, server: str) -> None:
    only = ["boto3, one loop", "step 9, 8 x 10"]
    measured = rows("consumers", tmp_path, server, "--smoke", "--only", *only)
    assert [row["name"] for row in measured] == only
    assert all(row["requests_per_file"] >= 1.2 for row in measured)  # a receive, ten downloads, a delete


def test_polling_costs_less_a_file_with_more_pipelines(tmp_path: Path) -> None:
    one, ten, one_by_tens, ten_by_tens = rows("polling", tmp_path, "--smoke")
    assert ten["receives_per_file"] < one["receives_per_file"]
    assert one_by_tens["receives_per_file"] < one["receives_per_file"]
    assert ten_by_tens["receives_per_file"] <= 0.2
