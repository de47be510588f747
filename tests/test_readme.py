"""What the README says is so."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from palleto.program import lesson

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BENCHMARKS = (ROOT / "tests/benchmarks/README.md").read_text(encoding="utf-8")
HELPERS = {"contestant.py", "delay.py", "moto_server.py"}  # processes that consumers.py starts


def test_its_example_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    done = subprocess.run([sys.executable, "-W", "error", "-c", example], capture_output=True, text=True, timeout=30)
    assert done.stderr == ""
    assert done.stdout.splitlines()[0] == "[0, 1, 2, 3, 4]"


def test_its_table_names_every_step() -> None:
    rows = re.findall(r"^\| (\d) \| \[.+?\]\((.+?)\) \| `python -m ([\w.]+)", README, re.MULTILINE)
    assert rows == [(str(n), f"steps/step{n}.py", f"steps.step{n}") for n in lesson.STEPS]


def test_its_table_of_floors_is_the_contract() -> None:
    rows = re.findall(r"^\| (\d) \| \[`(\w+)`\]", README, re.MULTILINE)
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]["layers"]
    floors = {name: str(floor) for floor, layer in enumerate(reversed(layers)) for name in layer.split(" | ")}
    assert {package: floor for floor, package in rows} == floors
    assert [floor for floor, _ in rows] == sorted(floors.values(), reverse=True)


BESIDE = {"README.md": README, "tests/benchmarks/README.md": BENCHMARKS}
LINKS = [(page, link) for page, text in BESIDE.items() for link in re.findall(r"\]\(([^)#:]+)\)", text)]


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_its_links_lead_somewhere(page: str, link: str) -> None:
    assert (ROOT / page).parent.joinpath(link).exists()


def test_every_benchmark_is_told() -> None:
    told = re.findall(r"^\| \[`(\w+\.py)`\]\(\1\)", BENCHMARKS, re.MULTILINE)
    commands = [file.name for file in (ROOT / "tests/benchmarks").glob("*.py") if "__main__" in file.read_text()]
    assert sorted(told) == sorted(set(commands) - HELPERS)


def test_it_has_the_two_commands_and_ci_calls_one() -> None:
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert [command.rpartition("&& ")[2] for command in commands[:2]] == [
        ".venv/bin/python -m steps.step9",
        ".venv/bin/python -m pytest -n 3",
    ]
    assert "<!-- test command -->" in (ROOT / ".ci/run").read_text(encoding="utf-8")
