"""Series of numbers over run time, in bounded memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palleto.replay.series import BUCKETS, POINTS, STRETCH, TICKS, Busy, Counts, Meter, Peaks, Series, Ticks


def test_a_series_holds_its_value_until_the_next():
    series = Series()
    for t, value in [(1, 10), (2, 10), (3, 5), (3, 4)]:
        series.set(t, value)
    assert (series.times, series.values) == ([1, 3], [10, 4])
    assert [series.at(t) for t in (0, 1, 2.9, 3, 99)] == [0, 10, 10, 4, 4]
    assert series.columns(4, 4) == [0, 10, 10, 4]


def test_a_change_that_stands_alone_is_a_step_and_others_are_means():
    series = Series()
    for t, value in [(0, 2), (4.5, 6)]:
        series.set(t, value)
    assert series.columns(8, 4) == [2, 2, 6, 6]
    for t, value in [(6.25, 0), (6.5, 6)]:
        series.set(t, value)
    assert series.columns(8, 4) == [2, 2, 5, 5.25]
    series.set(7, 0)
    assert series.columns(8, 4)[3] == pytest.approx((0.25 * 6 + 0.5 * 6) / 2)


def test_without_steps_series_that_add_up_add_up_in_each_column():
    visible, flight, deleted = Series(), Series(), Series()
    for t, parts in [(0, (4, 0, 0)), (4.5, (0, 4, 0)), (5.5, (0, 2, 2)), (5.75, (0, 0, 4))]:
        for series, count in zip((visible, flight, deleted), parts, strict=True):
            series.set(t, count)
    columns = [series.columns(10, 10, steps=False) for series in (visible, flight, deleted)]
    assert list(map(sum, zip(*columns, strict=True))) == [4] * 10
    assert [series.columns(10, 10)[4] for series in (visible, flight, deleted)] == [0, 2, 0]  # else they do not


def test_peaks_are_kept_as_their_buckets_grow():
    peaks = Peaks()
    for t, value in [(0, 3), (0.1, 10), (0.2, 1), (0.6, 4)]:
        peaks.add(t, value)
    assert peaks.values == [10, 0, 4]
    peaks.add(BUCKETS * peaks.width, 7)
    assert (peaks.width, peaks.values[:2], peaks.values[-1]) == (0.5, [10, 4], 7)


def test_columns_are_the_same_whether_they_are_asked_for_once_or_always():
    often, once = Series(), Series()
    for i in range(500):
        often.set(i * 0.37, i * 7 % 11)
        once.set(i * 0.37, i * 7 % 11)
        assert len(often.columns(200, 83)) == 83
    assert often.columns(200, 83) == pytest.approx(once.columns(200, 83))


def test_a_long_series_keeps_its_first_and_last_points_and_stays_small():
    series = Series()
    for i in range(10 * POINTS):
        series.set(i, i)
    assert len(series.times) <= POINTS
    assert (series.times[0], series.times[-1], series.last) == (0, 10 * POINTS - 1, 10 * POINTS - 1)
    assert abs(series.at(3000) - 3000) < 10 * POINTS / 100


def test_counts_merge_their_buckets_and_lose_nothing():
    counts = Counts()
    for i in range(1000):
        counts.add("a" if i % 2 else "b", i, 3)
    assert counts.width == 16
    assert all(len(bucket) <= BUCKETS for bucket in counts.buckets.values())
    assert sum(map(sum, counts.buckets.values())) == pytest.approx(3000)
    assert counts.buckets["a"][1] == pytest.approx(24)
    counts.rename("a", "b")
    assert sum(counts.buckets["b"]) == pytest.approx(3000)


@given(st.floats(0.01, STRETCH), st.integers(1, 50), st.integers(10, 400), st.floats(0.1, 30))
def test_a_steady_rate_is_the_same_in_every_bucket(period: float, batch: int, batches: int, width: float):
    """However the time between two batches and the width of a bucket go together: no bucket is empty or too high."""
    counts = Counts(width)
    for number in range(1, batches + 1):
        counts.add("a", number * period, batch)
    whole = counts.buckets["a"][: int(batches * period / counts.width)]
    assert [count / counts.width for count in whole] == pytest.approx([batch / period] * len(whole))
    assert sum(counts.buckets["a"]) == pytest.approx(batch * batches)


def test_what_is_done_after_a_long_rest_was_not_done_in_it():
    counts = Counts(1.0)
    counts.add("a", 2.0, 4)
    counts.add("a", 40.0, 10)
    counts.add("a", 40.0, 10)  # at the same moment
    assert counts.buckets["a"][:3] == [2, 2, 0]
    assert counts.buckets["a"][3:30] == [0] * 27
    assert counts.buckets["a"][30:40] == pytest.approx([2] * 10)


def test_a_meter_knows_the_rate_of_the_last_ten_seconds():
    meter = Meter()
    for second in range(100):
        meter.add(second, 2)
    assert meter.total == 200
    assert meter.rate(99) == meter.rate(99.9) == 2
    assert meter.rate(200) == 0


def test_a_busy_share_counts_what_is_under_way():
    busy = Busy()
    busy.begin(0)
    busy.end(1)
    assert busy.share(2) == pytest.approx(0.5)
    busy.begin(12)
    assert busy.share(14) == pytest.approx(0.2)
    assert busy.share(40) == 1.0


def test_ticks_are_all_counted_and_some_forgotten():
    ticks = Ticks()
    for t in range(1000):
        ticks.add(t)
    assert ticks.count == 1000
    assert len(ticks.times) <= TICKS
    assert ticks.times[0] == 0
