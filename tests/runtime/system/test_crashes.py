"""A crash of the user's code: one line that names class and stage, a log entry with its traceback, and the cause."""

# ruff: noqa: PT012 -- what raises here is a whole `async with`

from __future__ import annotations

import logging
import traceback

import anyio
import pytest
from stage_members import Numbers, Passing, Sink, of, stages

import palleto
from palleto import (
    Consumer,
    NotFoundError,
    RestartError,
    Supervisor,
    System,
    call,
    cast,
    child,
    running,
)
from palleto.program import Options, StepRun


class Parser(Consumer):
    def init(self):
        self.subscribe("numbers", cancel="temporary")

    def handle_events(self, events):
        self.parse(events)

    def parse(self, events):
        return {}["missing"]


def quietly(line):
    """Who reads the one line."""


def logged(caplog):
    return [(record.name, record.levelno, record.getMessage()) for record in caplog.records]


async def test_the_line_and_the_log(caplog):
    parser = Parser()
    async with stages(Numbers(3), parser) as world:
        await System.current().idle()
        line = f"Parser {parser.id} crashed: KeyError: 'missing'"
        assert world.reported == [line]
    assert logged(caplog) == [("palleto.Parser", logging.ERROR, line)]
    (record,) = caplog.records
    assert 'return {}["missing"]' in "".join(traceback.format_exception(record.exc_info[1]))
    assert "in parse" in "".join(traceback.format_exception(record.exc_info[1]))


@pytest.mark.parametrize(
    ("name", "line"),
    [("ours", "Parser ours crashed"), ("Parser 7", "Parser 7 crashed"), ("LineParser", "LineParser crashed")],
)
async def test_a_name_that_tells_the_class_is_enough(caplog, name, line):
    parser = Parser()
    parser.name = name
    async with stages(Numbers(3), parser) as world:
        await System.current().idle()
        assert world.reported == [f"{line}: KeyError: 'missing'"]
    assert logged(caplog)[0][0] == f"palleto.{name}"


async def test_a_crash_that_takes_others_down_is_logged_with_one_traceback(caplog, style):
    class Fails(Numbers):
        @style
        def handle_cast(self, message):
            raise ValueError(message)

    async with stages(Fails(3), Passing(cancel="permanent"), Sink("passing", cancel="permanent")) as world:
        await System.current().idle()
        cast("numbers", "oh")
        await anyio.sleep(1)
        assert len(world.reported) == len(caplog.records) == 3
    assert [record.exc_info is not None for record in caplog.records] == [True, False, False]


async def test_what_somebody_killed_is_no_crash_of_the_users(caplog):
    sink = Sink()
    async with stages(Numbers(3), sink) as world:
        sink.kill()
        await sink.wait()
        assert world.reported == [f"{sink.id} crashed: killed".replace("#", "Sink #")]
    assert caplog.records == []


@pytest.mark.parametrize("depth", [1, 2])
async def test_the_cause_of_a_restart_error(caplog, depth):
    top = Supervisor([child(Numbers, 9000), child(Parser)], max_restarts=1)
    for _ in range(depth - 1):
        inner = top
        top = Supervisor([child(lambda inner=inner: inner)], max_restarts=0)
    with pytest.raises(RestartError) as caught:
        async with running(top, report=quietly):
            await anyio.sleep(1)
    error = caught.value
    for _ in range(depth):
        assert isinstance(error, RestartError)
        error = error.__cause__
    assert repr(error) == "KeyError('missing')"
    assert "in parse" in "".join(traceback.format_exception(caught.value))
    assert [record.name for record in caplog.records] == ["palleto.Parser"] * 2


async def test_a_call_that_its_stage_crashes_over(style):
    class Asked(Numbers):
        @style
        def handle_call(self, message):
            raise ValueError(message)

    asked = Asked()
    async with running(of(asked), report=quietly):
        with pytest.raises(NotFoundError, match=r"to answer, but it has ended: ValueError: why") as caught:
            await call("numbers", "why")
        assert repr(caught.value.__cause__) == "ValueError('why')"
        with pytest.raises(NotFoundError) as caught:
            await call(asked, "again")
        assert caught.value.__cause__ is None


async def test_a_restart_that_crashes_in_init_is_logged(caplog):
    made = []

    class Weak(Numbers):
        def init(self):
            made.append(self)
            if len(made) > 1:
                raise OSError("no file")

    with pytest.raises(RestartError) as caught:
        async with running(Supervisor([child(Weak)], max_restarts=2), report=quietly):
            cast("numbers", "oh")
            await anyio.sleep(1)
    assert repr(caught.value.__cause__) == "OSError('no file')"
    assert [record.exc_info[1].args for record in caplog.records] == [("oh",), ("no file",), ("no file",)]


@pytest.mark.parametrize("step", [False, True])
def test_where_nobody_set_logging_up_a_traceback_is_seen_but_of_a_step_only_the_line(step, monkeypatch, capsys):
    def pipeline():
        return of(Numbers(3), Parser())

    async def main():
        async with running(pipeline()):
            await System.current().idle()

    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's
    monkeypatch.setattr(logging.getLogger("palleto"), "handlers", [])
    step_run = StepRun(pipeline, lambda state: System.current().idle(), Options(virtual=True, quiet=True))
    palleto.run(step_run if step else main, time="virtual")
    said = capsys.readouterr().err
    assert "Parser #3 crashed: KeyError: 'missing'" in said
    assert said.count("Traceback") == said.count('return {}["missing"]') == (not step)
