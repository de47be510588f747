"""The command line's options: what is taken, what is refused, and what each means."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from palleto.cloud.warehouse import MAX_BYTES
from palleto.program.options import Options, parse, parser


def options(*arguments: str, cloud: bool = True, pipelines: bool = True) -> Options:
    return parse(parser("python -m steps.step9", "About.", cloud=cloud, pipelines=pipelines), arguments)


def actions(*, cloud: bool, pipelines: bool) -> list[argparse.Action]:
    return parser("x", "y", cloud=cloud, pipelines=pipelines)._actions


@pytest.mark.parametrize("cloud", [True, False])
def test_without_options_all_is_as_the_class_says(cloud):
    assert options(cloud=cloud, pipelines=cloud) == Options()


def test_every_option_arrives_in_its_field():
    line = (
        "--events 3 --for 2.5 --forever --place endpoint --endpoint http://127.0.0.1:5000 --speed 10 --seed -4 "
        "--backend trio --files 7 --data a.gz b --output out --max-bytes 99 --drain-timeout 1.5 "
        "--trace t.jsonl --quiet --pipelines 30 --max-demand 10"
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
        pipelines=30,
        max_demand=10,
    )


def test_virtual_and_numbers_at_their_bounds():
    line = "--virtual --files 0 --max-bytes 0 --events 1 --pipelines 1 --for 1e-3"
    assert options(*line.split()) == Options(virtual=True, files=0, max_bytes=0, events=1, pipelines=1, seconds=0.001)


def test_the_defaults_are_those_that_the_help_names():
    told = parser("x", "y", cloud=True, pipelines=True).format_help()
    defaults = Options()
    assert f"(default {defaults.files})" in told
    assert f"(default {defaults.backend})" in told
    assert f"(default {defaults.output})" in told
    assert f"pipelines (default {defaults.pipelines})" in told
    assert f"up to 10 (default {defaults.max_demand})" in told
    assert f"(default {defaults.drain_timeout:g})" in told
    assert MAX_BYTES == defaults.max_bytes == 10 * 2**30


@pytest.mark.parametrize(("cloud", "pipelines"), [(False, False), (True, False), (True, True)])
def test_each_option_is_explained_in_a_line_of_the_help(cloud, pipelines, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    told = parser("x", "y", cloud=cloud, pipelines=pipelines).format_help().splitlines()
    for action in actions(cloud=cloud, pipelines=pipelines):
        assert action.help
        assert "\n" not in action.help
        name = action.option_strings[-1]
        (line,) = (line for line in told if re.match(rf"  (-h, )?{name} ", line))
        assert line.endswith(action.help % {"prog": "x"}), f"expected {name} to be explained in its line"


def test_steps_without_a_queue_have_no_options_of_the_cloud():
    few = {action.dest for action in actions(cloud=False, pipelines=False)}
    more = {action.dest for action in actions(cloud=True, pipelines=False)}
    assert more - few == {"place", "endpoint", "yes", "files", "data", "output", "max_bytes"}
    assert {action.dest for action in actions(cloud=True, pipelines=True)} - more == {"pipelines", "max_demand"}


@pytest.mark.parametrize(
    "arguments",
    [
        "--events 0", "--events -1", "--events 1.5", "--events x", "--events",
        "--for 0", "--for -1", "--for nan", "--for inf", "--for x",
        "--speed 0", "--speed -2", "--speed inf", "--speed nan", "--speed 2 --virtual",
        "--seed 1.5", "--backend curio", "--place moon", "--files -1", "--files 1.5", "--data", "--max-bytes -1",
        "--drain-timeout 0", "--pipelines 0", "--pipelines 2.5", "--max-demand 0", "--max-demand x",
        "--virt", "--nonsense", "stray",  # an abbreviation would mean another option as soon as one is added
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
