"""The words that find answers in a trace."""

from __future__ import annotations

import linecache

import pytest

from palleto import SettingError, TraceEvent
from palleto.lab import evidence
from palleto.replay.sources import called, place_of, titles
from palleto.replay.evidence import consumed, count, first, last, moment, number_in, said, time_of, total


@pytest.fixture
def five(play) -> list[TraceEvent]:
    return play(5, seconds=100.0).trace


def test_words_that_find(five):
    assert count(five, kind="loop_killed", before=1) == 2
    assert time_of(five, text="Asking for 14") == 86.0
    assert moment(five, text="Asking for 14").value == 86.0
    asked = said(five, "Asking for 14")
    assert number_in(asked) == number_in(asked, after="Asking for") == 14
    assert number_in(None) is number_in(asked, after="nothing of it") is None
    assert first(five, kind="ask", count=10) == next(event for event in five if event.kind == "ask")
    assert last(five, kind="no such kind") is None
    assert consumed(five, before=86).value == 26
    assert consumed(five, stage="#4", before=86).value == 10
    assert total(five, "count", kind="ask", before=1).value == 30


def test_a_stage_is_named_by_its_end():
    events = [TraceEvent(0, 0.0, "Pipeline1Consumer", "handled"), TraceEvent(1, 0.0, "Pipeline12Consumer", "handled")]
    assert count(events, stage="Consumer") == 2
    assert count(events, stage="Pipeline1Consumer") == 1


def test_loops(five):
    found = evidence.loops(five)
    assert [loop.wanted for loop in found] == [10, 20, 30, 14]
    assert [loop.killed for loop in found][:3] == [0.0, 0.0, 86.0]
    assert [loop.over for loop in found] == [False, False, False, True]
    assert found[2].runs == [5.0 * number for number in range(18)]


@pytest.mark.parametrize("odd", [None, 5, "trace.jsonl", [1, 2], object()])
def test_what_is_no_run(odd):
    with pytest.raises(SettingError, match="expected a run"):
        evidence.events_of(odd)


def test_the_line_of_a_cell():
    name = "/tmp/ipykernel_77/123456789.py"
    linecache.cache[name] = (20, None, ["a = 1\n", "    b = kill(a)\n"], name)
    try:
        event = TraceEvent(7, 1.5, "#3", "loop_killed", file="123456789.py", line=2)
        assert evidence.words(event) == "trace event 7, at 1.500 s, #3: loop_killed (a cell, line 2: `b = kill(a)`)"
        linecache.cache[name] = (20, None, ["# ---- Producer ----\n", "\n", "class Other:\n"], name)
        assert place_of(event) == "the Producer cell:2"
        assert titles(["step5.py", "123456789.py", "99.py", "123456789.py"]) == [
            "step5.py", "the Producer cell", "a cell", "the Producer cell (2)",
        ]  # fmt: skip
        linecache.cache[name] = (20, None, ["x = 1\n", "class Other:\n"], name)
        assert called("123456789.py") == "the Other cell"
    finally:
        del linecache.cache[name]
    assert evidence.code_of(event) == ""
