"""A step as a process of its own, as a learner types it, and in a terminal."""

from __future__ import annotations

import gzip
import os
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from ran import ROOT, command, finished
from terminal import Terminal

import palleto
from palleto.replay import Passport, compare, explain


def test_a_name_that_the_terminal_cannot_show_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    (tmp_path / "größe.gz").write_bytes(gzip.compress(b"line\n"))
    ran = finished(command("steps.step9", "--virtual", "--data", "größe.gz", cwd=tmp_path))
    assert ran.status == 0, ran
    assert r"processed packrat/data/gr\xf6\xdfe.gz" in ran.out


NASTY = "\x1b]0;title\x07\x1b[2J\x9b31m\r.gz"


def test_a_key_cannot_speak_to_the_terminal(run, tmp_path: Path) -> None:
    """Neither in what a step says, nor in what is reported, nor in a table of its trace, nor in an error."""
    (tmp_path / NASTY).write_bytes(gzip.compress(b"line\n"))
    ran = run(9, "--virtual", "--trace", "trace", "--data", NASTY)
    assert ran.status == 0, ran
    assert "cannot process" in ran.err, "the key is refused"
    wrong = run(9, "--virtual", "--data", f"none{NASTY}")
    tables = "".join(repr(thing) for thing in passports(tmp_path / "trace"))
    assert "packrat" in ran.out + tables
    shown = ran.out + ran.err + wrong.out + wrong.err + tables
    assert {character for character in shown if not character.isprintable()} == {"\n"}
    assert r"\x1b]0;title\x07\x1b[2J\x9b31m\r.gz" in ran.err


def passports(trace: Path) -> list[object]:
    """What the trace tells of each of its events."""
    events = palleto.load(trace)
    ids = {name for event in events for name in event.ids}
    return [*(Passport(events, name, (name,)) for name in ids), compare(events, events), explain(events)]


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What a shell starts, which can close streams and let them go to a disk that is full; `python` is ours."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = ["bash", "-c", line.replace("python", sys.executable, 1)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_virtual_run_loads_no_boto3_and_no_moto(tmp_path: Path) -> None:
    script = (
        "import sys; from steps.step8 import pipeline; from palleto.program import main, queue_empty; "
        "main(pipeline, queue_empty, ['--virtual', '--quiet', '--files', '1']); "
        "print([name for name in ('boto3', 'moto') if name in sys.modules])"
    )
    ran = shell(f'python -c "{script}"', tmp_path)
    assert ran.stdout == "[]\n", ran


def test_a_pipe_that_has_had_enough_is_no_error():
    process = command("steps.step4", "--virtual", "--forever")
    assert process.stdout is not None
    assert process.stdout.readline() == "Attempting to start SQS.Server\n"
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        err = process.stderr.read()
    assert process.wait(60) == 0
    assert len(err.splitlines()) == 1  # the summary
    assert "events consumed" in err


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_no_error(closed: str, tmp_path: Path) -> None:
    ran = shell(f"python -m steps.step9 --virtual --files 2 --output results {closed}", tmp_path)
    assert ran.returncode == 0
    assert "Traceback" not in ran.stdout + ran.stderr
    assert len(list((tmp_path / "results").rglob("*.txt"))) == 2


def test_what_is_opened_does_not_get_the_number_of_a_stream_that_is_closed(tmp_path: Path) -> None:
    script = (
        "import sys; from palleto.cloud.streams import open_closed; open_closed(); "
        "file = open('mine', 'w'); print('said'); print('said', file=sys.stderr); print(file.fileno(), file=file)"
    )
    assert shell(f'python -c "{script}" <&- >&- 2>&-', tmp_path).returncode == 0
    assert int((tmp_path / "mine").read_text()) > 2, "or it holds what was said, too"


FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
CANNOT_PRINT = "error: cannot write to standard output: No space left on device; let it go elsewhere"


@FULL
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("step9 --virtual --files 40 >/dev/full", CANNOT_PRINT),
        ("step9 --virtual --quiet --files 2 2>/dev/full", ""),
        ("step1 --virtual --quiet --events 10 2>/dev/full", ""),
        ("step9 --virtual --files 40 >/dev/full 2>/dev/full", ""),
        ("step1 --virtual --trace /dev/full --quiet", "error: cannot write the trace to /dev/full: No space left on"),
        ("step9 --help >/dev/full", CANNOT_PRINT),
    ],
)
def test_a_full_disk_is_a_quiet_end_or_one_line(options: str, said: str, tmp_path: Path) -> None:
    ran = shell(f"python -m steps.{options}", tmp_path)
    assert ran.returncode == 1
    assert ran.stdout == ""
    told = [line[: len(said)] for line in ran.stderr.splitlines() if not line.startswith("simulated")]
    assert told == [said] * bool(said)


def test_a_limit_of_the_size_of_files_is_one_line_and_nobodys_dead_letter(tmp_path: Path) -> None:
    ran = shell("ulimit -f 200; python -m steps.step8 --virtual --quiet --files 6 --output results", tmp_path)
    assert ran.returncode == 1
    _, error = ran.stderr.splitlines()
    assert re.fullmatch(r"error: cannot unzip to .*: File too large; name a folder with more room in TMPDIR", error)


def test_a_hangup_that_is_ignored_stays_so(tmp_path: Path) -> None:
    """As `nohup` has it: the run is told of it, and goes on to its end."""
    words = "nohup", sys.executable, "-m", "steps.step1", "--speed", "4", "--events", "100"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout is not None
        while "Received 10" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGHUP)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "100 events consumed" in err


def told_to_end(until: str, *options: object, number: int = signal.SIGINT, **settings: object) -> subprocess.Popen[str]:
    """A step's process that has got Ctrl-C, or the signal with this number, after it said `until`."""
    process = command(*options, **settings)
    assert process.stdout is not None
    while until not in process.stdout.readline():
        pass
    process.send_signal(number)
    return process


@pytest.mark.parametrize(("backend", "name"), [("asyncio", "SIGINT"), ("trio", "SIGTERM"), ("asyncio", "SIGHUP")])
def test_a_signal_has_what_is_in_hand_finished(backend, name):
    heard = partial(signal.signal, signal.SIGHUP, signal.SIG_DFL)  # who runs the tests under `nohup` has it ignored
    options = ("steps.step1", "--forever", "--speed", 4, "--backend", backend)
    ran = finished(told_to_end("Received 10", *options, number=signal.Signals[name], preexec_fn=heard))
    assert ran.status == 0, ran
    first, last = ran.err.splitlines()
    assert first == f"{name}: finishing what is in hand; once more ends at once"
    *before, consumed = ran.out.splitlines()  # on a slow machine the signal may have come in a later batch
    assert consumed == "Consumed: " + ", ".join(["ho"] * 10)  # and no demand after it
    assert last.startswith(f"{10 * ran.out.count('Consumed')} events consumed in "), before


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_second_ctrl_c_ends_at_once(backend):
    """The consumer is in a sleep of 1 s, which takes an hour of real time; nobody waits for it."""
    process = told_to_end("Received 10", "steps.step1", "--forever", "--speed", 1 / 3600, "--backend", backend)
    assert process.stderr is not None
    assert "once more ends at once" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    ran = finished(process)
    assert (ran.status, ran.out) == (130, "")
    assert "Traceback" not in ran.err


def test_ctrl_c_leaves_nothing_in_flight(tmp_path):
    """A second run would find everything that the first did not delete."""
    options = "--place simulated --forever --speed 10 --files 40 --output results --trace trace"
    ran = finished(told_to_end("Consumer processed", "steps.step9", *options.split(), cwd=tmp_path))
    assert ran.status == 0, ran
    events = palleto.load(tmp_path / "trace")
    received = {event_id for event in events if event.kind == "receive" for event_id in event.ids}
    written = {event.ids[0] for event in events if event.kind == "written"}
    given_back = sum(int(count) for count in re.findall(r"(\d+) messages were given back", ran.err))
    deleted = ran.figure(r"messages: (\d+) deleted")
    assert len(received) == deleted + given_back
    assert deleted == len(written) + 1  # and the TestEvent's


def test_a_terminal_shows_a_progress_bar_and_a_pipe_none(run, tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(b"line\n"))
    options = ("--virtual", "--output", tmp_path / "output", "--data", tmp_path)
    with Terminal("steps.step9", *options) as terminal:
        terminal.read()
        assert terminal.status() == 0
    shown = terminal.written
    assert "0/3 [" in shown
    assert "3/3 [" in shown
    assert shown.count("processed") == 3
    bars = [line.rstrip() for line in shown.splitlines() if "/3 [" in line]
    assert all(bar.endswith("]") for bar in bars), "expected lines and the bar not to mix"
    piped = run(9, *options)
    assert "/3 [" not in piped.out + piped.err
