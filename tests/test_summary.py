"""The figures of a run: counted from its trace, told at its end."""

from __future__ import annotations

from collections import Counter

from palleto import TraceEvent
from palleto.summary import Summary


def summary(*events: tuple[str, str, tuple[str, ...], dict]) -> Summary:
    made = Summary()
    for number, (stage, kind, ids, data) in enumerate(events):
        made(TraceEvent(number, float(number), stage, kind, ids=ids, data=data))
    return made


def handled(stage: str, *ids: str, last: bool = True):
    return stage, "handled", ids, {"last": last}


def test_nothing_happened():
    assert Summary().lines() == ["0 events consumed in 0.0 s (by nobody)"]
    assert Summary().lines(Counter()) == [
        "0 events consumed in 0.0 s (by nobody)",
        "requests: none",
        "messages: 0 deleted, 0 redelivered, 0 dead-lettered",
    ]


def test_events_are_counted_by_consumer():
    made = summary(handled("#4", "a", "b"), handled("#5", "c"), handled("#4", "d"))
    assert made.lines() == ["4 events consumed in 2.0 s (#4 3, #5 1)"]


def test_what_a_producer_consumer_handles_is_not_consumed():
    assert summary(handled("middle", "a", last=False)).lines() == ["0 events consumed in 0.0 s (by nobody)"]


def test_consumers_stand_in_the_order_of_their_numbers():
    made = summary(*(handled(f"Pipeline{number}Consumer", "x") for number in (10, 2, 1)))
    assert "(Pipeline1Consumer 1, Pipeline2Consumer 1, Pipeline10Consumer 1)" in made.lines()[0]


def test_files_bytes_and_lines():
    made = summary(
        ("p", "download", ("a.gz",), {"bytes": 1_000}),
        ("c", "written", ("a.gz",), {"lines": 2_000}),
        ("p", "download", ("b.gz",), {"bytes": 500}),
        ("c", "written", ("b.gz",), {"lines": 1}),
    )
    assert made.lines()[1] == "2 files, 1,500 bytes, 2,001 lines"


def test_a_file_that_is_written_twice_is_one_file():
    made = summary(("c", "written", ("a.gz",), {"lines": 5}), ("c", "written", ("a.gz",), {"lines": 5}))
    assert made.lines()[1] == "1 file, 0 bytes, 5 lines"


def test_messages_deleted_and_redelivered():
    made = summary(
        ("l", "receive", ("m1", "m2"), {"counts": [1, 1]}),
        ("l", "receive", ("m1",), {"counts": [2]}),
        ("l", "receive", ("m1",), {"counts": [3]}),
        ("s", "delete", (), {"deleted": 1, "failed": 1}),
        ("s", "delete", (), {"deleted": 1, "failed": 0}),
    )
    assert made.lines(Counter(), 4)[-1] == "messages: 2 deleted, 2 redelivered, 4 dead-lettered"


def test_requests_by_operation():
    told = Summary().lines(Counter({"sqs.ReceiveMessage": 3, "s3.GetObject": 1}))
    assert told[1] == "requests: s3.GetObject 1, sqs.ReceiveMessage 3"


def test_seconds_are_those_of_the_last_event():
    made = Summary()
    made(TraceEvent(0, 1.25, "x", "said"))
    made(TraceEvent(1, 61.04, "x", "said"))
    assert made.lines() == ["0 events consumed in 61.0 s (by nobody)"]


def test_a_runs_figures_are_its_traces(play):
    played = play(9)
    assert played.summary.consumed.total() == 12
    assert len(played.summary.files) == 12
    assert played.summary.lines(played.requests)[1].startswith("12 files, ")
    assert played.summary_lines[-1] == "messages: 13 deleted, 0 redelivered, 0 dead-lettered"
    assert f"s3.GetObject {len(played.kinds('download'))}" in played.summary_lines[2]
    assert f"sqs.ReceiveMessage {len(played.kinds('receive'))}" in played.summary_lines[2]
