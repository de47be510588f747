"""The command line's options: what is taken, what is refused, and what each means."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from palleto.cloud.command_line import SETTINGS, start
from palleto.cloud.warehouse import MAX_BYTES
from palleto.program.options import Options, StepCommand

PROGRAM = "python -m steps.step9"


def options(*arguments: str, cloud: bool = True, pipelines: bool = True) -> Options:
    given: list[Options] = []
    start(StepCommand("9", "About.", given.append, cloud=cloud, pipelines=pipelines), PROGRAM, arguments)
    return given[0]


def command(*, cloud: bool, pipelines: bool) -> tuple[list[click.Parameter], str]:
    """The options of a step's command, and its help on a terminal of 200 columns."""
    made = StepCommand("9", "About.", print, cloud=cloud, pipelines=pipelines)
    context = click.Context(
        made, info_name=PROGRAM, terminal_width=200, help_option_names=SETTINGS["help_option_names"]
    )
    return made.get_params(context), made.get_help(context)


@pytest.mark.parametrize("cloud", [True, False])
def test_without_options_all_is_as_the_class_says(cloud):
    assert options(cloud=cloud, pipelines=cloud) == Options()


def test_every_option_arrives_in_its_field():
    line = (
        "--events 3 --for 2.5 --forever --place endpoint --endpoint http://127.0.0.1:5000 --speed 10 --seed -4 "
        "--backend trio --files 7 --data a.gz b --output out --max-bytes 99 --drain-timeout 1.5 "
        "--trace t.jsonl --quiet --watch --pipelines 30 --max-demand 10"
    )
    assert options(*line.split()) == Options(
        events=3,
        seconds=2.5,
        forever=True,
        place="endpoint",
        endpoint="http://127.0.0.1:5000",
        speed=10.0,
        seed=-4,
        backend="trio",
        files=7,
        data=(Path("a.gz"), Path("b")),
        output=Path("out"),
        max_bytes=99,
        drain_timeout=1.5,
        trace=Path("t.jsonl"),
        quiet=True,
        watch=True,
        pipelines=30,
        max_demand=10,
    )


def test_virtual_and_numbers_at_their_bounds():
    line = "--virtual --files 0 --max-bytes 0 --events 1 --pipelines 1 --for 1e-3"
    assert options(*line.split()) == Options(virtual=True, files=0, max_bytes=0, events=1, pipelines=1, seconds=0.001)


def test_data_takes_all_paths_that_follow_it():
    assert options("--data", "a.gz", "b", "--quiet", "--data", "c").data == (Path("a.gz"), Path("b"), Path("c"))
    assert options("--data=a.gz").data == (Path("a.gz"),)


def test_the_defaults_are_those_that_the_help_names():
    _, told = command(cloud=True, pipelines=True)
    defaults = Options()
    assert f"(default {defaults.files})" in told
    assert f"(default {defaults.backend})" in told
    assert f"(default {defaults.output})" in told
    assert f"pipelines (default {defaults.pipelines})" in told
    assert f"up to 10 (default {defaults.max_demand})" in told
    assert f"(default {defaults.drain_timeout:g})" in told
    assert MAX_BYTES == defaults.max_bytes == 10 * 2**30


@pytest.mark.parametrize(("cloud", "pipelines"), [(False, False), (True, False), (True, True)])
def test_each_option_is_explained_in_a_line_of_the_help(cloud, pipelines):
    params, told = command(cloud=cloud, pipelines=pipelines)
    for param in params:
        assert isinstance(param, click.Option)
        assert param.help
        assert "\n" not in param.help
        name = param.opts[-1]
        (line,) = (line for line in told.splitlines() if re.match(rf"  (-h, )?{name} ", line))
        assert line.endswith(param.help), f"expected {name} to be explained in its line"


def test_steps_without_a_queue_have_no_options_of_the_cloud():
    few, more, most = ({param.name for param in command(cloud=cloud, pipelines=pipelines)[0]}
                       for cloud, pipelines in [(False, False), (True, False), (True, True)])  # fmt: skip
    assert more - few == {"place", "endpoint", "yes", "patience", "files", "data", "output", "max_bytes"}
    assert most - more == {"pipelines", "max_demand"}


@pytest.mark.parametrize(
    "arguments",
    [
        "--events 0", "--events 1.5", "--for 0", "--for nan", "--for inf", "--for x", "--speed -2", "--speed inf",
        "--seed 1.5", "--backend curio", "--files -1", "--data", "--max-bytes -1", "--drain-timeout 0",
        "--pipelines 2.5", "--max-demand 0",
        "--virt",  # an abbreviation would mean another option as soon as one is added
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_line_and_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as refused:
        options(*arguments.split())
    assert refused.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("python -m steps.step9: error: ")
    assert err.count("\n") == 1
    assert arguments.split()[0] in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--pipelines 0", "--pipelines: expected a whole number of 1 or more, got: '0'"),
        ("--speed 0", "--speed: expected a number above 0, got: '0'"),
        ("--files \u0665", "--files: expected a whole number of 0 or more, got: '\u0665'"),
        ("--place moon", "--place: expected one of simulated, embedded, localstack, endpoint, aws, got: 'moon'"),
        ("--place localstck", "got: 'localstck'; did you mean localstack?"),
        ("--virtul", "expected an option, got: '--virtul'; did you mean --virtual?"),
        ("--zzz", "expected an option, got: '--zzz' ("),
        ("--events", "expected a value for --events, got none"),
        ("--quiet=yes", "expected no value for --quiet, got one"),
        ("a b", "expected no more arguments, got: a b"),
        ("--speed 2 --virtual", "expected --speed or --virtual, got both"),
    ],
)
def test_a_refusal_says_what_was_expected_what_came_and_what_was_meant(arguments, said, capsys):
    with pytest.raises(SystemExit):
        options(*arguments.split())
    assert f"{PROGRAM}: error: " in (err := capsys.readouterr().err)
    assert said in err
