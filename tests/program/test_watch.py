"""`--watch`: a step in a terminal, at both widths; and where there is none, all as without it."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from ran import ending
from terminal import Terminal

import palleto
from palleto import clock
from palleto.program import Options, StepRun, step_run
from palleto.program.watch import terminal, view

SIMULATED = ("--place", "simulated", "--speed", "1")


def shows(*patterns: str) -> Callable[[list[str]], bool]:
    """Whether each pattern is in a line of the screen."""
    return lambda lines: all(any(re.search(pattern, line) for line in lines) for pattern in patterns)


def views(lines: list[str]) -> int:
    """How many views the screen has."""
    return sum(
        "demand  events" in line or re.search(r"^\W (running|stopping|ended|failed)", line) is not None
        for line in lines
    )


def test_step_9_in_the_middle_and_at_the_end(tmp_path):
    arguments = ("steps.step9", "--watch", *SIMULATED, "--files", 600, "--output", tmp_path / "output")
    with Terminal(*arguments, columns=120, rows=30) as terminal:
        middle = terminal.read(
            shows(
                r"^● running +\d+\.\d s  step9  simulated .*◄ demand  events ►$",
                r"^SQS\.Server .*► SQS\.Producer",
                r"► Pipeline3 .*► [○●]",
                r"^queue .*[1-9]\d* visible · \d+ in flight · [1-9]\d* deleted$",
                r"^files .* [1-9]\d* of 600 files done",
                r"^rate .* [1-9]\d* events consumed$",
            )
        )
        assert views(middle) == 1
        assert not terminal.screen.cursor
        terminal.process.send_signal(signal.SIGINT)
        lines = terminal.read()
        assert terminal.status() == 0
    assert terminal.screen.cursor
    assert views(lines) == 1
    reported = lines.index("SIGINT: finishing what is in hand; once more ends at once")
    head = next(number for number, line in enumerate(lines) if re.match(r"■ ended +\d+\.\d s  step9", line))
    summary = next(number for number, line in enumerate(lines) if re.match(r"\d+ events consumed in ", line))
    assert reported < head < summary
    assert lines.index(next(line for line in lines if line.startswith("── said"))) < summary
    outside = [line for number, line in enumerate(lines) if not head <= number < summary]
    assert not any("processed packrat" in line for line in outside), "expected what is said in the view alone"


def test_step_5_faster_than_real_time():
    with Terminal("steps.step5", "--watch", "--speed", 60, "--backend", "trio", columns=60, rows=24) as terminal:
        middle = terminal.read(
            shows(r"^● running +\d\d\.\d s  step5  speed 60", r"^⟲ #\w+, \d+ runs", r"[2468]► #\w+ [○●]", "2 killed")
        )
        assert views(middle) == 1
        lines = terminal.read()
        assert terminal.status() == 0
    assert views(lines) == 1
    assert re.match(r"30 events consumed in 1\d\d\.\d s", lines[-2])
    assert any(re.search(r"Consumed by #\w+: hey, hey$", line) for line in lines)


def test_the_last_frame_of_a_run_in_virtual_time_stays():
    with Terminal("steps.step1", "--watch", "--virtual", columns=60, rows=24) as terminal:
        lines = terminal.read()
    assert lines[0].startswith("■ ended  3.0 s  step1  virtual time")
    assert re.match(r"SQS\.Producer +◄10 ┈+ +30► #3 ■ stopped$", lines[2]), lines
    assert lines[-2] == "30 events consumed in 3.0 s (#3 30)"
    assert lines.index("     3.0 s  Consumed: ho, ho, ho, ho, ho, ho, ho, ho, ho, ho") < len(lines) - 2
    assert coloured(terminal)


def test_ctrl_c_once_finishes_what_is_in_hand_and_twice_ends():
    """The consumer is in a sleep of 1 s, which takes an hour of real time."""
    arguments = ("steps.step1", "--watch", "--forever", "--speed", 1 / 3600)
    with Terminal(*arguments, columns=100, rows=24) as terminal:
        terminal.read(shows("● running", "● works on 10"))
        terminal.process.send_signal(signal.SIGINT)
        terminal.read(shows("^SIGINT: finishing", "^↻ stopping, finishing what is in hand"))
        terminal.process.send_signal(signal.SIGINT)
        lines = terminal.read()
        assert terminal.status() == 130
    assert shows("^■ ended at once")(lines)
    assert not shows("Traceback|consumed in")(lines)
    assert terminal.screen.cursor


def test_a_terminal_that_becomes_narrow_has_one_whole_view():
    with Terminal("steps.step5", "--watch", "--speed", 20, columns=120, rows=30) as terminal:
        terminal.read(shows("► #4 "))
        terminal.screen.columns = 60
        terminal.resize(60, 30)
        terminal.screen.cells = [[] for _ in terminal.screen.cells]  # however the terminal has wrapped it
        lines = terminal.read(shows(r"^SQS\.Server .*SQS\.Producer$", r"^◄\d+ .*► #6"))
        assert views(lines) == 1


def test_it_goes_with_a_trace_which_is_as_without_it(run, tmp_path):
    with Terminal("steps.step5", "--virtual", "--trace", tmp_path / "watched", "--watch") as terminal:
        terminal.read()
    run(5, "--virtual", "--trace", tmp_path / "plain")
    assert (tmp_path / "watched").read_bytes() == (tmp_path / "plain").read_bytes()
    assert len(palleto.load(tmp_path / "watched")) > 100


def test_in_a_pipe_it_changes_nothing(run):
    plain, watched = (run(9, "--virtual", "--seed", "7", *options) for options in ([], ["--watch"]))
    assert (watched.status, watched.out, watched.err) == (0, plain.out, plain.err)
    assert "\x1b" not in plain.out + plain.err


def test_without_colours_and_boxes_where_none_are_wanted():
    environment = {"NO_COLOR": "1", "PYTHONIOENCODING": "latin-1"}
    with Terminal("steps.step1", "--watch", "--virtual", columns=60, **environment) as terminal:
        lines = terminal.read()
    assert all(line.isascii() for line in lines)
    assert re.match(r"SQS\.Producer +<10 -+ +30> #3 # stopped$", lines[2]), lines
    assert not coloured(terminal)


def test_a_terminal_without_a_cursor_has_plain_lines():
    with Terminal("steps.step1", "--watch", "--virtual", TERM="dumb") as terminal:
        lines = terminal.read()
    assert lines[0] == "Initialised SQS.Producer"
    assert sum("Consumed: ho" in line for line in lines) == 3
    assert not views(lines)


def coloured(terminal: Terminal) -> bool:
    return any(re.search(r"\x1b\[[\d;]*(3[1-7]|38;)", line) is not None for line in terminal.screen.coloured)


@pytest.fixture
def watched(monkeypatch):
    """Run step 1 with `--watch` in this process, whose standard output is no terminal: what it said and reported."""

    def run(backend: str) -> tuple[list[str], list[str], list[str]]:
        monkeypatch.setattr(step_run, "shows_view", lambda: True)
        said: list[str] = []
        reported: list[str] = []
        options = Options(watch=True, backend=backend, virtual=True)
        performance = StepRun(import_module("steps.step1").pipeline, ending(1), options)
        performance.say, performance.report = said.append, reported.append
        return said, reported, clock.run(performance, backend=backend, time="virtual")

    return run


def broken(*_: object, **__: object) -> Any:
    raise ZeroDivisionError("no view")


@pytest.mark.parametrize("what", [(view.View, "frame"), (terminal.Scene, "add")], ids=["drawing", "hearing"])
def test_a_view_that_fails_does_not_stop_the_run(watched, monkeypatch, backend, what):
    monkeypatch.setattr(*what, broken)
    said, reported, summary = watched(backend)
    assert reported == ["the view has ended, the run goes on: ZeroDivisionError: no view"]
    assert summary == ["30 events consumed in 3.0 s (#3 30)"]
    if what[1] == "add":  # before anything was said
        assert sum("Consumed" in line for line in said) == 3


def test_what_is_said_is_not_printed_beside_the_view(watched, backend, capsys):
    said, reported, _ = watched(backend)
    assert (said, reported) == ([], [])
    assert capsys.readouterr().out.count("ended") == 1
