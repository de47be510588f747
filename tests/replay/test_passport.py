"""A message's passport: its whole life, across the queue, the loop, the stages and the file."""

from __future__ import annotations

from typing import Any

import pytest

from palleto import SettingError, Trace, TraceEvent
from palleto.cloud import Simulation
from palleto.replay import Span


def told(passport: Any) -> list[str]:
    return [f"{entry.who}: {entry.what}" for entry in passport.entries]


def test_from_the_queue_to_its_deletion(play: Any) -> None:
    trace = play(9, seed=7, simulation=Simulation(get_object=0.5)).trace
    passport = trace.message("20160723.gz")
    assert passport.names == ("warehouse.development/packrat/data/20160723.gz",)
    assert (passport.end, passport.received) == ("deleted", 1)
    assert repr(passport).splitlines()[0] == passport.title
    assert passport.title.endswith("(warehouse.development/packrat/data/20160723.gz): received 1 time, deleted")
    assert ">begins to handle it</td>" in passport._repr_html_()
    loop, stage = passport.entries[2].who, passport.entries[7].who
    consumer = stage.replace("ProducerConsumer", "Consumer")
    assert told(passport) == [
        "the queue: visible: it has arrived",
        ": its file was put into the bucket",
        f"{loop}: in flight, receive 1; hidden until 30.500 s",
        f"{loop}: received, for the first time",
        f"{loop}: cast to SQS.Producer",
        "SQS.Producer: taken from the mailbox",
        f"SQS.Producer: emitted to {stage}",
        f"{stage}: begins to handle it",
        f"{stage}: downloads its file, 54,456 bytes",
        f"{stage}: is done with it",
        f"{stage}: emitted to {consumer}",
        f"{consumer}: begins to handle it",
        f"{consumer}: writes its result, 3,642 lines",
        f"{consumer}: deleted",
        f"{consumer}: deletes it",
        f"{consumer}: is done with it",
    ]
    assert all(entry.event is None or entry.event.line is not None for entry in passport.entries[2:])
    lanes = {span.lane: (span.start, span.end) for span in passport.spans}
    assert lanes["visible"] == (0.0, 0.5)
    assert lanes["in flight"] == (0.5, 1.0)
    assert lanes[stage] == (0.5, 1.0)
    assert told(trace.message(passport.message[:8])) == told(trace.message(passport.message)) == told(passport)


@pytest.mark.parametrize("server", [False, True])
def test_a_message_that_comes_back(play: Any, server: bool) -> None:
    """On a server only requests tell: the trace is the same without the simulation's own words."""
    trace = play(6).trace
    if server:
        trace = type(trace)(event for event in trace if event.kind != "message")
    passport = trace.message("20160720.gz")
    assert passport.received == 2
    again = "the queue: visible again: nobody deleted it before its visibility timeout"
    assert told(passport).count(again) == 1
    assert [entry.t for entry in passport.entries if entry.event is None] == [32.0]
    assert [entry.what for entry in passport.entries if "received" in entry.what] == [
        *("received, for the first time", "received, for the second time"),
    ]


def test_an_event_without_a_message(play: Any) -> None:
    passport = play(1).trace.message("ho")
    assert (passport.message, passport.end) == (None, "handled")
    assert passport.title == "An event (ho): handled"


def test_names_that_mean_nothing_or_too_much(play: Any) -> None:
    trace = play(9).trace
    with pytest.raises(SettingError, match="expected the id of a message, or of an event in it, got: '2016'; one is"):
        trace.message("2016")
    with pytest.raises(SettingError, match="as text, got: 3"):
        trace.message(3)
    with pytest.raises(SettingError, match="expected the id of a message"):
        trace.message("")
    twice = play(9, files=1, prepare=announce_again).trace
    with pytest.raises(SettingError, match=r"expected the name of one message, got: '20160720\.gz', which is in 2"):
        twice.message("20160720.gz")


async def announce_again(cloud: Any, stack: Any) -> None:
    body = '{"Records": [{"s3": {"bucket": {"name": "%s"}, "object": {"key": "packrat/data/20160720.gz"}}}]}'
    await cloud.monitor.sqs.send_message(QueueUrl=stack.queue_url, MessageBody=body % stack.bucket)


# ---- told by hand: what a run shows seldom


def told_by_a_server(*more: TraceEvent, names: tuple[str, ...] = ("b/xx.gz",)) -> Trace:
    """A message that was received at 1 s, and what came after that."""
    received = TraceEvent(0, 1.0, "#1", "receive", ids=("abcdefgh",), data={"counts": [1], "names": [names]})
    return Trace([received, *more, TraceEvent(9, 9.0, "", "drain")])


@pytest.mark.parametrize("name", ["abcd", "abcdefgh", "xx.gz", "b/xx.gz"])
def test_names_that_say_enough(name: str) -> None:
    assert told_by_a_server().message(name).message == "abcdefgh"


@pytest.mark.parametrize("name", ["abc", "bcde", "x.gz", "b/xx"])
def test_names_that_say_too_little(name: str) -> None:
    with pytest.raises(SettingError, match="expected the id of a message"):
        told_by_a_server().message(name)


def test_a_message_that_names_no_file() -> None:
    passport = told_by_a_server(names=()).message("abcd")
    assert passport.names == ()
    assert passport.title == "Message abcdefgh (no file): received 1 time, in flight"


@pytest.mark.parametrize(("kind", "end"), [("handled", 4.0), ("lost", 4.0), ("stopped", 4.0), ("said", 9.0)])
def test_a_stage_has_it_until_it_is_done_or_ends_or_the_run_ends(kind: str, end: float) -> None:
    begun = TraceEvent(1, 2.0, "C", "handle_events", ids=("b/xx.gz",))
    ids = () if kind == "stopped" else ("b/xx.gz",)
    passport = told_by_a_server(begun, TraceEvent(2, 4.0, "C", kind, ids=ids, data={"text": ""})).message("xx.gz")
    assert passport.spans == [Span("in flight", 1.0, 9.0), Span("C", 2.0, end)]


@pytest.mark.parametrize(
    ("more", "end"),
    [
        ([], "in flight"),
        ([TraceEvent(1, 2.0, "C", "delete", ids=("abcdefgh",), data={"deleted": 1, "failed": 0})], "deleted"),
        ([TraceEvent(1, 2.0, "#1", "dead_lettered", ids=("abcdefgh",))], "in the dead-letter queue"),
        ([TraceEvent(1, 2.0, "C", "visibility", ids=("abcdefgh",), data={"seconds": [0]})], "visible"),
        ([TraceEvent(1, 2.0, "", "visibility", ids=("abcdefgh",), data={"seconds": [30]})], "in flight"),
    ],
)
def test_what_becomes_of_it_on_a_server(more: list[TraceEvent], end: str) -> None:
    assert told_by_a_server(*more).message("abcdefgh").end == end


AGAIN = "the queue: visible again: nobody deleted it before its visibility timeout"


def life(*rows: tuple[float, str, dict[str, Any]]) -> list[str]:
    """What a passport tells of message m1, of which these trace events tell: their time, kind and data."""
    stages = {"handled": "C", "message": "", "dead_lettered": ""}
    trace = Trace(
        TraceEvent(seq, t, stages.get(kind, "#1"), kind, ids=("m1",), data=data)
        for seq, (t, kind, data) in enumerate(rows)
    )
    return told(trace.message("m1"))


def taken(t: float, count: int) -> tuple[float, str, dict[str, Any]]:
    return t, "receive", {"counts": [count], "names": [["b/x.gz"]], "visibility": 30}


def in_queue(t: float, state: str, receives: int, until: float | None) -> tuple[float, str, dict[str, Any]]:
    return t, "message", {"state": state, "receives": receives, "until": until}


@pytest.mark.parametrize("last", [taken(50, 2), (50.0, "dead_lettered", {})], ids=["received", "dead-lettered"])
def test_time_makes_it_visible_before_the_queue_has_it_again(last: tuple[float, str, dict[str, Any]]) -> None:
    """On a server. What a stage does with it meanwhile does not tell where the message is."""
    lines = life(taken(1, 1), (40.0, "handled", {"last": True}), last)
    assert [line for line in lines if line == AGAIN] == [AGAIN]
    assert lines.index(AGAIN) == 2


@pytest.mark.parametrize(
    "between",
    [(20.0, "visibility", {"seconds": [30]}), (20.0, "delete", {"deleted": 1, "failed": 0})],
    ids=["hidden for longer", "deleted"],
)
def test_time_does_nothing_to_what_is_hidden_for_longer_or_deleted(between: tuple[float, str, dict[str, Any]]) -> None:
    assert AGAIN not in life(taken(1, 1), between, taken(50, 2))


def test_the_simulated_queue_says_until_when_it_is_hidden() -> None:
    """Its own word counts, and no request's."""
    hidden = (in_queue(1, "in_flight", 1, 31.0), taken(1, 1), in_queue(20, "in_flight", 1, 50.0))
    extended = (20.0, "visibility", {"seconds": [30]})
    assert AGAIN in life(*hidden, extended, in_queue(60, "in_flight", 2, 90.0))
    assert AGAIN not in life(*hidden, extended, in_queue(40, "deleted", 1, None))


def test_what_never_was_an_event_has_no_passport() -> None:
    with pytest.raises(SettingError, match="expected the id of a message"):
        Trace([TraceEvent(0, 0.0, "", "sent", ids=("x.gz",))]).message("x.gz")
