"""What the README says is so: every command that it shows is run, word for word, and prints what it says.

What opens a browser, or reaches a network or a server, is parsed and not run. Of a line that installs, what follows the
installation is run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from palleto.program import lesson

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BENCHMARKS = (ROOT / "tests/benchmarks/README.md").read_text(encoding="utf-8")
HELPERS = {"canned.py", "contestant.py", "delay.py"}  # processes that consumers.py starts
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
TABLE = re.findall(r"^\| (\d) \| \[.+?\]\((.+?)\) \| `(.+?)` \|", README, re.MULTILINE)
ELSEWHERE = re.compile(r"(?<!`)`((?:palleto|python|docker|apt|pip|source) .+?)`")
"""Commands in the text."""
PARSED = re.compile(r"palleto (lab|localstack|cloud)\b")
"""Of the commands, those that are only parsed: they go on for ever, or reach a network or a server."""
INSTALLED = re.compile(r"python3 -m venv \.venv && \.venv/bin/pip install -q (-e )?'?\.(?:\[(\w+)\])?'? && ")
VARIES = re.compile(r"(?<=consumed in )[\d.]+|(?<=Consumer )\d+|(?<=ReceiveMessage )\d+|(?<=\.py:)\d+")
"""What differs in what is printed: from run to run, and with each line that is added to a step."""

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="the README's commands are bash's")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a virtual environment of the name that the README gives it, and its commands."""
    folder = tmp_path_factory.mktemp("clone")
    commands = folder / ".venv" / "bin"
    commands.mkdir(parents=True)
    (commands / "palleto").write_text(f"#!{sys.executable}\nfrom palleto.commands import main\nmain()\n")
    (commands / "palleto").chmod(0o755)
    (commands / "python").symlink_to(sys.executable)
    return folder


def started(command: str, folder: Path) -> subprocess.Popen[str]:
    path = f"{folder}/.venv/bin{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PALLETO_PLACE": "embedded", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,  # as in a terminal
        text=True,
    )


def printed(running: subprocess.Popen[str]) -> str:
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 0, out
    return out


def said_after(block: str) -> str:
    """What the README says that a block of commands prints at its end."""
    at = BLOCKS.index(("sh", block)) + 1
    assert BLOCKS[at][0] == "text", f"expected what is printed by: {block}"
    return BLOCKS[at][1]


def block_with(words: str) -> str:
    (found,) = [text for kind, text in BLOCKS if kind == "sh" and words in text]
    return found


@needs_bash
def test_the_steps_run_as_its_table_shows_them(tmp_path: Path, folder: Path) -> None:
    running = []
    *others, last = TABLE
    assert last[2] == "palleto step 9"  # which the first command runs, below
    for number, _, command in others:
        (tmp_path / number).mkdir()
        (tmp_path / number / ".venv").symlink_to(folder / ".venv")
        running.append(started(command, tmp_path / number))
    for number, (_, _, command), one in zip(lesson.STEPS[:-1], others, running, strict=True):
        assert "events consumed in" in printed(one), command
        assert command.startswith(f"palleto step {number}")


@needs_bash
def test_the_first_command_ends_as_it_says(folder: Path) -> None:
    block = block_with("git clone")
    clone, first = block.splitlines()
    assert clone == "git clone ADDRESS palleto && cd palleto"
    assert len(re.findall(r"ADDRESS", README)) == 2, "no address is known; the text says what stands for it"
    out = printed(started(INSTALLED.sub("", first), folder))
    said = said_after(block)
    assert VARIES.sub("#", "".join(out.splitlines(keepends=True)[-4:])) == VARIES.sub("#", said)
    (results,) = re.findall(r"The results are in `(.+?)`", README)
    assert len(list((folder / results).glob("*.txt"))) == 12
    assert "Twelve files make thirteen messages" in README
    assert said.endswith("messages: 13 deleted, 0 redelivered, 0 dead-lettered\n")


@needs_bash
def test_its_things_to_try_print_what_it_says(folder: Path) -> None:
    block = block_with("palleto explain")
    *others, watched = block.splitlines()
    out = printed(started("\n".join(others), folder))
    assert VARIES.sub("#", out).endswith(VARIES.sub("#", said_after(block)))
    assert "\n99 files: " in printed(started(watched, folder))
    assert (folder / "run.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@needs_bash
def test_palleto_alone_lists_what_it_can_do(folder: Path) -> None:
    assert "`palleto` lists all that it can do" in README
    assert "  lab [DIR]" in printed(started("palleto", folder))


def test_what_it_installs_is_there_and_what_follows_is_run_or_parsed() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    lines = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines() if "pip install" in line]
    found = [INSTALLED.match(line) for line in lines]
    assert [install and install[2] for install in found] == [None, "test", "notebooks"]
    assert {"test", "notebooks"} <= set(extras)
    assert [INSTALLED.sub("", line) for line in lines] == [
        ".venv/bin/palleto step 9",
        ".venv/bin/python -m pytest -n 3",
        ".venv/bin/palleto lab",
    ]


def test_ci_runs_its_test_command() -> None:
    assert "<!-- test command -->\n```sh\npython3 " in README
    assert "<!-- test command -->" in (ROOT / ".ci/run").read_text(encoding="utf-8")


def commands() -> list[str]:
    """All that it shows of `palleto`, in blocks, in the table and in the text."""
    blocks = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
    shown = [*blocks, *ELSEWHERE.findall(README)]
    return [
        command for line in shown for command in re.findall(r"palleto [a-z][^#&]*", line) if "palleto &&" not in line
    ]


@needs_bash
def test_every_command_of_palleto_is_one(folder: Path) -> None:
    """`--help` after a command refuses what it does not know, and does nothing else."""
    asked = sorted({command.strip() for command in commands() if PARSED.match(command)})
    assert [command for command in asked if command.startswith("palleto lab")] == ["palleto lab"]
    assert len(asked) >= 4
    for one in [started(f"{command} --help", folder) for command in asked]:
        assert printed(one).startswith("Usage: palleto")


def test_the_other_commands_of_its_text_are_those_that_are_known() -> None:
    others = {command for command in ELSEWHERE.findall(README) if not command.startswith("palleto ")}
    assert others == {
        "apt install python3-venv",
        "source .venv/bin/activate",
        "python -m steps.step9",  # run by tests/steps
        "pip install 'palleto[notebooks]' && palleto lab",  # run by tests/commands, from the wheel
        "docker compose up -d --scale worker=3",  # its file is read by tests/cloud/test_compose.py
    }


def test_its_example_runs() -> None:
    (example,) = [text for kind, text in BLOCKS if kind == "python"]
    done = subprocess.run([sys.executable, "-W", "error", "-c", example], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("0\n1\n2\n", "")


def test_it_is_short() -> None:
    assert len(README.splitlines()) < 150


def test_its_table_names_every_step() -> None:
    rows = [(number, file) for number, file, _ in TABLE]
    assert rows == [(str(n), f"steps/step{n}.py") for n in lesson.STEPS]


def test_its_table_of_floors_is_the_contract() -> None:
    rows = re.findall(r"^\| (\d) \| \[`(\w+)`\]", README, re.MULTILINE)
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]["layers"]
    floors = {name: str(floor) for floor, layer in enumerate(reversed(layers)) for name in layer.split(" | ")}
    assert {package: floor for floor, package in rows} == floors
    assert [floor for floor, _ in rows] == sorted(floors.values(), reverse=True)


def test_its_table_of_speed_is_the_measurements() -> None:
    rows = re.findall(r"^\| producer, .*\|$", README, re.MULTILINE)
    assert len(rows) == 2
    assert [row for row in rows if row not in BENCHMARKS] == []


BESIDE = {"README.md": README, "tests/benchmarks/README.md": BENCHMARKS}
LINKS = [(page, link) for page, text in BESIDE.items() for link in re.findall(r"\]\(([^)#:]+)\)", text)]


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_its_links_lead_somewhere(page: str, link: str) -> None:
    assert (ROOT / page).parent.joinpath(link).exists()


def test_every_benchmark_is_told() -> None:
    told = re.findall(r"^\| \[`(\w+\.py)`\]\(\1\)", BENCHMARKS, re.MULTILINE)
    commands = [file.name for file in (ROOT / "tests/benchmarks").glob("*.py") if "__main__" in file.read_text()]
    assert sorted(told) == sorted(set(commands) - HELPERS)
