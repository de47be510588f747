"""Every kind of trace event, as a person would say it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from palleto import TraceEvent
from palleto.replay import evidence
from palleto.replay.words import words
from palleto.trace import event as schema

TRACE = [
    TraceEvent(0, 0.0, "SQS.Producer", "started", data={"class": "Producer"}),
    TraceEvent(1, 0.0, "#4", "started", data={"class": "SlowConsumer"}),
    TraceEvent(2, 0.0, "#9", "started", data={"class": "Task", "function": "loop"}),
    TraceEvent(3, 0.0, "#9", "loop_started", peer="SQS.Server"),
]
TWO = ("packrat/data/20160720.gz", "packrat/data/20160721.gz")

SAID: list[tuple[str, dict[str, Any], str]] = [
    ("started", {}, "slow consumer #4 starts"),
    ("stopped", {"data": {"reason": "normal"}}, "slow consumer #4 stops"),
    ("stopped", {"data": {"reason": "no more"}}, "slow consumer #4 stops: no more"),
    ("crash", {"data": {"reason": "ValueError: x"}}, "slow consumer #4 crashes: ValueError: x"),
    (
        "restart",
        {"peer": "#1", "data": {"reason": "ValueError"}},
        "slow consumer #4 is started again by #1, after ValueError",
    ),
    ("restart", {}, "slow consumer #4 is started again by its supervisor"),
    ("subscribe", {"peer": "SQS.Producer"}, "slow consumer #4 takes the subscription of SQS.Producer"),
    ("cancel", {"peer": "SQS.Producer"}, "slow consumer #4 ends the subscription with SQS.Producer"),
    ("down", {"peer": "SQS.Producer"}, "slow consumer #4 hears that SQS.Producer is gone"),
    (
        "ask",
        {"stage": "SQS.Producer", "peer": "#4", "data": {"count": 10}},
        "slow consumer #4 asks SQS.Producer for 10 events",
    ),
    ("events", {"peer": "SQS.Producer", "ids": ("a",)}, "slow consumer #4 takes 1 event from SQS.Producer"),
    ("handle_demand", {"data": {"count": 1}}, "slow consumer #4 hears of its first demand, for 1 event"),
    ("handle_events", {"ids": TWO}, "slow consumer #4 begins its first batch, of 2 events"),
    ("handle_cast", {}, "slow consumer #4 takes a message out of its mailbox"),
    ("handle_subscribe", {}, "slow consumer #4 hears of a subscription"),
    ("handle_cancel", {}, "slow consumer #4 hears that a subscription has ended"),
    ("handle_call", {}, "slow consumer #4 answers a call"),
    ("handle_drain", {}, "slow consumer #4 hears that nothing more will come from above"),
    ("handled", {"ids": TWO}, "slow consumer #4 is done with its first batch"),
    ("emitted", {"peer": "SQS.Producer", "ids": TWO}, "slow consumer #4 sends SQS.Producer 2 events"),
    ("dropped", {"ids": TWO}, "slow consumer #4 drops 2 events, as its buffer is full"),
    ("lost", {"ids": ("a",)}, "slow consumer #4 loses 1 event in a crash"),
    (
        "cast",
        {"stage": "#9", "peer": "SQS.Producer", "data": {"carried": ["a", "b"]}},
        "loop #9 sends SQS.Producer 2 events",
    ),
    ("cast", {"stage": "#9", "peer": "SQS.Producer"}, "loop #9 sends SQS.Producer a message"),
    ("said", {"data": {"text": "ho"}}, "slow consumer #4 says “ho”"),
    ("report", {"data": {"text": "bad"}}, "it is reported: “bad”"),
    ("loop_started", {"stage": "#9"}, "loop #9 starts"),
    ("loop_killed", {"stage": "#9", "data": {"at": ["step5.py", 68]}}, "loop #9 is killed where it waits, in line 68"),
    ("loop_killed", {"stage": "#9", "data": {"at": None}}, "loop #9 is killed"),
    (
        "loop_crashed",
        {"stage": "#9", "data": {"reason": "TimeoutError"}},
        "loop #9 crashes, and will run again: TimeoutError",
    ),
    ("loop_ended", {"stage": "#9", "data": {"reason": "normal"}}, "loop #9 ends"),
    ("loop_ended", {"stage": "#9", "data": {"reason": "ValueError"}}, "loop #9 ends: ValueError"),
    ("receive", {"stage": "#9"}, "loop #9 asks the queue and receives nothing"),
    ("receive", {"stage": "#9", "ids": TWO, "data": {"counts": [1, 1]}}, "loop #9 receives 2 messages"),
    (
        "receive",
        {"stage": "#9", "ids": TWO, "data": {"counts": [1, 2]}},
        "loop #9 receives 2 messages, 1 of which came back",
    ),
    (
        "receive",
        {"stage": "#9", "ids": TWO, "data": {"counts": [3, 2]}},
        "loop #9 receives 2 messages, which came back",
    ),
    ("delete", {"ids": TWO, "data": {"deleted": 2, "failed": 0}}, "slow consumer #4 deletes 2 messages"),
    (
        "delete",
        {"ids": TWO, "data": {"deleted": 1, "failed": 1}},
        "slow consumer #4 deletes 1 message, and 1 could not be deleted",
    ),
    ("visibility", {"ids": TWO, "data": {"seconds": [0, 0]}}, "slow consumer #4 gives 2 messages back"),
    ("visibility", {"ids": TWO, "data": {"seconds": [30, 0]}}, "slow consumer #4 hides 2 messages for 0 or 30 s more"),
    ("download", {"ids": TWO[:1], "data": {"bytes": 5}}, "slow consumer #4 has downloaded 20160720.gz"),
    ("written", {"ids": TWO[:1], "data": {"lines": 5}}, "slow consumer #4 has written the result of 20160720.gz"),
    ("request", {"data": {"operation": "sqs.ReceiveMessage"}}, "slow consumer #4 asks for sqs.ReceiveMessage"),
    (
        "request",
        {"data": {"operation": "s3.GetObject", "error": "NoSuchKey"}},
        "slow consumer #4 asks for s3.GetObject, which fails: NoSuchKey",
    ),
    ("sent", {"stage": "", "ids": (*TWO, "c")}, "3 files are put into the bucket: 20160720.gz, 20160721.gz and 1 more"),
    ("sent", {"stage": "", "ids": TWO}, "2 files are put into the bucket: 20160720.gz, 20160721.gz"),
    ("subscribe", {}, "slow consumer #4 takes the subscription of nobody"),
    ("sent", {"stage": "", "ids": TWO[:1]}, "1 file is put into the bucket: 20160720.gz"),
    (
        "queue",
        {"stage": "", "data": {"visible": 1, "in_flight": 2, "dead_lettered": 0}},
        "the queue has 1 visible message, 2 in flight and 0 dead-lettered",
    ),
    ("dead_lettered", {"ids": TWO[:1]}, "1 message is in the dead-letter queue, received as often as is allowed"),
    (
        "message",
        {"ids": ("67a9c378-00",), "data": {"state": "in_flight", "receives": 2}},
        "message 67a9c378 is handed out for the second time",
    ),
    (
        "message",
        {"ids": ("67a9c378-00",), "data": {"state": "visible", "receives": 0}},
        "message 67a9c378 arrives in the queue",
    ),
    (
        "message",
        {"ids": ("67a9c378-00",), "data": {"state": "visible", "receives": 1}},
        "message 67a9c378 is visible again",
    ),
    (
        "message",
        {"ids": ("67a9c378-00",), "data": {"state": "delayed", "receives": 0}},
        "message 67a9c378 arrives, and is delayed",
    ),
    ("message", {"ids": ("67a9c378-00",), "data": {"state": "deleted", "receives": 1}}, "message 67a9c378 is deleted"),
    (
        "message",
        {"ids": ("67a9c378-00",), "data": {"state": "dead_lettered", "receives": 3}},
        "message 67a9c378 is moved to the dead-letter queue",
    ),
    ("waits", {"stage": "#9"}, "loop #9 comes to stand where it waits"),
    ("drain", {"stage": ""}, "the end of the run begins"),
    (
        "fault",
        {"data": {"operation": "s3.GetObject", "what": "SlowDown"}},
        "a fault made on purpose strikes s3.GetObject: SlowDown",
    ),
    ("stale", {"ids": TWO[:1]}, "the time of 20160720.gz had run out before its message was deleted"),
    ("law", {"data": {"text": "1 is missing"}}, "the ledger of slow consumer #4 does not add up: 1 is missing"),
    ("forked", {"stage": "", "data": {"change": "a demand of 5"}}, "the run is changed: a demand of 5"),
    ("shown", {"stage": "P", "data": {"owed": 30, "asked": 2}}, "P has owed = 30, asked = 2"),
    ("invented_later", {"data": {"x": [1]}}, "slow consumer #4: invented later"),
    ("queue", {"stage": ""}, "the run: queue"),
]


@pytest.mark.parametrize(("kind", "fields", "sentence"), SAID)
def test_a_kind(kind: str, fields: dict[str, Any], sentence: str) -> None:
    event = TraceEvent(4, 27.7, **{"stage": "#4", "kind": kind, **fields})
    assert words(event, [*TRACE, event]) == f"at 27.7 s {sentence}"


def test_every_kind_of_the_schema_has_its_words() -> None:
    rows = schema.__doc__.partition("| kind | stage, peer |")[2].partition("\n\n")[0].splitlines()[1:]
    kinds = {name for row in rows if row.startswith("| ") for name in re.findall(r"\w+", row.split("|")[1])}
    assert kinds - {kind for kind, _, _ in SAID} == set()
    assert len(kinds) > 30


@pytest.mark.parametrize(
    ("number", "ordinal"),
    [
        (1, "first"),
        (2, "second"),
        (10, "tenth"),
        (11, "11th"),
        (12, "12th"),
        (21, "21st"),
        (22, "22nd"),
        (103, "103rd"),
        (111, "111th"),
    ],
)
def test_the_how_manieth_it_is_of_its_stage(number: int, ordinal: str) -> None:
    batches = [TraceEvent(seq, 1.0, "#5", "handled", ids=("a",)) for seq in range(number)]
    others = [TraceEvent(200, 1.0, "#6", "handled", ids=("a",)), TraceEvent(201, 1.0, "#5", "events", ids=("a",))]
    assert words(batches[-1], [*others, *batches, *batches[:0]]) == f"at 1 s #5 is done with its {ordinal} batch"


def test_again_is_counted_between_the_same_two() -> None:
    asks = [TraceEvent(seq, 1.0, "P", "ask", peer=peer, data={"count": 10}) for seq, peer in enumerate("aba")]
    assert [words(ask, asks).partition(" s ")[2] for ask in asks] == [
        "a asks P for 10 events", "b asks P for 10 events", "a asks P for 10 events, for the second time",
    ]  # fmt: skip


def test_without_the_run_it_is_said_without_a_count() -> None:
    event = TraceEvent(4, 0.0049, "#4", "handled", ids=("a",))
    assert words(event) == "at 0.005 s #4 is done with a batch"
    assert evidence.words is words


@pytest.mark.parametrize(
    ("t", "shown"), [(0.0, "0 s"), (0.05, "0.05 s"), (1.26, "1.3 s"), (86.0, "86 s"), (86400.25, "86,400 s")]
)
def test_times(t: float, shown: str) -> None:
    assert words(TraceEvent(0, t, "", "drain")) == f"at {shown} the end of the run begins"
