"""A step as a command, in this process: what ends it, in which time and order it goes, what it prints and writes."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from ran import command, finished, one_error

import palleto
from palleto.program import Options, after_events, run_step
from steps import step1

# ---- what ends a run


@pytest.mark.parametrize(
    ("step", "options", "events", "seconds"),
    [
        (1, ["--events", 20], 20, 2.0),
        (4, ["--events", 3], 4, 31.0),  # and nothing more is asked for
        (1, ["--for", 2.5], 30, 3.0),  # what is in hand is finished: the third batch, from 2 s to 3 s
        (1, ["--for", 1.5, "--events", 1000], 20, 2.0),  # whichever comes first
        (1, ["--for", 1000, "--events", 20], 20, 2.0),
        (1, ["--for", 1.5, "--forever"], 20, 2.0),
        (9, ["--files", 3, "--events", 100], 3, None),  # more can never come
        (9, ["--files", 0], 0, None),
        (9, ["--files", 30, "--place", "simulated"], 30, None),
    ],
    ids=str,
)
def test_a_run_ends_where_its_options_say(run, step, options, events, seconds):
    ran = run(step, "--virtual", *options)
    assert ran.status == 0
    assert ran.figure(r"^(\d+) events" if seconds else r"(\d+) events") == events
    assert seconds is None or f"in {seconds} s" in ran.err


def test_the_steps_own_end_gives_way_to_the_users(run):
    ran = run(9, "--virtual", "--for", 60)
    assert re.search(r"^12 events consumed in [56]\d\.\d s", ran.err, re.MULTILINE), ran.err
    assert ran.figure(r"ReceiveMessage (\d+)") > 10


# ---- in which time and order


@pytest.mark.parametrize(
    ("options", "time"),
    [({}, "real"), ({"speed": 20.0}, 20.0), ({"virtual": True, "seed": 7, "backend": "trio"}, "virtual")],
    ids=str,
)
def test_the_clock_is_the_one_that_was_asked_for(monkeypatch, options, time):
    told = []
    monkeypatch.setattr(palleto.clock, "run", lambda run, **settings: told.append(settings) or [])
    run_step(step1.pipeline, after_events(1), Options(**options))
    assert told == [{"backend": options.get("backend", "asyncio"), "time": time, "seed": options.get("seed")}]


def test_one_seed_is_one_trace_in_another_process_too(run, tmp_path):
    """On trio; `tests/commands/test_palleto.py` has the same of asyncio."""
    options = ("--virtual", "--backend", "trio", "--trace")
    for seed in (7, 8):
        run(9, *options, tmp_path / str(seed), "--seed", seed)
    there = finished(command("steps.step9", *options, "there", "--seed", 7, cwd=tmp_path))
    assert there.status == 0
    assert (tmp_path / "7").read_bytes() == (tmp_path / "there").read_bytes() != (tmp_path / "8").read_bytes()


# ---- what is printed and written


@pytest.mark.parametrize("step", [1, 9])
def test_quiet_prints_the_summary_only(run, step):
    ran = run(step, "--virtual", "--quiet")
    assert ran.status == 0
    assert ran.out == ""
    assert "events consumed" in ran.err


def test_what_is_said_is_in_the_trace(run, tmp_path):
    ran = run(4, "--virtual", "--trace", tmp_path / "trace.jsonl")
    events = palleto.load(tmp_path / "trace.jsonl")
    assert [event.data["text"] for event in events if event.kind == "said"] == ran.out.splitlines()


def test_results_are_below_the_output_folder(run, tmp_path):
    run(8, "--virtual", "--files", 2, "--output", tmp_path / "a" / "b")
    assert sorted(path.name for path in (tmp_path / "a" / "b").rglob("*.*")) == ["20160720.txt", "20160721.txt"]
    assert not Path("output").exists()
    run(8, "--virtual", "--files", 1)
    assert Path("output/packrat/data/20160720.txt").read_text() == "2851\n"


def test_ones_own_files_are_taken_and_a_bad_one_does_not_stop_the_others(run):
    Path("in/more").mkdir(parents=True)
    Path("in/more/three.gz").write_bytes(gzip.compress(b"line\n" * 3))
    Path("in/bad.gz").write_text("no gzip")
    ran = run(9, "--virtual", "--data", "in")
    assert ran.status == 0, ran
    (result,) = Path("output").rglob("*.txt")
    assert (result.as_posix(), result.read_text()) == ("output/packrat/data/more/three.txt", "3\n")
    assert ran.err.count("cannot process warehouse.development/packrat/data/bad.gz") == 1
    assert ran.figure(r"(\d+) dead-lettered") == 1
    came = Path("in/more/three.gz").stat().st_size
    assert f"1 file: {came} bytes in, {3 * len('line ')} bytes of text, 3 lines\n" in ran.err
    assert ran.figure(r"1 file without a result: (\d+) bytes in") == 3 * len("no gzip")  # three receives


# ---- what cannot be: one line, and what mends it


@pytest.mark.parametrize(
    ("step", "options", "status", "words"),
    [
        (1, ["--place", "simulated"], 2, ["python -m steps.step1", "--place"]),
        (8, ["--pipelines", "2"], 2, ["python -m steps.step8", "--pipelines"]),
        (8, ["--virtual", "--place", "embedded"], 1, ["--place simulated", "got: --place embedded"]),
        (8, ["--virtual", "--place", "aws"], 1, ["--place simulated", "got: --place aws"]),
        (8, ["--speed", "10", "--place", "embedded"], 1, ["--speed 10 with --place simulated", "keep real time"]),
        (8, ["--speed", "0.5", "--endpoint", "http://127.0.0.1:1"], 1, ["--speed 0.5", "--endpoint http://127.0.0.1"]),
        (8, ["--virtual", "--endpoint", "http://127.0.0.1:1"], 1, ["--place simulated", "--endpoint http://127.0.0.1"]),
        (9, ["--virtual", "--data", "nowhere.gz"], 1, ["--data", "nowhere.gz"]),
        (1, ["--virtual", "--trace", "no/where"], 1, ["trace", "no/where"]),
        (9, ["--virtual", "--trace", "."], 1, ["trace"]),
    ],
    ids=str,
)
def test_what_cannot_be_is_one_line(run, step, options, status, words):
    one_error(run(step, *options), *words, status=status)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--virtual"], "simulated, because servers keep real time (--virtual)"),
        (["--speed", 1000], "simulated, because servers keep real time (--speed 1000)"),
        (["--virtual", "--place", "simulated"], "simulated, because it was named"),
        (["--speed", 1, "--place", "simulated"], "simulated, because it was named"),
    ],
    ids=str,
)
def test_a_time_of_its_own_is_on_the_simulated_place_which_is_told(run, options, why):
    ran = run(8, *options, "--files", 1)
    assert ran.status == 0
    assert ran.err.splitlines()[0] == why


def test_results_that_cannot_be_written_end_the_run(run):
    """ "processed" is not said, nothing is deleted, and the last line says what mends it."""
    Path("file").write_text("in the way")
    ran = run(8, "--virtual", "--files", 2, "--output", "file")
    assert ran.status == 1
    assert "processed" not in ran.out
    assert "Traceback" not in ran.err
    assert "--output" in ran.err.splitlines()[-1]
