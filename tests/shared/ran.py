"""A step as a program, in this process by its own `main`, or as a real one, as a learner types it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from palleto import program
from palleto.program import Ending, read

ROOT = Path(__file__).parents[2]
CLOUD = range(6, 10)


def ending(step: int) -> Ending:
    """What ends the step, as its last line says: `main(pipeline, until=after_events(30))`."""
    match = re.search(r"until=(.*)\)$", read(step).section("Run").source)
    return eval(match[1], vars(program))


class Ran:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    def __repr__(self) -> str:
        return f"<Ran {self.status}\n{self.out}\n{self.err}>"

    def figure(self, pattern: str) -> int:
        """A number in the summary, or in what else stands on standard error."""
        match = re.search(pattern, self.err)
        assert match, self.err
        return int(match[1].replace(",", ""))


def command(*arguments: object, **settings: object) -> subprocess.Popen[str]:
    """`python -m ...` as a process of its own. Close it, or let `finished` do so."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PALLETO")}
    return subprocess.Popen(
        [sys.executable, "-m", *map(str, arguments)],
        env={**environment, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **settings,
    )


def finished(process: subprocess.Popen[str]) -> Ran:
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    return Ran(process.returncode, out, err)


def one_error(ran: Ran, *words: str, status: int | None = None) -> None:
    """One line on standard error, none on standard output, no traceback, and a status that says failure."""
    assert ran.out == ""
    assert len(ran.err.splitlines()) == 1, ran.err
    assert ran.status == status if status is not None else ran.status in (1, 2)
    for word in words:
        assert word in ran.err
    assert "Traceback" not in ran.err
