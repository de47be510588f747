"""What the README says is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from palleto.program import lesson

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_its_example_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    done = subprocess.run([sys.executable, "-W", "error", "-c", example], capture_output=True, text=True, timeout=30)
    assert done.stderr == ""
    assert done.stdout.splitlines()[0] == "[0, 1, 2, 3, 4]"


def test_its_table_names_every_step() -> None:
    rows = re.findall(r"^\| (\d) \| \[.+?\]\((.+?)\) \| `python -m ([\w.]+)", README, re.MULTILINE)
    assert rows == [(str(n), f"steps/step{n}.py", f"steps.step{n}") for n in lesson.STEPS]


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", README))
def test_its_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_it_has_the_two_commands_and_ci_calls_one() -> None:
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert [command.rpartition("&& ")[2] for command in commands[:2]] == [
        ".venv/bin/python -m steps.step9",
        ".venv/bin/python -m pytest -n 3",
    ]
    assert "<!-- test command -->" in (ROOT / ".ci/run").read_text(encoding="utf-8")
