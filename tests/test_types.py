"""What mypy --strict tells the writer of a pipeline: mistakes that are planted are found, and nothing else is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy", reason="no mypy here; pip install 'palleto[test]'")

ROOT = Path(__file__).parents[1]

RIGHT = """
from __future__ import annotations

from typing import Literal

from typing_extensions import override

from palleto import (
    Batcher, Consumer, Producer, ProducerConsumer, Reason, Reply, Subscription, Supervisor, cast, child
)


class Numbers(Producer[int]):
    name = "numbers"
    buffer_keep = "first"

    def __init__(self, first: int) -> None:
        self.next = first

    @override
    def init(self) -> None:
        self.rate(10, 1.0)

    @override
    def handle_demand(self, demand: int) -> list[int]:
        self.next += demand
        return list(range(self.next - demand, self.next))

    @override
    def handle_call(self, message: str) -> tuple[int, list[int]]:
        return self.next, []

    @override
    def handle_cancel(self, reason: tuple[str, Reason], subscription: Subscription) -> list[int]:
        return []


class Doubled(ProducerConsumer[int, str]):
    @override
    def init(self) -> None:
        self.subscribe("numbers", max_demand=10, cancel="transient")
        self.after(5, "tick")

    @override
    async def handle_events(self, events: list[int]) -> list[str]:
        return [2 * str(event) for event in events]

    @override
    def handle_cast(self, message: str) -> None:
        self.after(5, message).cancel()

    @override
    async def handle_call(self, message: Reply) -> tuple[Reply, None]:
        return message, None


class Printer(Consumer[list[str]]):
    @override
    def init(self) -> None:
        self.subscription = self.subscribe("batches", max_demand=1)

    @override
    def handle_subscribe(self, kind: str, subscription: Subscription) -> Literal["manual"]:
        self.ask(subscription, 1)
        return "manual"

    @override
    def handle_events(self, events: list[list[str]]) -> None:
        print(events)
        self.ask(self.subscription, 1)


top = Supervisor(
    [
        child(Numbers, 0),
        child(Doubled, name="doubled", restart="transient"),
        child(Batcher, "doubled", name="batches", batch_size=3),
        child(Printer),
    ],
    strategy="rest_for_one",
)
"""

MISTAKES = {
    "a misspelt callback": (
        "def handle_events(self, events: list[list[str]])",
        "def handle_event(self, events: list[list[str]])",
    ),
    "events that are no list": (
        """handle_demand(self, demand: int) -> list[int]:
        self.next += demand
        return list(range(self.next - demand, self.next))""",
        """handle_demand(self, demand: int) -> int:
        self.next += demand
        return self.next""",
    ),
    "an answer without events": (
        """handle_call(self, message: str) -> tuple[int, list[int]]:
        return self.next, []""",
        """handle_call(self, message: str) -> int:
        return self.next""",
    ),
    "a word that cancel does not know": ('cancel="transient"', 'cancel="temporrary"'),
    "an argument that the class does not take": ("child(Numbers, 0)", 'child(Numbers, "zero")'),
    "a keyword that the class does not take": ("batch_size=3", "batch_sise=3"),
    "a strategy that there is not": ('strategy="rest_for_one"', 'strategy="rest_for_all"'),
    "a restart that there is not": ('restart="transient"', 'restart="always"'),
    "events of another kind": ("handle_events(self, events: list[int])", "handle_events(self, events: list[bytes])"),
    "a setting that there is not": ('buffer_keep = "first"', 'buffer_keep = "newest"'),
    "any word from handle_subscribe": ('Subscription) -> Literal["manual"]:', "Subscription) -> str:"),
}
"""What is wrong: the right text, and the mistaken one."""


def with_mistakes() -> str:
    """The program with all of them."""
    program = RIGHT
    for right, wrong in MISTAKES.values():
        assert program.count(right) == 1, right
        program = program.replace(right, wrong)
    return program


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What mypy says about each program, by its file's name."""
    folder = tmp_path_factory.mktemp("planted")
    (folder / "right.py").write_text(RIGHT)
    (folder / "wrong.py").write_text(with_mistakes())
    files = [str(folder / name) for name in ("right.py", "wrong.py")]
    command = [sys.executable, "-m", "mypy", "--strict", "--no-pretty", "--no-error-summary", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    said: dict[str, list[str]] = {"right.py": [], "wrong.py": []}
    for line in done.stdout.splitlines():
        if ": error: " in line:
            said[Path(line.split(":")[0]).name].append(line)
    return said


def test_a_program_without_mistakes_passes(found: dict[str, list[str]]) -> None:
    assert found["right.py"] == []


def test_planted_mistakes_are_found_and_nothing_else(found: dict[str, list[str]]) -> None:
    lines = with_mistakes().splitlines()
    planted = {
        next(number for number, line in enumerate(lines, 1) if mistaken.splitlines()[0] in line): what
        for what, (_, mistaken) in MISTAKES.items()
    }
    assert len(planted) == len(MISTAKES) >= 10
    told = {int(match[1]) for line in found["wrong.py"] if (match := re.search(r"\.py:(\d+):", line))}
    assert [what for number, what in planted.items() if number not in told] == []
    assert told == set(planted)
