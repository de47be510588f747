"""A step as a program: its options, its ends, its errors, and what its summary and its trace say.

Most runs are in this process, by the step's own `main`; those of `command` are real ones, as a learner types them.
"""

from __future__ import annotations

import fcntl
import functools
import gzip
import importlib
import os
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections import Counter
from pathlib import Path

import pytest

import palleto
from palleto import program
from palleto.cloud.samples import sample
from palleto.ending import Ending
from palleto.lesson import STEPS, read

ROOT = Path(__file__).parents[2]
CLOUD = range(6, 10)

made_once = functools.cache(sample)


@pytest.fixture(autouse=True)
def _samples_are_made_once(monkeypatch):
    """Each is the same in every run."""
    monkeypatch.setattr(sys.modules["palleto.cloud.samples"], "sample", made_once)


@pytest.fixture(autouse=True)
def _no_place_from_outside(monkeypatch, tmp_path):
    monkeypatch.delenv("PALLETO_PLACE", raising=False)
    monkeypatch.chdir(tmp_path)  # where `output` is made


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


@pytest.fixture
def run(capsys):
    """Run a step's `main` in this process with the options of a command line."""

    def run(step: int, *arguments: object) -> Ran:
        module = importlib.import_module(f"steps.step{step}")
        status, said = 0, ""
        try:
            program.main(module.pipeline, ending(step), [str(argument) for argument in arguments])
        except SystemExit as end:
            # As the interpreter does: a text goes to standard error, and the status is 1.
            status, said = (1, f"{end.code}\n") if isinstance(end.code, str) else (int(end.code or 0), "")
        output = capsys.readouterr()
        return Ran(status, output.out, output.err + said)

    return run


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
        out, err = process.communicate(timeout=20)
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


# ---- as a learner types it


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


def test_a_virtual_run_loads_no_boto3_and_no_moto():
    script = (
        "import sys; from steps.step8 import pipeline; from palleto.program import *; "
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
    assert last.startswith("10 events consumed in ")
    assert ran.out.splitlines() == ["Consumed: " + ", ".join(["ho"] * 10)]  # and no demand after it


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_second_ctrl_c_ends_at_once(backend):
    """The consumer is in a sleep of 1 s, which takes 20 s of real time; nobody waits for it."""
    process = command("steps.step1", "--forever", "--speed", 0.05, "--backend", backend)
    assert process.stdout is not None
    assert process.stderr is not None
    while "Received 10" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    assert "once more ends at once" in process.stderr.readline()
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    ran = finished(process)
    assert time.monotonic() - start < 10
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


# ---- what ends a run


def test_events(run):
    ran = run(1, "--virtual", "--events", 20)
    assert ran.status == 0
    assert ran.out.count("Consumed") == 2
    assert ran.figure(r"^(\d+) events") == 20


def test_events_are_an_end_that_is_reached_and_then_nothing_more_is_asked(run):
    ran = run(4, "--virtual", "--events", 3)
    assert ran.out.count("Consumed") == 2
    assert "in 31.0 s" in ran.err


def test_for(run):
    """What is in hand at the end is finished: the third batch, from 2 s to 3 s."""
    ran = run(1, "--virtual", "--for", 2.5)
    assert ran.out.count("handling demand") == 3
    assert ran.err.startswith("30 events consumed in 3.0 s")


def test_events_and_for_whichever_comes_first(run):
    assert run(1, "--virtual", "--for", 1.5, "--events", 1000).figure(r"^(\d+) events") == 20
    assert run(1, "--virtual", "--for", 1000, "--events", 20).figure(r"^(\d+) events") == 20


def test_the_steps_own_end_gives_way_to_the_users(run, tmp_path):
    ran = run(9, "--virtual", "--for", 60, "--output", tmp_path)
    assert re.search(r"^12 events consumed in [56]\d\.\d s", ran.err, re.MULTILINE), ran.err
    assert ran.figure(r"ReceiveMessage (\d+)") > 10


def test_forever_with_for_ends_by_time(run):
    assert run(1, "--virtual", "--forever", "--for", 1.5).figure(r"^(\d+) events") == 20


# ---- time, order, backend


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("step", STEPS)
def test_each_step_runs_on_both_backends(run, step, backend, tmp_path):
    ran = run(step, "--virtual", "--backend", backend, *(["--output", tmp_path] if step in CLOUD else []))
    assert ran.status == 0, ran
    assert ran.figure(r"(\d+) events consumed") >= 12
    assert ran.out.count("\n") > 15


def test_speed(run):
    """Two batches of a second take 0.1 s at twenty times the speed; the machine may be slow, but not that slow."""
    start = time.monotonic()
    ran = run(1, "--speed", 20, "--events", 20)
    assert 0.1 <= time.monotonic() - start < 2
    assert ran.figure(r"20 events consumed in (\d+)") >= 2


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("step", [5, 9])
def test_one_seed_is_one_trace(run, step, backend, tmp_path):
    traces = []
    for seed in (7, 7, 8):
        trace = tmp_path / f"{len(traces)}.jsonl"
        run(step, "--virtual", "--seed", seed, "--backend", backend, "--trace", trace)
        traces.append(trace.read_bytes())
    assert traces[0] == traces[1]
    assert traces[0] != traces[2] or step == 5  # whose producer is its only plain stage: nothing to put in order


def test_one_seed_is_one_trace_in_another_process_too(run, tmp_path):
    run(9, "--virtual", "--seed", 7, "--trace", tmp_path / "here")
    assert finished(command("steps.step9", "--virtual", "--seed", 7, "--trace", "there", cwd=tmp_path)).status == 0
    assert (tmp_path / "here").read_bytes() == (tmp_path / "there").read_bytes()


# ---- what is printed and written


@pytest.mark.parametrize("step", [1, 5, 6, 9])
def test_quiet_prints_the_summary_only(run, step):
    ran = run(step, "--virtual", "--quiet")
    assert ran.status == 0
    assert ran.out == ""
    assert "events consumed" in ran.err


@pytest.mark.parametrize("step", [4, 9])
def test_a_trace_can_be_loaded(run, step, tmp_path):
    ran = run(step, "--virtual", "--trace", tmp_path / "trace.jsonl")
    events = palleto.load(tmp_path / "trace.jsonl")
    assert [event.seq for event in events] == list(range(len(events)))
    assert [event.data["text"] for event in events if event.kind == "said"] == ran.out.splitlines()
    said = next(event for event in events if event.kind == "said" and event.data["text"].startswith("Asking for"))
    line = (ROOT / "steps" / f"step{step}.py").read_text().splitlines()[said.line - 1]
    assert said.file == f"step{step}.py"
    assert 'say(f"Asking for {count} events")' in line


def test_output_is_where_the_results_go(run, tmp_path):
    run(8, "--virtual", "--files", 2, "--output", tmp_path / "a" / "b")
    assert sorted(path.name for path in (tmp_path / "a" / "b").rglob("*.*")) == ["20160720.txt", "20160721.txt"]
    assert not Path("output").exists()


def test_output_is_below_the_current_folder_by_default(run):
    run(8, "--virtual", "--files", 1)
    assert Path("output/packrat/data/20160720.txt").read_text() == "2851\n"


def test_files(run):
    assert run(9, "--virtual", "--files", 30).figure(r"(\d+) files") == 30
    assert run(9, "--virtual", "--files", 0).figure(r"(\d+) events consumed") == 0


# ---- the user's own files


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


# ---- what cannot be


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


# ---- help


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


# ---- the lessons of steps 6, 7 and 9


def consumed(played) -> Counter[str]:
    return Counter(key for event in played.kinds("handled") if event.data["last"] for key in event.ids)


def test_step_6_consumes_a_file_a_second_time_and_ends_then(play, backend):
    """The step's defect: nothing deletes a message, so it comes again after the visibility timeout of 30 s."""
    played = play(6, backend=backend)
    counts = consumed(played)
    assert len(counts) == 12
    again = {key for key, count in counts.items() if count == 2}
    assert again
    assert set(counts.values()) <= {1, 2}
    assert played.summary.redelivered > 0
    assert (played.summary.deleted, played.requests["sqs.DeleteMessageBatch"]) == (0, 0)
    first, second = {}, {}
    for event in played.kinds("handled"):
        for key in event.ids:
            (second if key in first else first)[key] = event.t
    assert min(second.values()) - first[min(second, key=lambda key: second[key])] >= 29  # consumed 1 s after a receive
    assert 30 < min(second.values()) < 45


def test_step_6_leaves_its_messages_to_the_dead_letter_queue(play):
    played = play(6, seconds=240)
    ledger = played.performance.cloud.simulated.ledger(played.performance.warehouse.queue_url)
    assert ledger.holds
    assert (ledger.dead_lettered, ledger.deleted) == (13, 0)  # and the TestEvent
    assert set(consumed(played).values()) == {3}
    assert "0 deleted" in played.summary_lines[-1]
    assert "13 dead-lettered" in played.summary_lines[-1]


def test_step_7_gets_nothing_back(play, backend):
    played = play(7, backend=backend, seconds=120)
    assert set(consumed(played).values()) == {1}
    assert len(consumed(played)) == 12
    assert played.summary.redelivered == 0
    ledger = played.performance.cloud.simulated.ledger(played.performance.warehouse.queue_url)
    assert (ledger.sent, ledger.deleted) == (13, 13)
    assert ledger.holds
    # In batches: three calls for thirteen messages.
    assert played.requests["sqs.DeleteMessageBatch"] == 3


@pytest.mark.parametrize("pipelines", range(1, 13))
def test_step_9_does_every_file_once_whatever_the_pipelines(play, pipelines):
    played = play(9, pipelines=pipelines)
    written = Counter(event.ids[0] for event in played.kinds("written"))
    assert len(written) == 12
    assert set(written.values()) == {1}
    assert played.summary.redelivered == 0
    ledger = played.performance.cloud.simulated.ledger(played.performance.warehouse.queue_url)
    assert (ledger.sent, ledger.deleted) == (13, 13)
    assert len([line for line in played.said if line.startswith("SQS.Supervisor")]) == pipelines


def test_step_9_scales_the_work_and_not_the_requests(play):
    """Downloads of one second: with more pipelines the run is shorter, and SQS is not asked more often for it."""
    from palleto.cloud import Simulation

    slow = Simulation(get_object=1.0)
    one, three = (play(9, pipelines=number, files=30, simulation=slow) for number in (1, 3))
    assert three.summary.seconds < one.summary.seconds / 2
    assert three.requests["sqs.ReceiveMessage"] <= one.requests["sqs.ReceiveMessage"]


# ---- python -m steps


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


def test_the_listing_names_each_step_once():
    ran = finished(command("steps"))
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
    assert [
        line.split(":")[0]
        for line in ran.out.splitlines()
        if re.match(r"[A-Z]\w+: (\d+ (added|removed)|unchanged|added)", line)
    ] == [
        "Imports",
        "Server",
        "Producer",
        "Consumer",
        "Pipeline",
        "Run",
    ]


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
    assert arguments[-1] in ran.err or arguments == ["diff"]


def test_the_listing_in_a_pipe_that_has_had_enough():
    shell = f"'{sys.executable}' -W error -m steps diff 1 9 | head -1; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", shell], cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "Step 1: a basic pipeline\n"


# ---- errors beside the pipeline


def test_an_upload_that_fails_ends_the_run_with_its_error(play, backend):
    """As itself, for its one line; not in an ExceptionGroup."""

    async def prepare(cloud, stack):
        await cloud.monitor.s3.delete_bucket(Bucket=stack.bucket)

    with pytest.raises(palleto.CloudError, match="NoSuchBucket"):
        play(9, backend=backend, prepare=prepare)


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
    step = ("steps.step9", "--virtual", "--quiet", "--output", str(tmp_path))
    shown = on_a_terminal(*step)
    assert "0/12 [" in shown
    assert "12/12 [" in shown
    piped = subprocess.run([sys.executable, "-m", *step], capture_output=True, text=True, cwd=ROOT, timeout=20)
    assert "/12 [" not in piped.stdout + piped.stderr
