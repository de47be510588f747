"""The lanes of consumers: busy and idle add up, and prefetch costs fairness."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from overloaded import played

from palleto.lab.overload import lanes, workers

backends = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@backends
@settings(max_examples=15)
@given(demands=st.lists(st.integers(1, 130), min_size=1, max_size=4), seconds=st.floats(2.5, 130))
def test_each_file_is_done_in_one_lane_in_its_busy_time(backend: str, demands: list[int], seconds: float):
    trace = played(lambda: workers(*demands), seconds, backend)
    found = lanes(trace)
    assert len(found) == len(demands)
    for lane in found:
        assert lane.busy == sorted(lane.busy)
        assert all(start <= stop for start, stop in lane.busy)
        assert all(any(start < at <= stop for start, stop in lane.busy) for at in lane.done)
        assert 0 <= lane.idle(seconds) <= seconds + 1e-6
        assert seconds - lane.idle(seconds) == pytest.approx(len(lane.done), abs=1), "a second a file"
    assert sum(len(lane.done) for lane in found) <= 120


def test_who_asks_for_most_has_most_to_do_while_the_others_stand_still():
    found = lanes(played(lambda: workers(100, 10, 10), 101))
    assert [len(lane.done) for lane in found] == [100, 10, 10]
    assert found[0].idle(100) < 1 < 80 < found[1].idle(100)


@pytest.mark.parametrize("most", [4, 40])
def test_equal_demand_shares_the_work(most: int):
    found = lanes(played(lambda: workers(most, most, most), 60))
    assert [len(lane.done) for lane in found] == [40, 40, 40]
    assert max(at for lane in found for at in lane.done) < 43


def test_who_asks_for_one_at_a_time_waits_for_each():
    found = lanes(played(lambda: workers(1, 1, 1), 60))
    assert sum(len(lane.done) for lane in found) < 120
    assert all(lane.idle(60) > 15 for lane in found)


def test_nobody_asked():
    assert lanes(played(lambda: workers(), 5)) == []
