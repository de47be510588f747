"""What ends a step's run, in which time and order it goes, and what it prints and writes."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from ran import CLOUD, ROOT, command, finished

import palleto
from palleto.program.lesson import STEPS


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
