"""Two runs side by side: for each pair of neighbouring steps the first finding is what the talk is about."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from palleto import SettingError, Trace
from palleto.replay.comparison import compare

# The step, the trait that its lesson changes, and words of each side.
LESSONS = [
    (2, "source", "loops send the events later", "callback returns the events"),
    (3, "senders", "only the Producer knows what its messages look like", "Server.loop casts to the Producer"),
    (4, "patience", "looks again and again: #5 10 times, 5 in vain, up to 5 s apart", "a loop looks once"),
    (5, "consumers", "three consumers share the events; their demand adds up to 30", "its demand is up to 10"),
    (6, "source", "events come from a queue", "loops send the events"),
    (7, "redelivery", "the message does not come back", "as nothing deletes them"),
    (8, "work", "12 files are downloaded and 12 results are written to disk", "events are only consumed"),
    (9, "consumers", "their demand adds up to 3, and up to 3 stages are at work", "one consumer has the events"),
]


def test_each_step_differs_from_the_one_before_in_what_it_teaches(play: Any) -> None:
    trace = cache(lambda step: play(step, seed=7).trace)
    for step, trait, after, before in LESSONS:
        found = compare(trace(step - 1), trace(step))
        assert found.findings[0].trait == trait
        assert found.names == (f"step {step - 1}", f"step {step}")
        assert found.headline.startswith(f"In step {step} ")
        assert after in found.headline.split("; in step")[0]
        assert before in found.headline.split("; in step")[1]
        assert not found.same
        assert "They part" not in repr(found), "two steps part at once"


def test_what_only_one_of_them_does(play: Any) -> None:
    found = compare(play(6).trace, play(7).trace)
    assert found.only_in == (
        [],
        ["Consumer: delete", "Consumer: message", "Server.loop: loop_killed", "the run: delete"],
    )
    shown = found.findings[0].events
    assert [event.kind for event in shown if event is not None] == ["receive", "delete"]


def test_a_run_and_itself(play: Any) -> None:
    trace = play(5).trace
    found = compare(trace, Trace(trace))
    assert (found.same, found.findings, found.counts) == (True, [], {})
    assert repr(found) == "The two are the same."


def test_one_step_under_two_settings(play: Any) -> None:
    found = compare(play(9, files=24, pipelines=2).trace, play(9, files=24, pipelines=6).trace, names=("two", "six"))
    assert found.findings[0].trait == "consumers"
    assert found.headline.startswith("In six six consumers share the events")
    found = compare(play(5).trace, play(5, events=60).trace)
    assert [finding.trait for finding in found.findings] == ["amount", "pace"]
    assert found.parting[0].t == 117.0


def test_runs_part_where_the_first_thing_differs(play: Any) -> None:
    trace = play(5).trace
    shorter = Trace(trace[:100])
    found = compare(trace, shorter)
    assert found.parting == (trace[100], None)
    assert f"They part at {trace[100].t:.3f} s" in repr(found)
    assert "the second is at its end" in found._repr_html_()


def test_no_runs(play: Any) -> None:
    assert compare([], []).headline == "The two are the same."
    with pytest.raises(SettingError, match="expected a run"):
        compare(play(1).trace, 7)


def test_a_look_is_in_vain_by_what_comes_before_the_next_one_not_by_the_clock(play: Any) -> None:
    later = [replace(event, t=event.t + event.seq / 1000) for event in play(4).trace]  # as in real time
    assert "10 times, 5 in vain, up to 5.0" in compare(play(3).trace, later).headline
