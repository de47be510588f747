"""The scene: what it counts, against hand-made events and against the trace of step 9."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from palleto.replay.scene import Scene
from palleto.trace import TraceEvent


def event(t: float, stage: str, kind: str, peer: str | None = None, ids: Any = (), **data: Any) -> TraceEvent:
    ledger = data.pop("ledger", None)
    return TraceEvent(0, t, stage, kind, peer, tuple(ids), ledger, None, None, data)


def scene_of(*events: TraceEvent) -> Scene:
    scene = Scene()
    for seq, one in enumerate(events):
        scene.add(replace(one, seq=seq))
    return scene


def subscribed(*rest: TraceEvent) -> Scene:
    return scene_of(event(0, "P", "subscribe", "C"), event(0, "P", "ask", "C", count=10), *rest)


def test_demand_that_is_met_at_once_is_a_peak():
    scene = subscribed(event(0, "P", "emitted", "C", ids="0123456789"))
    (one,) = scene.current
    assert (one.outstanding, one.over_time.last, scene.peaks.values) == (0, 0, [10])


def test_demand_of_a_subscription_and_the_ledger_of_its_producer():
    ledger = {"before": [0, 0, 0, 0], "after": [7, 7, 2, 1]}
    scene = subscribed(event(3, "P", "emitted", "C", "abc", ledger=ledger))
    (one,), (producer,) = scene.current, scene.sources
    assert (one.asked, one.delivered, one.outstanding) == (10, 3, 7)
    assert (producer.label, scene.first_demand) == ("P", 10)
    assert (producer.remembered.last, producer.buffered.last, producer.dropped) == (7, 2, 1)


def test_a_subscription_that_ends_goes_once_others_ask_and_stays_at_the_end_of_the_run():
    scene = subscribed(event(2, "P", "down", "C"))
    assert [one.consumer for one in scene.current] == ["C"]
    scene.add(replace(event(3, "P", "subscribe", "D"), seq=9))
    assert [one.consumer for one in scene.current] == ["D"]


def test_a_name_that_subscribes_again_begins_anew():
    scene = subscribed(event(2, "P", "down", "C"), event(2, "P", "subscribe", "C"), event(2, "P", "ask", "C", count=4))
    (one,) = scene.current
    assert (one.asked, one.delivered) == (4, 0)


@pytest.mark.parametrize(
    ("ending", "how"),
    [
        ([event(9, "#7", "loop_ended", reason="normal")], "done"),
        ([event(8, "#7", "loop_killed")], "killed"),
        ([event(8, "#7", "loop_killed"), event(9, "#7", "loop_ended", reason="shutdown")], "killed"),
        (
            [event(8, "", "drain"), event(8, "#7", "loop_killed"), event(9, "#7", "loop_ended", reason="shutdown")],
            "stopped",
        ),
        (
            [event(8, "#7", "loop_killed"), event(8, "", "drain"), event(9, "#7", "loop_ended", reason="shutdown")],
            "killed",
        ),
        ([event(8, "", "drain"), event(9, "#7", "loop_ended", reason="shutdown")], "stopped"),
        ([event(9, "#7", "loop_ended", reason="ValueError: no")], "crashed"),
        ([], "running"),
    ],
)
def test_how_a_loop_ended(ending: list[TraceEvent], how: str):
    scene = scene_of(event(1, "#7", "loop_started", "S"), *ending)
    (loop,) = scene.loops
    assert loop.ended == how
    assert (loop.start, loop.end) == (1, 9 if ending and ending[-1].kind == "loop_ended" else None)
    assert scene.loops_ended == (Counter({how: 1}) if ending else Counter())


def test_the_runs_of_a_loop_are_what_it_said_or_else_its_polls():
    start = event(0, "#7", "loop_started", "S")
    poll = event(2, "#7", "receive", ids=["m"], counts=[1])
    said = [event(t, "#7", "said", text=f"Server looping: Run {t}") for t in (0, 5)]
    assert scene_of(start, poll).loops[0].runs.times == [2]
    assert scene_of(start, poll, *said, event(5, "#8", "said", text="Run 9")).loops[0].runs.times == [0, 5]


def test_a_loop_that_crashes_and_goes_on():
    scene = scene_of(event(0, "#7", "loop_started", "S"), event(3, "#7", "loop_crashed", reason="x"))
    assert (scene.loops[0].crashes, scene.loops[0].ended) == ([3], "running")


def test_stages_of_a_pipeline_are_one_group():
    scene = scene_of(
        event(0, "P", "subscribe", "Pipeline1ProducerConsumer"),
        event(0, "Pipeline1ProducerConsumer", "subscribe", "Pipeline1Consumer"),
        event(1, "Pipeline1Consumer", "handle_events", ids="a"),
        event(3, "Pipeline1Consumer", "handled", ids="a", last=True),
    )
    (group,) = scene.groups.values()
    assert (group.name, group.consumed.total, len(group.stages)) == ("Pipeline1", 1, 2)
    assert group.stages[1].busy.until(3) == 2


def test_queue_counters():
    scene = scene_of(
        event(0, "", "sent", ids="abcde"),
        event(1, "#7", "receive", ids="mno", counts=[1, 2, 1]),
        event(2, "", "delete", ids="m", deleted=1, failed=0),
        event(2, "", "request", operation="s3.PutObject", error="no"),
        event(2, "", "queue", visible=3, in_flight=2, dead_lettered=0),
        event(3, "", "delete", ids="n", deleted=1, failed=0),
    )
    queue = scene.queue
    # What was deleted after the last look at the queue is deleted: one count, wherever it is shown.
    assert queue.parts == {"deleted": 2, "in flight": 1, "visible": 2, "dead-lettered": 0}
    assert {name: series.last for name, series in queue.over_time.items()} == queue.parts
    assert (queue.sent, queue.received, queue.redelivered, queue.deleted, queue.errors) == (5, 3, 1, 2, 1)
    assert queue.requests == {"sqs.ReceiveMessage": 1, "sqs.DeleteMessageBatch": 2, "s3.PutObject": 1}


def test_crashes_and_restarts():
    scene = subscribed(
        event(1, "C", "crash", reason="ValueError: no"),
        event(1, "C", "restart", "S", reason="x"),
        event(1, "C", "lost"),
    )
    assert list(scene.crashes) == [(1, "C", "ValueError: no")]
    assert (scene.crash_count, scene.restart_count) == (1, 1)
    assert repr(scene) == "<Scene 5 trace events, 1.0 s, 0 events consumed>"


def test_restarts_do_not_add_up_in_memory():
    scene = Scene()
    for i in range(500):
        label = f"#{i}"
        for kind, data in [("subscribe", {}), ("ask", {"count": 5}), ("down", {})]:
            scene.add(replace(event(i, "P", kind, label, **data), seq=10 * i + len(kind)))
        scene.add(event(i, label, "handled", ids="a", last=True))
        scene.add(event(i, label, "crash", reason="x"))
    assert len(scene.stages) < 40
    assert len(scene.subscriptions) < 40
    assert len(scene.groups) < 40
    assert scene.consumed == 500
    assert sum(map(sum, scene.counts.buckets.values())) == pytest.approx(500)


def test_step9_in_numbers(play: Any):
    played = play(9, files=40, pipelines=4)
    scene = scene_of(*played.trace)
    assert scene.written == 40 == len(played.summary.files)
    assert scene.bytes == played.summary.downloaded.total()
    assert scene.queue.requests == played.requests
    assert scene.queue.deleted == played.summary.deleted
    assert scene.queue.redelivered == played.summary.redelivered
    assert [group.name for group in scene.groups.values()] == [f"Pipeline{n}" for n in range(1, 5)]
    assert scene.loops_started == len(played.kinds("loop_started")) == sum(scene.loops_ended.values())
    (over,) = played.kinds("drain")
    assert scene.loops_ended["killed"] == len([kill for kill in played.kinds("loop_killed") if kill.seq < over.seq])


def test_what_was_said_cannot_speak_to_a_terminal() -> None:
    scene = Scene()
    scene.add(TraceEvent(1, 0.0, "S", "said", data={"text": "downloaded \x1b]0;title\x07\x9b31m.gz"}))
    assert list(scene.said) == [(0.0, r"downloaded \x1b]0;title\x07\x9b31m.gz")]
