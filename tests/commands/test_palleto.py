"""`palleto`: what it lists, what each command below it does, what it completes, and what it says of a mistake."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from ran import ROOT, command, finished, one_error

from palleto import Trace, TraceEvent
from palleto.commands.palleto import palleto as every_command
from palleto.lab.shutdown import RUNGS
from palleto.program import STEPS, read


def below(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Each command that a group has, and those that they have."""
    context = click.Context(group)
    for name in group.list_commands(context):
        yield (*path, name)
        made = group.get_command(context, name)
        if isinstance(made, click.Group):
            yield from below(made, (*path, name))


COMMANDS = list(below(every_command))


def test_alone_it_lists_everything_on_one_screen(palleto):
    ran = palleto()
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == palleto("--help").out
    lines = ran.out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    listed = [line.split()[0] for line in lines[lines.index("Commands:") + 1 :]]
    assert sorted(listed) == sorted([*every_command.commands, *map(str, STEPS)])
    for number in STEPS:
        assert f"    {number}  " in ran.out
        assert read(number).title in ran.out


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_each_command_has_help(palleto, path):
    ran = palleto(*path, "--help")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: palleto {' '.join(path)} ")
    assert ran.out == palleto(*path, "-h").out


def test_a_step_is_the_one_that_python_runs(palleto, tmp_path):
    ran = palleto("step", 9, "--virtual", "--seed", 7, "--files", 3, "--trace", "by_name.jsonl")
    as_module = finished(
        command("steps.step9", "--virtual", "--seed", 7, "--files", 3, "--trace", "as_module.jsonl", cwd=tmp_path)
    )
    assert (ran.status, ran.out, ran.err) == (0, as_module.out, as_module.err)
    assert Path("by_name.jsonl").read_bytes() == Path("as_module.jsonl").read_bytes()


@pytest.mark.parametrize(("number", "events"), [*((step, 30) for step in range(1, 6)), (6, 20), (7, 12), (8, 12)])
def test_every_step_runs_to_its_own_end(palleto, number, events):
    ran = palleto("step", number, "--virtual", "--quiet")
    assert (ran.status, ran.out) == (0, "")
    assert f"{events} events consumed" in ran.err


def test_a_steps_status_is_its_own(palleto):
    one_error(palleto("step", 9, "--virtual", "--data", "nowhere.gz"), "error: ", "nowhere.gz", status=1)
    one_error(palleto("step", 9, "--pipelines", "0"), "palleto step 9: error: --pipelines: expected", status=2)


def test_steps_alone_are_listed(palleto):
    assert palleto("step").out == palleto("step", "--help").out
    assert all(read(number).title in palleto("step").out for number in STEPS)


def test_diff_play_explain_and_verdict(palleto):
    assert palleto("diff", 4, 5).out.startswith("Step 4: ")
    palleto("step", 6, "--virtual", "--quiet", "--trace", "run.jsonl")
    assert palleto("explain", "run.jsonl", "--at", 15).out.startswith("At 15.000 s: all in flight\n")
    assert palleto("explain", "run.jsonl").out.startswith("At 34.000 s: under way\n")
    judged = palleto("verdict", "run.jsonl")
    assert (judged.status, judged.out.splitlines()[0][:20]) == (0, "13 messages: 13 dela")
    played = palleto("play", "run.jsonl", "--html", "run.html", "--at", 3)
    assert played.out.startswith("run.html: ")
    assert '<body data-at="3">' in Path("run.html").read_text(encoding="utf-8")


def test_what_is_lost_or_stuck_is_exit_code_1(palleto):
    story = Trace([TraceEvent(0, 0.0, "P", "emitted", ids=("1",)), TraceEvent(1, 1.0, "C", "lost", ids=("1",))])
    story.save("run.jsonl")
    judged = palleto("verdict", "run.jsonl")
    assert judged.status == 1
    assert judged.out.startswith("1 events: 1 lost\n")


def test_lab_faults_prints_a_word_for_each_step(palleto, monkeypatch):
    ran = palleto("lab", "faults", "TestEvent", "corrupt gzip")
    head, *rows = ran.out.splitlines()
    assert head.split("  ")[0] == "fault"
    assert [row.split("  ")[0] for row in rows] == ["TestEvent", "corrupt gzip"]
    assert rows[0].endswith("stuck")
    assert rows[1].endswith("dead-lettered")
    assert palleto("lab", "faults", "nothing", "--step", "9").out.splitlines()[1].split() == ["nothing", "done", "once"]
    one_error(palleto("lab", "faults", "gzip"), "expected one of: nothing, ", "got: 'gzip'", status=1)
    monkeypatch.setenv("LOCALSTACK_HOST", "127.0.0.1:1")
    one_error(palleto("lab", "faults", "--place", "localstack"), "expected LocalStack at http://127.0.0.1:1", status=1)


def test_lab_shutdown_prints_a_row_for_each_way_to_end(palleto):
    head, *rows = palleto("lab", "shutdown", "--file", 1).out.splitlines()
    assert head.split() == ["left", "in", "flight", "back", "after", "done", "twice", "gone", "after"]
    assert [row.split("  ")[0] for row in rows] == [str(rung) for rung in RUNGS]
    assert palleto("lab", "shutdown", "--file", 40, "--deploys").out.splitlines()[1].startswith("kill -9")
    one_error(palleto("lab", "shutdown", "--deadline", 0), "--deadline: expected a number above 0, got: '0'", status=2)


def test_lab_supervision_prints_what_comes_of_each_strategy(palleto):
    ran = palleto("lab", "supervision", "two in a row", "--tree", "one floor")
    head, *rows = ran.out.splitlines()
    assert head.split("  ")[0] == "fault"
    assert ["gives up" in row for row in rows] == [True, False, False]
    assert palleto("lab", "supervision", "nothing").out.count("goes on") == 3
    one_error(palleto("lab", "supervision", "crash"), "expected one of: nothing, ", "got: 'crash'", status=1)
    one_error(palleto("lab", "supervision", "--tree", "3"), "expected one of: one floor, ", "got: '3'", status=1)


def test_localstack_and_cloud(palleto, monkeypatch, tmp_path):
    monkeypatch.setenv("PALLETO_CACHE", str(tmp_path))
    ran = palleto("localstack", "down", "--port", 4999)
    assert (ran.status, ran.out) == (0, "nothing to end: `up` started nothing on port 4999\n")
    ran = palleto("cloud", "dlq", "--place", "simulated")
    assert ran.status == 1
    assert ran.err.splitlines()[-1].startswith("error: expected a cloud that outlives a run, got simulated")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("stpe 9", ["palleto: error: expected one of lab, step, ", "got: 'stpe'; did you mean step?"]),
        ("step 10", ["palleto step: error: expected one of 1, 2, ", "got: '10' ("]),
        ("step 9 --virtul", ["palleto step 9: error: ", "did you mean --virtual?"]),
        ("cloud", ["palleto cloud: error: expected one of dlq, down, got nothing"]),
        ("cloud dql", ["got: 'dql'; did you mean dlq?"]),
        ("lab capcity", ["palleto lab: error: expected one of ", "got: 'capcity'; did you mean capacity?"]),
        ("lab capacity --pipelines 0", ["--pipelines: expected a whole number of 1 or more, got: '0'"]),
        ("localstack status --port 0", ["--port: expected a port, 1 to 65535, got: '0'"]),
        ("localstack status --port 65536", ["--port: expected a port, 1 to 65535, got: '65536'"]),
        ("play", ["palleto play: error: expected TRACE, got nothing"]),
        ("explain nowhere.jsonl --at x", ["--at: expected a number of seconds, 0 or more, got: 'x'"]),
        ("completion powershell", ["expected one of bash, zsh, fish, got: 'powershell'"]),
    ],
)
def test_a_mistake_is_one_line_that_says_what_was_meant(palleto, arguments, words):
    one_error(palleto(*arguments.split()), *words, status=2)


@pytest.mark.parametrize("name", ["play", "explain", "verdict"])
def test_a_trace_that_is_not_there_is_one_line(palleto, name):
    one_error(palleto(name, "nowhere.jsonl"), "error: expected a trace file", "nowhere.jsonl", status=1)


# ---- completion


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_what_the_shell_evaluates(palleto, shell):
    ran = palleto("completion", shell)
    assert (ran.status, ran.err) == (0, "")
    assert f"_PALLETO_COMPLETE={shell}_complete" in ran.out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("palleto st", ["step"]),
        ("palleto step ", [str(number) for number in STEPS]),
        ("palleto step 9 --pi", ["--pipelines"]),
        ("palleto step 1 --pi", []),
        ("palleto step 9 --place loc", ["localstack"]),
        ("palleto cloud ", ["dlq", "down"]),
        ("palleto completion z", ["zsh"]),
    ],
)
def test_what_is_typed_is_completed(palleto, monkeypatch, typed, offered):
    asked = {"_PALLETO_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    for name, value in asked.items():
        monkeypatch.setenv(name, value)
    assert [line.partition(",")[2] for line in palleto().out.splitlines() if line] == offered


def test_the_list_loads_nothing_heavy():
    heavy = "[name for name in ('boto3', 'moto', 'ipywidgets', 'matplotlib', 'trio') if name in sys.modules]"
    code = f"import sys; from palleto.commands import main; main([]); print({heavy}, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stderr == "[]\n"
