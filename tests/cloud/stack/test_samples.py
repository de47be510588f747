"""Sample files: a day each, the same every time."""

from __future__ import annotations

import gzip
import json

import pytest

from palleto.cloud import sample, samples


def test_days_go_on_by_date() -> None:
    keys = [sample(day).key for day in (0, 11, 12, 165)]
    assert keys == [f"packrat/data/{date}.gz" for date in ("20160720", "20160731", "20160801", "20170101")]
    with pytest.raises(ValueError, match="got -1"):
        sample(-1)


def test_a_day_is_the_same_every_time() -> None:
    first, again = sample(3), sample(3)
    assert first == again
    assert first.data[4:8] == bytes(4), "no time of making in the gzip header"
    assert (first.size, len(first.etag)) == (len(first.data), 32)


def test_a_day_has_lines_of_json_in_order_of_time() -> None:
    counts = set()
    for file in samples(12):
        text = gzip.decompress(file.data)
        assert text.endswith(b"\n")
        lines = text.splitlines()
        assert len(lines) == file.lines >= 2_000
        counts.add(file.lines)
        times = [json.loads(line)["at"] for line in lines]
        assert times == sorted(times)
        assert times[0][:10].replace("-", "") == file.key[-11:-3]
    assert len(counts) == 12
    assert len({sample(day).lines for day in range(0, 400, 8)}) == 50
