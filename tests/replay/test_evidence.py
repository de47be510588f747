"""The words that find answers in a trace: each rule by itself, told by hand, and the loops of a run."""

from __future__ import annotations

from typing import Any

import pytest

from palleto import SettingError, TraceEvent
from palleto.replay import evidence
from palleto.replay.evidence import consumed, count, every, first, last, loops, moment, number_in, said, tally, total


def traced(*events: tuple[float, str, str] | tuple[float, str, str, dict[str, Any]]) -> list[TraceEvent]:
    """Trace events of (time, stage, kind, other fields)."""
    made = []
    for seq, (t, stage, kind, *more) in enumerate(events):
        made.append(TraceEvent(seq, t, stage, kind, **(more[0] if more else {})))  # type: ignore[arg-type]
    return made


TRACE = traced(
    (0.0, "P", "ask", {"peer": "#4", "line": 7, "data": {"count": 10}}),
    (1.0, "P", "ask", {"peer": "#5", "line": 8, "data": {"count": 5}}),
    (2.0, "P", "said", {"data": {"text": "Asking for 15 events, of 3.5 or -2"}}),
    (3.0, "", "said", {"data": {"text": "asking"}}),
    (3.0, "#4", "handled", {"ids": ("a.gz", "b.gz"), "data": {"last": True}}),
    (4.0, "Pipeline1Consumer", "handled", {"ids": ("c.gz",), "data": {"last": True}}),
    (5.0, "PC", "handled", {"ids": ("d.gz", "e.gz"), "data": {"last": False}}),
)


@pytest.mark.parametrize(
    ("conditions", "seqs"),
    [
        ({}, [0, 1, 2, 3, 4, 5, 6]),
        ({"kind": "ask"}, [0, 1]),
        ({"kind": "as"}, []),
        ({"peer": "#5"}, [1]),
        ({"peer": "#"}, []),
        ({"line": 8}, [1]),
        ({"stage": "P"}, [0, 1, 2]),
        ({"stage": "Consumer"}, [5]),
        ({"stage": "Pipeline"}, []),
        ({"stage": ""}, [3]),
        ({"text": "Asking"}, [2]),
        ({"text": "sking"}, [2, 3]),
        ({"text": ".gz"}, [4, 5, 6]),
        ({"text": "b.gz"}, [4]),
        ({"after": 3.0}, [3, 4, 5, 6]),
        ({"before": 3.0}, [0, 1, 2, 3, 4]),
        ({"after": 3.0, "before": 3.0}, [3, 4]),
        ({"count": 10}, [0]),
        ({"last": False}, [6]),
        ({"kind": "handled", "last": True, "after": 4}, [5]),
        ({"nothing": None}, [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_conditions(conditions: dict[str, Any], seqs: list[int]) -> None:
    assert [event.seq for event in every(TRACE, **conditions)] == seqs
    assert count(TRACE, **conditions) == len(seqs)
    assert first(TRACE, **conditions) is (TRACE[seqs[0]] if seqs else None)
    assert last(TRACE, **conditions) is (TRACE[seqs[-1]] if seqs else None)
    assert tally(TRACE, **conditions) == (len(seqs), TRACE[seqs[-1]] if seqs else None)
    assert moment(TRACE, **conditions) == ((TRACE[seqs[0]].t, TRACE[seqs[0]]) if seqs else (None, None))
    assert evidence.time_of(TRACE, **conditions) == (TRACE[seqs[0]].t if seqs else None)


def test_what_was_said_is_no_id() -> None:
    assert said(TRACE, "a.gz") is None
    assert said(TRACE, "sking", after=2.5) is TRACE[3]
    assert said(TRACE, "sking", stage="P") is TRACE[2]


@pytest.mark.parametrize(
    ("after", "number"),
    [("", 15), ("Asking for", 15), ("events, of", 3.5), (" or", -2), ("Asking", 15), ("-2", None), ("no such", None)],
)
def test_a_number_in_what_was_said(after: str, number: float | None) -> None:
    assert number_in(TRACE[2], after) == number
    assert number_in(None, after) is None


@pytest.mark.parametrize("odd", [None, 5, "trace.jsonl", [1, 2], object()])
def test_what_is_no_run(odd: Any) -> None:
    with pytest.raises(SettingError, match="expected a run"):
        evidence.events_of(odd)


def test_only_the_last_handling_consumes() -> None:
    assert consumed(TRACE) == (3, TRACE[5])
    assert consumed(TRACE, before=3) == (2, TRACE[4])
    assert consumed(TRACE, stage="PC") == (0, None)


def test_a_sum_and_the_last_that_adds_to_it() -> None:
    deletes = traced(*((0.0, "C", "delete", {"data": {"deleted": count}}) for count in (2, 1.5, 0, "many")))
    deletes += traced((4.0, "C", "delete"), (5.0, "C", "other", {"data": {"deleted": 100}}))
    assert total(deletes, "deleted", kind="delete") == (3.5, deletes[1])
    assert total(deletes, "nothing") == (0, None)


def said_by(stage: str, t: float, text: str) -> tuple[float, str, str, dict[str, Any]]:
    return t, stage, "said", {"data": {"text": text}}


def test_the_life_of_a_loop() -> None:
    life = traced(
        said_by("P", 0.0, "Asking for 10 events"),
        (0.0, "#7", "loop_started"),
        said_by("#7", 0.0, "Server #7 looping: Run 0. Looking for 14 events"),
        said_by("#7", 5.0, "Server #7 looping: Run 1. Looking for 12 events"),
        said_by("#7", 6.0, "Casting events to producer"),
        (7.0, "#7", "loop_crashed"),
        (9.0, "#7", "loop_killed"),
        (9.5, "#7", "loop_ended"),
        said_by("#7", 9.6, "Server #7 looping: Run 2. Looking for 8 events"),
        (9.7, "#7", "loop_killed"),
    )
    (loop,) = loops(life)
    assert (loop.label, loop.start, loop.end, loop.killed, loop.over) == ("#7", 0.0, 9.5, 9.0, False)
    assert (loop.wanted, loop.runs, loop.crashes) == (14, [0.0, 5.0], [7.0])


def test_a_kill_at_the_end_of_the_run_is_none_of_the_steps() -> None:
    started = [(0.0, "#7", "loop_started"), (0.0, "#8", "loop_started")]
    found = loops(traced(*started, (1.0, "#7", "loop_killed"), (2.0, "", "drain"), (3.0, "#8", "loop_killed")))
    assert [(loop.killed, loop.over) for loop in found] == [(1.0, False), (3.0, True)]


def test_what_a_producer_asked_for_is_for_the_next_loop_alone() -> None:
    trace = traced(
        said_by("P", 0.0, "Asking for 10 events"),
        (0.0, "#7", "loop_started"),
        (1.0, "#8", "loop_started"),
        said_by("P", 2.0, "Asking for 3 events"),
        said_by("P", 2.0, "Received 0 events"),
        (2.0, "#9", "loop_started"),
    )
    assert [loop.wanted for loop in loops(trace)] == [10, None, 3]


def test_a_loop_that_says_nothing_still_polls() -> None:
    polls = [(1.0, "#7", "receive"), (2.0, "#8", "receive"), (3.0, "#7", "receive")]
    started = [(0.0, "#7", "loop_started"), (0.0, "#8", "loop_started")]
    quiet, loud = loops(traced(*started, *polls, said_by("#8", 3.5, "Server looping: Run 0")))
    assert (quiet.runs, loud.runs) == ([1.0, 3.0], [3.5])
    assert loud.wanted is None


def test_a_loop_is_one_that_was_started_as_one() -> None:
    assert loops(traced(said_by("#7", 0.0, "Server looping: Run 0"), (1.0, "#7", "loop_ended"))) == []


def test_the_loops_of_step_5(play: Any) -> None:
    found = loops(play(5, seconds=100.0).trace)
    assert [loop.wanted for loop in found] == [10, 20, 30, 14]
    assert [loop.killed for loop in found][:3] == [0.0, 0.0, 86.0]
    assert [loop.over for loop in found] == [False, False, False, True]
    assert found[2].runs == [5.0 * number for number in range(18)]


def test_an_answer_is_a_pair_that_knows_its_run() -> None:
    found = tally(TRACE, kind="ask")
    assert (found.value, found.event, found.run) == (2, TRACE[1], TRACE)
    assert evidence.answer_of(found, "another").run is TRACE
    assert evidence.answer_of((3, TRACE[1]), TRACE).run is TRACE
    assert evidence.answer_of(5, TRACE).run is TRACE
    assert evidence.answer_of(TRACE[1]) == (1.0, TRACE[1])
    assert evidence.answer_of((3, None)) == (3, None)
    assert [evidence.answer_of(value) for value in ((1, None, 3), (1, 2), (1,), None)] == [
        ((1, None, 3), None), ((1, 2), None), ((1,), None), (None, None),
    ]  # fmt: skip
