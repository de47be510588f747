"""The picture of a run that goes on: boxes that keep their place, counts that grow, and a size that is bounded."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from typing import Any

import pytest

from palleto.replay import Picture, in_words
from palleto.replay.picture import MOST
from palleto.trace import TraceEvent


def event(t: float, stage: str, kind: str, peer: str | None = None, ids: Any = (), **data: Any) -> TraceEvent:
    ledger = data.pop("ledger", None)
    return TraceEvent(0, t, stage, kind, peer, tuple(ids), ledger, None, None, data)


def picture_of(*events: TraceEvent) -> Picture:
    picture = Picture()
    for seq, one in enumerate(events):
        picture.add(replace(one, seq=seq))
    return picture


def subscribed(*rest: TraceEvent) -> Picture:
    return picture_of(event(0, "P", "subscribe", "#4"), event(0, "P", "ask", "#4", count=10), *rest)


def boxes(picture: Picture, now: float = 9.0) -> dict[str, dict[str, Any]]:
    return {box["label"]: box for box in picture.facts(now)["boxes"]}


def test_before_anything_happened():
    assert picture_of().facts(0) == {"boxes": [], "links": [], "hidden": 0}
    assert in_words(picture_of().facts(0)) == "nobody yet"


def test_demand_and_events_are_counts_of_a_link():
    ledger = {"before": [0, 0, 0, 0], "after": [7, 7, 2, 0]}
    picture = subscribed(
        event(3, "P", "emitted", "#4", "abc", ledger=ledger),
        event(3, "#4", "handle_events", ids="abc"),
        event(3, "P", "shown", owed=7, ledger=ledger),
    )
    (link,) = picture.facts(3)["links"]
    assert link == {"from": 0, "to": 1, "asked": 10, "delivered": 3, "gone": False}
    made = boxes(picture)
    assert (made["P"]["remembered"], made["P"]["buffered"], made["P"]["shown"]) == (7, 2, {"owed": 7})
    assert (made["#4"]["held"], made["#4"]["turns"]) == (3, 1)
    assert in_words(picture.facts(3)) == (
        "P: owed 7, waits, remembers 7, 2 in its buffer; #4: works on 3, wants 7 more, 0 done"
    )


def test_one_that_was_started_in_the_stead_of_another_has_its_box():
    picture = subscribed(
        event(1, "#4", "crash", reason="ValueError: no"),
        event(1, "P", "down", "#4"),
    )
    assert boxes(picture)["#4"]["status"] == "crashed"
    assert picture.facts(1)["links"][0]["gone"]
    assert "#4: crashed (ValueError: no), 0 done" in in_words(picture.facts(1))
    for one in (
        event(1, "#12", "started", **{"class": "C"}),
        event(1, "#12", "restart", "#1", reason="x"),
        event(1, "P", "subscribe", "#12"),
        event(1, "P", "ask", "#12", count=4),
    ):
        picture.add(one)
    made = boxes(picture)
    assert list(made) == ["P", "#12"]
    assert (made["#12"]["place"], made["#12"]["restarts"], made["#12"]["crashes"]) == (1, 1, 1)
    (link,) = picture.facts(1)["links"]
    assert (link["asked"], link["gone"]) == (4, False)
    assert "#12: waits, wants 4 more, 0 done, restarted once" in in_words(picture.facts(1))
    assert picture.restarts == {"#1": 1}


def test_those_that_restart_together_keep_their_places():
    labels = ["#4", "#5", "#6"]
    picture = picture_of(*(event(0, "P", "subscribe", label) for label in labels))
    picture.add(event(2, "#4", "crash", reason="x"))
    for label in ("#6", "#5"):
        picture.add(event(2, label, "stopped", reason="shutdown"))
    for label in ("#7", "#8", "#9"):
        picture.add(event(2, label, "restart", "#1", reason="x"))
        picture.add(event(2, "P", "subscribe", label))
    assert {label: box["place"] for label, box in boxes(picture).items()} == {"P": 0, "#7": 1, "#8": 2, "#9": 3}


def test_one_that_was_stopped_on_purpose_goes_and_at_the_end_of_the_run_all_stay():
    picture = subscribed(event(0, "P", "subscribe", "#5"), event(4, "#5", "stopped", reason="shutdown"))
    assert list(boxes(picture, 4.5)) == ["P", "#4", "#5"]
    assert list(boxes(picture, 6)) == ["P", "#4"]
    for label in ("", "#4", "P"):
        picture.add(event(7, label, "stopped" if label else "drain", reason="shutdown"))
    assert {label: box["status"] for label, box in boxes(picture, 99).items()} == {"P": "stopped", "#4": "stopped"}


def test_a_server_and_its_loops():
    picture = subscribed(
        event(0, "S", "shown", wanted=0),
        event(1, "#7", "loop_started", "S"),
        event(1, "#7", "said", text="Server #7 looping: Run 0. Looking for 10 events"),
        event(2, "#7", "loop_killed"),
        event(2, "#7", "loop_ended", "S", reason="shutdown"),
        event(2, "#8", "loop_started", "S"),
        event(2, "#8", "cast", "P", ("enqueue", "a"), carried=["a", "b"]),
        event(3, "#8", "loop_crashed", reason="OSError: no", again=3.5),
    )
    server = boxes(picture, 3.2)["S"]
    assert (server["kind"], server["started"], server["killed"], server["loops"]) == (
        "server",
        2,
        1,
        [["#8", 0, True]],
    )
    assert boxes(picture, 3.6)["S"]["loops"] == [["#8", 0, False]]
    assert picture.facts(3)["links"][1] == {
        "from": server["place"],
        "to": 0,
        "asked": 2,
        "delivered": 2,
        "gone": False,
    }
    assert "S: wanted 0, 1 of 2 loops run, 1 were killed, #8 crashed and will run again" in in_words(picture.facts(3.2))
    assert "P: waits; " in in_words(picture.facts(3))  # a loop that was started is no demand of the producer's
    for one in (event(4, "", "drain"), event(4, "#8", "loop_killed"), event(4, "#8", "loop_ended", "S", reason="x")):
        picture.add(one)
    assert boxes(picture, 5)["S"]["killed"] == 1  # the end of the run kills nobody


def test_restarts_and_loops_do_not_add_up_in_memory():
    picture, sizes = Picture(), []
    for i in range(2000):
        for kind, data in [("subscribe", {}), ("ask", {"count": 5}), ("down", {})]:
            picture.add(event(i, "P", kind, f"#{i}", **data))
        picture.add(event(i, f"#{i}", "crash", reason="x"))
        picture.add(event(i, f"#{i}l", "loop_started", "S"))
        picture.add(event(i, f"#{i}l", "loop_ended", "S", reason="normal"))
        if i in (999, 1999):
            sizes.append(len(pickle.dumps(picture)))
    assert sizes[1] < 1.1 * sizes[0] < 20_000


def test_of_more_stages_than_are_shown_only_the_number_is_told():
    many = picture_of(*(event(0, "P", "subscribe", f"C{i}") for i in range(500)))
    facts = many.facts(1)
    assert (len(facts["boxes"]), facts["hidden"]) == (MOST, 501 - MOST)
    assert len(facts["links"]) == MOST - 1
    assert in_words(facts).endswith("; 437 more")


@pytest.mark.parametrize(("step", "options"), [(5, {}), (9, {"files": 40, "pipelines": 12})])
def test_of_a_step(play: Any, step: int, options: dict[str, int]):
    played = play(step, **options)
    picture, sizes = Picture(), []
    for one in played.trace:
        picture.add(one)
        if one.seq % 50 == 0:
            sizes.append(len(json.dumps(picture.facts(one.t))))
    facts = picture.facts(played.trace[-1].t)
    consumed = [box["handled"] for box in facts["boxes"] if box["kind"] == "stage" and not box["emits"]]
    assert sum(consumed) == sum(len(done.ids) for done in played.kinds("handled") if done.data["last"])
    (server,) = [box for box in facts["boxes"] if box["kind"] == "server"]
    assert server["started"] == len(played.kinds("loop_started"))
    assert max(sizes) < 400 * len(facts["boxes"])
    last = {event.stage: event.data for event in played.kinds("shown")}
    assert {box["label"]: box["shown"] for box in facts["boxes"] if box["shown"]} == last
