"""A step as a process of its own, as a learner types it, and in a terminal."""

from __future__ import annotations

import fcntl
import gzip
import os
import re
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from ran import ROOT, command, finished

import palleto


def test_a_step_runs_as_a_module():
    ran = finished(command("steps.step1", "--virtual"))
    assert ran.status == 0, ran
    assert ran.out.splitlines()[0] == "Initialised SQS.Producer"
    assert ran.out.count("Consumed: ho") == 3
    assert ran.err == "30 events consumed in 3.0 s (#3 30)\n"


def test_step_9_runs_as_a_module(tmp_path):
    ran = finished(command("steps.step9", "--virtual", "--files", 5, "--output", tmp_path / "results"))
    assert ran.status == 0, ran
    results = {path.name: int(path.read_text()) for path in (tmp_path / "results" / "packrat" / "data").iterdir()}
    assert results["20160720.txt"] == 2851
    assert len(results) == 5
    assert ran.figure(r"([\d,]+) lines") == sum(results.values())
    assert ran.figure(r"messages: (\d+) deleted") == 6  # and the TestEvent's
    assert ran.figure(r"(\d+) redelivered") == ran.figure(r"(\d+) dead-lettered") == 0


def test_a_name_that_the_terminal_cannot_show_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    (tmp_path / "größe.gz").write_bytes(gzip.compress(b"line\n"))
    ran = finished(command("steps.step9", "--virtual", "--data", "größe.gz", cwd=tmp_path))
    assert ran.status == 0, ran
    assert r"processed packrat/data/gr\xf6\xdfe.gz" in ran.out


def test_a_virtual_run_loads_no_boto3_and_no_moto():
    script = (
        "import sys; from steps.step8 import pipeline; from palleto.program import main, queue_empty; "
        "main(pipeline, queue_empty, ['--virtual', '--quiet', '--files', '1']); "
        "print([name for name in ('boto3', 'moto') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=20)
    assert ran.stdout == "[]\n", ran


def test_a_pipe_that_has_had_enough_is_no_error():
    process = command("steps.step4", "--virtual", "--forever")
    assert process.stdout is not None
    assert process.stdout.readline() == "Attempting to start SQS.Server\n"
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        err = process.stderr.read()
    assert process.wait(20) == 0
    assert len(err.splitlines()) == 1  # the summary
    assert "events consumed" in err


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_ctrl_c_finishes_what_is_in_hand(backend):
    process = command("steps.step1", "--forever", "--speed", 4, "--backend", backend)
    assert process.stdout is not None
    while "Received 10" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    ran = finished(process)
    assert ran.status == 0, ran
    first, last = ran.err.splitlines()
    assert first == "SIGINT: finishing what is in hand; once more ends at once"
    *before, consumed = ran.out.splitlines()  # on a slow machine the signal may have come in a later batch
    assert consumed == "Consumed: " + ", ".join(["ho"] * 10)  # and no demand after it
    assert last.startswith(f"{10 * ran.out.count('Consumed')} events consumed in "), before


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_second_ctrl_c_ends_at_once(backend):
    """The consumer is in a sleep of 1 s, which takes an hour of real time; nobody waits for it."""
    process = command("steps.step1", "--forever", "--speed", 1 / 3600, "--backend", backend)
    assert process.stdout is not None
    assert process.stderr is not None
    while "Received 10" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    assert "once more ends at once" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    ran = finished(process)
    assert ran.status == 130
    assert "Traceback" not in ran.err
    assert ran.out == ""


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_leaves_nothing_in_flight(tmp_path):
    """A second run would find everything that the first did not delete."""
    options = "--place simulated --forever --speed 10 --files 40 --output results --trace trace"
    process = command("steps.step9", *options.split(), cwd=tmp_path)
    assert process.stdout is not None
    while "Consumer processed" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    ran = finished(process)
    assert ran.status == 0, ran
    events = palleto.load(tmp_path / "trace")
    received = {event_id for event in events if event.kind == "receive" for event_id in event.ids}
    written = {event.ids[0] for event in events if event.kind == "written"}
    given_back = sum(int(count) for count in re.findall(r"(\d+) messages were given back", ran.err))
    deleted = ran.figure(r"messages: (\d+) deleted")
    assert len(received) == deleted + given_back
    assert deleted == len(written) + 1  # and the TestEvent's


def on_a_terminal(*arguments: str) -> str:
    """What a step writes where standard output and standard error are a terminal of 100 columns."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    process = subprocess.Popen([sys.executable, "-m", *arguments], stdout=slave, stderr=slave, cwd=ROOT)
    os.close(slave)
    written = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:  # Linux says so that the other side has closed
            break
        if not piece:
            break
        written += piece
    os.close(master)
    assert process.wait(20) == 0
    return written.decode()


def test_a_terminal_shows_a_progress_bar_and_a_pipe_none(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(b"line\n"))
    step = ("steps.step9", "--virtual", "--output", str(tmp_path / "output"), "--data", str(tmp_path))
    shown = on_a_terminal(*step)
    assert "0/3 [" in shown
    assert "3/3 [" in shown
    assert shown.count("processed") == 3
    bars = [line.rstrip() for line in shown.splitlines() if "/3 [" in line]
    assert all(bar.endswith("]") for bar in bars), "expected lines and the bar not to mix"
    piped = subprocess.run([sys.executable, "-m", *step], capture_output=True, text=True, cwd=ROOT, timeout=20)
    assert "/3 [" not in piped.stdout + piped.stderr
