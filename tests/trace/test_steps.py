"""What the nine steps record: each event with the step's own line, each message of the queue in one place."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

import palleto
from palleto.cloud import Simulation

STEPS = Path(__file__).parents[2] / "steps"
# What no line of a step's causes: the top supervisor, which has no code of its own; S3's announcements and the files
# behind them; the end of the run; the heartbeat and the deletions that the leases see to.
CAUSELESS = {"drain", "sent", "message", "visibility", "delete", "loop_killed"}


def documented():
    """The kinds of the table in `trace.py`, and the words of each one's row that may be keys of its data."""
    rows = [line.split("|") for line in (palleto.trace.event.__doc__ or "").splitlines() if line.count("|") == 6]
    return {kind.strip(): set(re.findall(r"\w+", row[4])) for row in rows for kind in row[1].split(",")}


DOCUMENTED = documented()
DOCUMENTED["message"] |= {"state", "receives", "until", "sent", "names"}


def check_documented(trace):
    for event in trace:
        assert set(event.data) <= DOCUMENTED[event.kind]


@pytest.mark.parametrize("step", range(1, 10))
def test_every_event_is_documented_and_has_a_line_of_the_step(play, step):
    trace = play(step, seed=7).trace
    check_documented(trace)
    source = (STEPS / f"step{step}.py").read_text().splitlines()
    for event in trace:
        if event.line is None:
            assert event.stage == "#1" or event.kind in CAUSELESS, event
            continue
        assert event.file == f"step{step}.py"
        code = source[event.line - 1]
        match event.kind:
            case "said":
                assert "say(" in code
            case "cast":
                assert "cast(" in code
            case "handle_demand" | "handle_events" | "handle_cast":
                assert f"def {event.kind}(" in code
            case "ask":
                assert "def handle_demand(" in code or "def handle_events(" in code
            case "events":
                assert "def handle_events(" in code
            case "receive" | "delete" | "download" | "written" | "message":
                assert "await " in code
            case "emitted":
                assert "return " in code or "def handle_demand(" in code
            case "loop_started":
                assert "start_task(" in code
            case "loop_killed":
                assert "kill()" in code


@pytest.mark.parametrize("step", [6, 7, 8, 9])
def test_the_messages_add_up_at_every_moment(play, step):
    states: dict[str, str] = {}
    for event in play(step, simulation=Simulation(receive=(0, 0.2), get_object=(0, 0.3)), seed=3).trace:
        if event.kind == "message":
            states[event.ids[0]] = event.data["state"]
            assert len(states) == event.data["sent"]
        elif event.kind == "receive":
            assert all(count >= 1 for count in event.data["counts"])
            assert all(states[name] in ("in_flight", "deleted", "visible") for name in event.ids)
    assert len(states) == 13  # twelve files, and the test message
    if step > 6:
        assert Counter(states.values()) == {"deleted": 13}


def test_a_message_that_comes_again_and_again_is_dead_lettered(play):
    async def prepare(cloud, stack):
        await cloud.monitor.sqs.send_message(QueueUrl=stack.queue_url, MessageBody="no JSON")

    told = [event for event in play(9, files=0, prepare=prepare).trace if event.kind == "message"]
    bad = next(event.ids for event in told if event.data["state"] == "dead_lettered")
    life = [(event.data["state"], event.data["receives"]) for event in told if event.ids == bad]
    again = [("in_flight", 1), ("visible", 1), ("in_flight", 2), ("visible", 2), ("in_flight", 3), ("visible", 3)]
    assert life == [("visible", 0), *again, ("dead_lettered", 3)]
    assert all((event.data["until"] is not None) == (event.data["state"] == "in_flight") for event in told)


def test_what_is_reported_stands_in_the_trace(play):
    async def prepare(cloud, stack):
        await cloud.monitor.s3.put_object(Bucket=stack.bucket, Key="packrat/data/bad.gz", Body=b"not gzip")

    played = play(9, files=1, prepare=prepare)
    (report,) = played.kinds("report")
    assert report.data["text"] == played.reported[-1]
    assert "cannot process" in report.data["text"]
    source = (STEPS / "step9.py").read_text().splitlines()
    assert "leases.reject(event, found)" in source[report.line - 1]
    check_documented(played.trace)
