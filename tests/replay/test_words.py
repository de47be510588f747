"""Every kind of trace event, as a person would say it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from palleto import TraceEvent
from palleto.replay import evidence
from palleto.replay.words import words
from palleto.trace import event as schema


def event(kind: str, *ids: str, stage: str = "#4", peer: str | None = None, **data: Any) -> TraceEvent:
    return TraceEvent(4, 27.7, stage, kind, peer, ids, data=data)


TRACE = [
    event("started", stage="P", **{"class": "Producer"}),
    event("started", **{"class": "SlowReader"}),
    event("started", stage="#9", **{"class": "Task"}, function="loop"),
    event("loop_started", stage="#9", peer="S"),
]
ONE = "packrat/data/20160720.gz"
TWO = (ONE, "packrat/data/20160721.gz")

SAID = [
    (event("started"), "slow reader #4 starts"),
    (event("stopped", reason="normal"), "slow reader #4 stops"),
    (event("stopped", reason="no more"), "slow reader #4 stops: no more"),
    (event("crash", reason="ValueError: x"), "slow reader #4 crashes: ValueError: x"),
    (event("restart", peer="#1", reason="ValueError"), "slow reader #4 is started again by #1, after ValueError"),
    (event("restart"), "slow reader #4 is started again by its supervisor"),
    (event("subscribe", peer="P"), "slow reader #4 takes the subscription of P"),
    (event("cancel", peer="P"), "slow reader #4 ends the subscription with P"),
    (event("down", peer="P"), "slow reader #4 hears that P is gone"),
    (event("ask", stage="P", peer="#4", count=10), "slow reader #4 asks P for 10 events"),
    (event("events", "a", peer="P"), "slow reader #4 takes 1 event from P"),
    (event("handle_demand", count=1), "slow reader #4 hears of its first demand, for 1 event"),
    (event("handle_events", *TWO), "slow reader #4 begins its first batch, of 2 events"),
    (event("handle_cast"), "slow reader #4 takes a message out of its mailbox"),
    (event("handle_subscribe"), "slow reader #4 hears of a subscription"),
    (event("handle_cancel"), "slow reader #4 hears that a subscription has ended"),
    (event("handle_call"), "slow reader #4 answers a call"),
    (event("handle_drain"), "slow reader #4 hears that nothing more will come from above"),
    (event("handled", *TWO), "slow reader #4 is done with its first batch"),
    (event("emitted", *TWO, peer="P"), "slow reader #4 sends P 2 events"),
    (event("dropped", *TWO), "slow reader #4 drops 2 events, as its buffer is full"),
    (event("lost", "a"), "slow reader #4 loses 1 event in a crash"),
    (event("cast", stage="#9", peer="P", carried=["a", "b"]), "loop #9 sends P 2 events"),
    (event("cast", stage="#9", peer="P"), "loop #9 sends P a message"),
    (event("said", text="ho"), "slow reader #4 says “ho”"),
    (event("report", text="bad"), "it is reported: “bad”"),
    (event("loop_started", stage="#9"), "loop #9 starts"),
    (event("loop_killed", stage="#9", at=["step5.py", 68]), "loop #9 is killed where it waits, in line 68"),
    (event("loop_killed", stage="#9", at=None), "loop #9 is killed"),
    (event("loop_crashed", stage="#9", reason="TimeoutError"), "loop #9 crashes, and will run again: TimeoutError"),
    (event("loop_ended", stage="#9", reason="normal"), "loop #9 ends"),
    (event("loop_ended", stage="#9", reason="ValueError"), "loop #9 ends: ValueError"),
    (event("receive", stage="#9"), "loop #9 asks the queue and receives nothing"),
    (event("receive", *TWO, stage="#9", counts=[1, 1]), "loop #9 receives 2 messages"),
    (event("receive", *TWO, stage="#9", counts=[1, 2]), "loop #9 receives 2 messages, 1 of which came back"),
    (event("receive", *TWO, stage="#9", counts=[3, 2]), "loop #9 receives 2 messages, which came back"),
    (event("delete", *TWO, deleted=2, failed=0), "slow reader #4 deletes 2 messages"),
    (event("delete", *TWO, deleted=1, failed=1), "slow reader #4 deletes 1 message, and 1 could not be deleted"),
    (event("visibility", *TWO, seconds=[0, 0]), "slow reader #4 gives 2 messages back"),
    (event("visibility", *TWO, seconds=[30, 0]), "slow reader #4 hides 2 messages for 0 or 30 s more"),
    (event("download", ONE, bytes=5), "slow reader #4 has downloaded 20160720.gz"),
    (event("written", ONE, lines=5), "slow reader #4 has written the result of 20160720.gz"),
    (event("request", operation="sqs.ReceiveMessage"), "slow reader #4 asks for sqs.ReceiveMessage"),
    (
        event("request", operation="s3.GetObject", error="NoSuchKey"),
        "slow reader #4 asks for s3.GetObject, which fails: NoSuchKey",
    ),
    (event("sent", *TWO, "c", stage=""), "3 files are put into the bucket: 20160720.gz, 20160721.gz and 1 more"),
    (event("sent", *TWO, stage=""), "2 files are put into the bucket: 20160720.gz, 20160721.gz"),
    (event("subscribe"), "slow reader #4 takes the subscription of nobody"),
    (event("sent", ONE, stage=""), "1 file is put into the bucket: 20160720.gz"),
    (
        event("queue", stage="", visible=1, in_flight=2, dead_lettered=0),
        "the queue has 1 visible message, 2 in flight and 0 dead-lettered",
    ),
    (event("dead_lettered", ONE), "1 message is in the dead-letter queue, received as often as is allowed"),
    (
        event("message", "67a9c378-00", state="in_flight", receives=2),
        "message 67a9c378 is handed out for the second time",
    ),
    (event("message", "67a9c378-00", state="visible", receives=0), "message 67a9c378 arrives in the queue"),
    (event("message", "67a9c378-00", state="visible", receives=1), "message 67a9c378 is visible again"),
    (event("message", "67a9c378-00", state="delayed", receives=0), "message 67a9c378 arrives, and is delayed"),
    (event("message", "67a9c378-00", state="deleted", receives=1), "message 67a9c378 is deleted"),
    (
        event("message", "67a9c378-00", state="dead_lettered", receives=3),
        "message 67a9c378 is moved to the dead-letter queue",
    ),
    (event("waits", stage="#9"), "loop #9 comes to stand where it waits"),
    (event("drain", stage=""), "the end of the run begins"),
    (
        event("fault", operation="s3.GetObject", what="SlowDown"),
        "a fault made on purpose strikes s3.GetObject: SlowDown",
    ),
    (event("stale", ONE), "the time of 20160720.gz had run out before its message was deleted"),
    (event("law", text="1 is missing"), "the ledger of slow reader #4 does not add up: 1 is missing"),
    (event("forked", stage="", change="a demand of 5"), "the run is changed: a demand of 5"),
    (event("shown", stage="P", owed=30, asked=2), "P has owed = 30, asked = 2"),
    (event("invented_later", x=[1]), "slow reader #4: invented later"),
    (event("queue", stage=""), "the run: queue"),
]


@pytest.mark.parametrize(("told", "sentence"), SAID)
def test_a_kind(told: TraceEvent, sentence: str) -> None:
    assert words(told, [*TRACE, told]) == f"at 27.7 s {sentence}"


def test_every_kind_of_the_schema_has_its_words() -> None:
    rows = schema.__doc__.partition("| kind | stage, peer |")[2].partition("\n\n")[0].splitlines()[1:]
    kinds = {name for row in rows if row.startswith("| ") for name in re.findall(r"\w+", row.split("|")[1])}
    assert kinds - {told.kind for told, _ in SAID} == set()
    assert len(kinds) > 30


ORDINALS = {1: "first", 10: "tenth", 11: "11th", 21: "21st", 22: "22nd", 103: "103rd", 111: "111th"}


@pytest.mark.parametrize(("number", "ordinal"), ORDINALS.items())
def test_the_how_manieth_it_is_of_its_stage(number: int, ordinal: str) -> None:
    batches = [TraceEvent(seq, 1.0, "#5", "handled", ids=("a",)) for seq in range(number)]
    others = [TraceEvent(200, 1.0, "#6", "handled", ids=("a",)), TraceEvent(201, 1.0, "#5", "events", ids=("a",))]
    assert words(batches[-1], [*others, *batches]) == f"at 1 s #5 is done with its {ordinal} batch"


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
