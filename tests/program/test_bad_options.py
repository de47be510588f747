"""The user's own files, options that cannot be, and the help."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from ran import CLOUD, command, finished, one_error

from palleto.program.lesson import STEPS


def put(path: Path, lines: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(b"line\n" * lines))
    return path


def results(output: Path) -> dict[str, int]:
    return {path.relative_to(output).as_posix(): int(path.read_text()) for path in output.rglob("*.txt")}


def test_data_may_be_files_and_folders(run, tmp_path):
    one = put(tmp_path / "in" / "one.gz", 3)
    put(tmp_path / "in" / "more" / "two.gz", 4)
    put(tmp_path / "in" / "more" / "deep" / "three.gz", 5)
    ran = run(9, "--virtual", "--data", one, tmp_path / "in" / "more", "--output", tmp_path / "out")
    assert ran.status == 0, ran
    assert results(tmp_path / "out" / "packrat" / "data") == {"one.txt": 3, "more/two.txt": 4, "more/deep/three.txt": 5}


def test_data_of_one_name_stays_apart(run, tmp_path):
    for number, folder in enumerate(("a", "b", "c"), 1):
        put(tmp_path / "in" / folder / "x.gz", number)
    run(9, "--virtual", "--data", *sorted((tmp_path / "in").iterdir()), "--output", tmp_path / "out")
    assert results(tmp_path / "out" / "packrat" / "data") == {"a/x.txt": 1, "b/x.txt": 2, "c/x.txt": 3}


def test_data_with_a_bad_file_does_the_others(run, tmp_path):
    good, bad = put(tmp_path / "in" / "good.gz", 3), tmp_path / "in" / "bad.gz"
    bad.write_text("no gzip")
    ran = run(9, "--virtual", "--data", good, bad, "--output", tmp_path / "out")
    assert ran.status == 0
    assert results(tmp_path / "out" / "packrat" / "data") == {"good.txt": 3}
    assert ran.err.count("cannot process warehouse.development/packrat/data/bad.gz") == 1
    assert ran.figure(r"(\d+) dead-lettered") == 1


@pytest.mark.parametrize(
    ("step", "options", "word"),
    [
        (1, ["--events", "0"], "--events"),
        (1, ["--events", "many"], "--events"),
        (1, ["--for", "-1"], "--for"),
        (1, ["--for", "nan"], "--for"),
        (1, ["--for", "inf"], "--for"),
        (1, ["--speed", "0"], "--speed"),
        (1, ["--speed", "2", "--virtual"], "--speed"),
        (1, ["--backend", "curio"], "--backend"),
        (1, ["--seed", "x"], "--seed"),
        (1, ["--nonsense"], "--nonsense"),
        (1, ["--virt"], "--virt"),
        (1, ["--place", "simulated"], "--place"),
        (8, ["--pipelines", "2"], "--pipelines"),
        (9, ["--pipelines", "0"], "--pipelines"),
        (9, ["--files", "-1"], "--files"),
        (9, ["--place", "moon"], "--place"),
        (9, ["--data"], "--data"),
        (9, ["--max-bytes", "-1"], "--max-bytes"),
        (9, ["--drain-timeout", "0"], "--drain-timeout"),
    ],
)
def test_a_bad_option_is_one_line(run, step, options, word):
    one_error(run(step, *options), f"python -m steps.step{step}", word, status=2)


def test_a_bad_option_is_one_line_for_a_learner_too():
    one_error(finished(command("steps.step9", "--pipelines", "x")), "python -m steps.step9", "--pipelines", status=2)


@pytest.mark.parametrize("other", [["--place", "embedded"], ["--place", "aws"], ["--endpoint", "http://127.0.0.1:1"]])
def test_virtual_time_needs_the_simulated_place(run, other):
    one_error(run(8, "--virtual", *other), "--virtual", "--place simulated", other[-1], status=1)


def test_virtual_with_the_simulated_place_named(run):
    assert run(8, "--virtual", "--place", "simulated", "--files", 1).status == 0


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_missing_data_file_is_one_line(run, tmp_path, backend):
    missing = tmp_path / "nowhere.gz"
    one_error(run(9, "--virtual", "--backend", backend, "--data", missing), "--data", str(missing), status=1)


def test_data_without_gz_files_is_one_line(run, tmp_path):
    one_error(run(9, "--virtual", "--data", tmp_path), ".gz", str(tmp_path), status=1)
    other = tmp_path / "notes.txt"
    other.write_text("x")
    one_error(run(9, "--virtual", "--data", other), ".gz", str(other), status=1)


@pytest.mark.parametrize("step", [1, 9])
def test_an_unwritable_trace_is_one_line(run, tmp_path, step):
    one_error(run(step, "--virtual", "--trace", tmp_path / "no" / "where"), "trace", str(tmp_path), status=1)
    one_error(run(step, "--virtual", "--trace", tmp_path), "trace", str(tmp_path), status=1)


def test_results_that_cannot_be_written_end_the_run(run, tmp_path):
    """ "processed" is not said, nothing is deleted, and the last line says what mends it."""
    (tmp_path / "file").write_text("in the way")
    ran = run(8, "--virtual", "--files", 2, "--output", tmp_path / "file")
    assert ran.status == 1
    assert "processed" not in ran.out
    assert "Traceback" not in ran.err
    assert "--output" in ran.err.splitlines()[-1]


@pytest.mark.parametrize("step", STEPS)
def test_help_explains_every_option_in_a_line(run, step, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    ran = run(step, "--help")
    assert ran.status == 0
    assert f"usage: python -m steps.step{step} " in ran.out
    assert f"Step {step}: " in ran.out
    options = {"--events", "--for", "--forever", "--speed", "--virtual", "--seed", "--backend", "--trace", "--quiet"}
    if step in CLOUD:
        options |= {"--place", "--endpoint", "--files", "--data", "--output", "--max-bytes"}
    if step == 9:
        options |= {"--pipelines"}
    explained = dict(re.findall(r"^  (?:-h, )?(--[a-z-]+)(.*)$", ran.out, re.MULTILINE))
    assert options <= set(explained)
    for option, rest in explained.items():
        assert re.search(r"  \w.{4,}$", rest), f"expected {option} to be explained in its line, got: {rest!r}"
