"""The figures of a run: counted from its trace, told at its end."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest

from palleto import Lost
from palleto.core import FULL
from palleto.program import Summary


def test_nothing_happened():
    assert Summary().lines() == ["0 events consumed in 0.0 s (by nobody)"]
    assert Summary().lines(Counter()) == [
        "0 events consumed in 0.0 s (by nobody)",
        "requests: none",
        "messages: 0 deleted, 0 redelivered, 0 dead-lettered",
    ]


@pytest.mark.parametrize(
    ("consumed", "line"),
    [
        ([("#4", 2), ("#5", 1), ("#4", 1)], "4 events consumed in 61.0 s (#4 3, #5 1)"),
        ([(f"P{number}", 1) for number in (10, 2, 1)], "3 events consumed in 61.0 s (P1 1, P2 1, P10 1)"),
    ],
)
def test_events_are_counted_by_consumer_in_the_order_of_their_numbers(consumed, line):
    made = Summary()
    made.seconds = 61.04
    for name, count in consumed:
        made.consume(SimpleNamespace(name=None if name.startswith("#") else name, id=name), count)
    assert made.lines() == [line]


def test_files_and_messages():
    made = Summary()
    for kind, ids, data in [
        ("download", ("a.gz",), {"bytes": 1_000}),
        ("written", ("a.gz",), {"lines": 2_000, "bytes": 9_000}),
        ("download", ("b.gz",), {"bytes": 500}),
        ("written", ("b.gz",), {"lines": 1, "bytes": 600}),
        ("written", ("b.gz",), {"lines": 1, "bytes": 600}),  # again: it is one file still
        ("download", ("bad.gz",), {"bytes": 7}),
        ("download", ("bad.gz",), {"bytes": 7}),
        ("download", ("worse.gz",), {"bytes": 100}),
        ("receive", ("m1", "m2"), {"counts": [1, 1]}),
        ("receive", ("m1",), {"counts": [2]}),
        ("receive", ("m1",), {"counts": [3]}),
        ("delete", (), {"deleted": 1, "failed": 1}),
        ("delete", (), {"deleted": 1, "failed": 0}),
    ]:
        made.note(kind, ids, data)
    assert made.lines(Counter({"sqs.ReceiveMessage": 3, "s3.GetObject": 2}), 4)[1:] == [
        "2 files: 1,500 bytes in, 9,600 bytes of text, 2,001 lines",
        "2 files without a result: 114 bytes in",
        "requests: s3.GetObject 2, sqs.ReceiveMessage 3",
        "messages: 2 deleted, 2 redelivered, 4 dead-lettered",
    ]


def test_a_runs_figures_are_its_traces(play):
    played = play(9)
    assert played.summary.consumed.total() == 12
    assert len(played.summary.files) == 12
    assert played.summary.lines(played.requests)[1].startswith("12 files: ")
    assert played.summary_lines[-1] == "messages: 13 deleted, 0 redelivered, 0 dead-lettered"
    assert f"s3.GetObject {len(played.kinds('download'))}" in played.summary_lines[2]
    assert f"sqs.ReceiveMessage {len(played.kinds('receive'))}" in played.summary_lines[2]


def test_what_full_buffers_drop_is_counted_and_what_a_crash_loses_is_not():
    made = Summary()
    for events in (Lost([1, 2], FULL), Lost([3], "numbers has ended: killed"), Lost([4], FULL)):
        made.lose(SimpleNamespace(), events)
    assert made.lines() == ["0 events consumed in 0.0 s (by nobody)", "3 events discarded by full buffers"]
