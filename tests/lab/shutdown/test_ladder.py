"""Five ways to end a worker: none loses a file, and each leaves less behind than the one below it."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palleto import SettingError, TraceEvent
from palleto.lab.shutdown import RUNGS, End, Ladder, end_worker, ladder, rung
from palleto.lab.shutdown.ladder import FILES, MOMENT
from palleto.lab.shutdown.service import SPREAD
from palleto.program.shutdown import HURRY

NAMES = [str(rung) for rung in RUNGS]
VISIBILITY = 30.0

backends = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@cache
def short() -> Ladder:
    """A deadline that is shorter than a file takes."""
    return ladder(deadline=2, seconds=8)


def messages(end: End, after: float, before: float) -> list[TraceEvent]:
    return [event for event in end.trace if event.kind == "message" and after < event.t < before]


@backends
@settings(max_examples=5)
@given(name=st.sampled_from(NAMES), deadline=st.floats(0.1, 40), seconds=st.floats(0.5, 25), seed=st.integers(0, 99))
def test_nothing_is_lost_whatever_the_end(backend: str, name: str, deadline: float, seconds: float, seed: int):
    end = end_worker(name, deadline, seconds, seed=seed, backend=backend)
    fates = {fate: end.verdict.count(fate) for fate in ("done once", "done twice", "delayed")}
    assert sum(files for _, files in fates.values()) == FILES
    assert sum(ones for ones, _ in fates.values()) == FILES
    assert end.exit >= 0
    assert end.left <= FILES - MOMENT + 1
    assert 0 <= end.back <= end.exit + VISIBILITY + 1
    assert (end.back > 0) >= (end.left > 0)
    given_back = [each for each in messages(end, end.told, end.gone) if each.data["state"] == "visible"]
    assert bool(given_back) <= (name == "drain and give back")


def test_the_same_seed_is_the_same_trace_and_another_is_not():
    first, again, other = (end_worker("drain", seed=seed).trace for seed in (1, 1, 2))
    assert first == again != other


@backends
def test_of_a_worker_that_vanishes_the_queue_hears_no_more(backend: str, caplog: pytest.LogCaptureFixture):
    end = end_worker("kill -9", 2, 8, backend=backend)
    assert end.exit == 0
    first = next(event for event in end.trace if event.seq > end.event.seq and event.kind == "receive")
    assert messages(end, end.told, first.t) == []
    assert end.back == pytest.approx(VISIBILITY, abs=8 * (1 + SPREAD))
    assert end.twice >= 1, "the file whose result was written in the moment of its end"
    named = [event.stage for event in end.trace if event.seq > end.event.seq and event.kind == "stopped"]
    assert {"SQS.Producer", "Pipeline1Consumer"} <= {*named}
    assert [record.message for record in caplog.records if record.name.startswith("palleto")] == [], "it logs nothing"


def test_at_the_same_moment_each_rung_leaves_no_more_than_the_one_below():
    found = short()
    before = [[event for event in end.trace if event.seq < end.event.seq] for end in found.values()]
    assert len(before[0]) > 100
    assert all(one == before[0] for one in before)
    assert len([event for event in before[0] if event.kind == "written"]) == MOMENT
    left = [end.left for end in found.values()]
    twice = [end.twice for end in found.values()]
    assert left == sorted(left, reverse=True)
    assert left[0] > left[-1] == 0
    assert twice == sorted(twice, reverse=True)
    assert twice[2:] == [0, 0, 0], "who finishes its callbacks deletes what it has written"
    assert found["cancel"].exit <= HURRY
    assert found["drain and give back"].back <= found["drain and give back"].exit < found["drain"].back


@pytest.mark.parametrize("name", ["drain", "drain and give back"])
def test_a_deadline_longer_than_any_file_leaves_nothing_behind(name: str):
    end = end_worker(name, deadline=4 * (1 + SPREAD) + 1, seconds=4)
    assert (end.left, end.back) == (0, 0)
    assert end.verdict.count("done once") == (FILES, FILES)
    assert end.exit <= 4 * (1 + SPREAD) + 1


def test_the_table_and_one_of_it():
    found = short()
    lines = repr(found).splitlines()
    assert [line.split("  ")[0] for line in lines] == ["", *NAMES]
    assert found._repr_html_().count("<tr>") == 1 + len(NAMES)
    end = found["drain"]
    assert repr(end).startswith(f"drain: {end.left} left in flight, 0 done twice; {FILES} messages: ")
    assert f'data-at="{end.event.seq}"' in end._repr_html_(), "the player is opened at the moment of its end"


@pytest.mark.parametrize(
    ("name", "numbers", "words"),
    [
        ("SIGKILL", {}, "expected one of: kill -9, .*; got: 'SIGKILL'"),
        ("drain", {"deadline": 0}, "expected deadline to be above 0, got: 0"),
        ("drain", {"seconds": -1}, "expected seconds to be above 0, got: -1"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(name: str, numbers: Any, words: str):
    with pytest.raises(SettingError, match=words):
        end_worker(name, **numbers)
    assert rung("drain").name == "drain"
