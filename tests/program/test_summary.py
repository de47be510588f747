"""The figures of a run: counted from its trace, told at its end."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

from palleto.program import Summary


def summary(*noted: tuple[str, tuple[str, ...], dict], consumed: list[tuple[str, int]] = ()) -> Summary:
    made = Summary()
    for one in noted:
        made.note(*one)
    for name, count in consumed:
        made.consume(SimpleNamespace(name=None if name.startswith("#") else name, id=name), count)
    return made


def test_nothing_happened():
    assert Summary().lines() == ["0 events consumed in 0.0 s (by nobody)"]
    assert Summary().lines(Counter()) == [
        "0 events consumed in 0.0 s (by nobody)",
        "requests: none",
        "messages: 0 deleted, 0 redelivered, 0 dead-lettered",
    ]


def test_events_are_counted_by_consumer():
    made = summary(consumed=[("#4", 2), ("#5", 1), ("#4", 1)])
    made.seconds = 61.04
    assert made.lines() == ["4 events consumed in 61.0 s (#4 3, #5 1)"]


def test_consumers_stand_in_the_order_of_their_numbers():
    made = summary(consumed=[(f"Pipeline{number}Consumer", 1) for number in (10, 2, 1)])
    assert "(Pipeline1Consumer 1, Pipeline2Consumer 1, Pipeline10Consumer 1)" in made.lines()[0]


def test_files_bytes_and_lines():
    made = summary(
        ("download", ("a.gz",), {"bytes": 1_000}),
        ("written", ("a.gz",), {"lines": 2_000}),
        ("download", ("b.gz",), {"bytes": 500}),
        ("written", ("b.gz",), {"lines": 1}),
        ("written", ("b.gz",), {"lines": 1}),  # again: it is one file still
    )
    assert made.lines()[1] == "2 files, 1,500 bytes, 2,001 lines"
    assert summary(("written", ("a.gz",), {"lines": 5})).lines()[1] == "1 file, 0 bytes, 5 lines"


def test_messages_deleted_and_redelivered():
    made = summary(
        ("receive", ("m1", "m2"), {"counts": [1, 1]}),
        ("receive", ("m1",), {"counts": [2]}),
        ("receive", ("m1",), {"counts": [3]}),
        ("delete", (), {"deleted": 1, "failed": 1}),
        ("delete", (), {"deleted": 1, "failed": 0}),
    )
    assert made.lines(Counter(), 4)[-1] == "messages: 2 deleted, 2 redelivered, 4 dead-lettered"


def test_requests_by_operation():
    told = Summary().lines(Counter({"sqs.ReceiveMessage": 3, "s3.GetObject": 1}))
    assert told[1] == "requests: s3.GetObject 1, sqs.ReceiveMessage 3"


def test_a_runs_figures_are_its_traces(play):
    played = play(9)
    assert played.summary.consumed.total() == 12
    assert len(played.summary.files) == 12
    assert played.summary.lines(played.requests)[1].startswith("12 files, ")
    assert played.summary_lines[-1] == "messages: 13 deleted, 0 redelivered, 0 dead-lettered"
    assert f"s3.GetObject {len(played.kinds('download'))}" in played.summary_lines[2]
    assert f"sqs.ReceiveMessage {len(played.kinds('receive'))}" in played.summary_lines[2]
