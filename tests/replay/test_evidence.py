"""The words that find answers in a trace."""

from __future__ import annotations

from typing import Any

import pytest

from palleto import SettingError, Trace, TraceEvent
from palleto.lab import evidence
from palleto.replay.evidence import consumed, count, first, last, loops, moment, number_in, said, time_of, total


@pytest.fixture
def five(play: Any) -> Trace:
    return play(5, seconds=100.0).trace


def test_words_that_find(five: Trace) -> None:
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


def test_a_stage_is_named_by_its_end_and_only_its_last_work_consumes() -> None:
    events = [
        TraceEvent(0, 0.0, "Pipeline1Consumer", "handled", ids=("a", "b"), data={"last": True}),
        TraceEvent(1, 0.0, "Pipeline12Consumer", "handled", ids=("c",), data={"last": True}),
        TraceEvent(2, 0.0, "Pipeline1ProducerConsumer", "handled", ids=("d",), data={"last": False}),
    ]
    assert count(events, stage="Consumer") == 3
    assert count(events, stage="Pipeline1Consumer") == 1
    assert consumed(events) == (3, events[1])


def test_loops(five: Trace) -> None:
    found = loops(five)
    assert [loop.wanted for loop in found] == [10, 20, 30, 14]
    assert [loop.killed for loop in found][:3] == [0.0, 0.0, 86.0]
    assert [loop.over for loop in found] == [False, False, False, True]
    assert found[2].runs == [5.0 * number for number in range(18)]


def test_what_a_producer_asks_for_is_for_the_next_loop_alone() -> None:
    asking = TraceEvent(0, 0.0, "P", "said", data={"text": "Asking for 10"})
    started = [TraceEvent(seq, 1.0, f"#{seq}", "loop_started") for seq in (1, 2)]
    assert [loop.wanted for loop in loops([asking, *started])] == [10, None]


@pytest.mark.parametrize("odd", [None, 5, "trace.jsonl", [1, 2], object()])
def test_what_is_no_run(odd: Any) -> None:
    with pytest.raises(SettingError, match="expected a run"):
        evidence.events_of(odd)
