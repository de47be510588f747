"""`python -m steps`: the list of them, and the difference of two."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from ran import ROOT, Ran, one_error

from palleto.program.lesson import STEPS


@pytest.fixture
def listing(capsys):
    from steps.__main__ import main

    def run(*arguments: str) -> Ran:
        status = 0
        try:
            main(arguments)
        except SystemExit as end:
            status = int(end.code or 0)
        output = capsys.readouterr()
        return Ran(status, output.out, output.err)

    return run


def test_the_listing_names_each_step_once(listing):
    ran = listing()
    assert ran.status == 0, ran
    assert re.findall(r"^(\d)  (\w.*)$", ran.out, re.MULTILINE)[3] == ("4", "nothing is there yet, so the server waits")
    assert re.findall(r"python -m steps\.step(\d)    changed: \w", ran.out) == [str(step) for step in STEPS]
    assert max(map(len, ran.out.splitlines())) <= 120


def test_the_difference_of_two_steps(listing):
    ran = listing("diff", "4", "5")
    assert ran.status == 0
    assert "\033" not in ran.out  # this is no terminal
    assert "\nRun: unchanged\n" in ran.out
    assert "\n+         self.owed += demand\n" in ran.out
    assert "\n-         return self.take(demand)\n" in ran.out
    sections = re.findall(r"^([A-Z]\w+): (?:\d+ (?:added|removed)|unchanged|added)", ran.out, re.MULTILINE)
    assert sections == ["Imports", "Server", "Producer", "Consumer", "Pipeline", "Run"]


def test_a_new_section_and_one_that_is_gone(listing):
    assert re.search(r"^ProducerConsumer: added, \d+ lines$", listing("diff", "7", "8").out, re.MULTILINE)
    assert re.search(r"^ProducerConsumer: removed, \d+ lines$", listing("diff", "8", "7").out, re.MULTILINE)


def test_the_difference_is_coloured_on_a_terminal_only(listing, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert "\033[32m+         self.owed += demand\033[0m" in listing("diff", "4", "5").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033" not in listing("diff", "4", "5").out
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert "\033" not in listing("diff", "4", "5").out


@pytest.mark.parametrize(
    "arguments", [["4"], ["diff"], ["diff", "4"], ["diff", "4", "ten"], ["diff", "0", "1"], ["diff", "4", "10"],
                  ["diff", "4", "5", "6"], ["diff", "4", "-5"], ["diff", "4", "\u0665"], ["list"]],
)  # fmt: skip
def test_bad_arguments_are_one_line(listing, arguments):
    ran = listing(*arguments)
    one_error(ran, "expected", status=2)
    assert arguments[-1] in ran.err or (arguments in (["diff"], ["diff", "4"]) and "got nothing" in ran.err)


def test_the_listing_in_a_pipe_that_has_had_enough():
    shell = f"'{sys.executable}' -W error -m steps diff 1 9 | head -1; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", shell], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "Step 1: a basic pipeline\n"
