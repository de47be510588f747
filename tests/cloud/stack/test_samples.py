"""Sample files: a day each, the same every time."""

from __future__ import annotations

import gzip
import hashlib
import json
from itertools import islice

import pytest

from palleto.cloud import endless_samples, sample, samples


def test_days_go_on_by_date() -> None:
    keys = [sample(day).key for day in (0, 11, 12, 165)]
    assert keys == [f"packrat/data/{date}.gz" for date in ("20160720", "20160731", "20160801", "20170101")]
    with pytest.raises(ValueError, match="got -1"):
        sample(-1)


def test_a_day_is_the_same_every_time() -> None:
    first, again = sample(3), sample(3)
    assert first == again
    assert first.data[4:9] == bytes(4) + b"\4", "no time of making in the gzip header, and the fastest level"
    assert (first.size, len(first.etag)) == (len(first.data), 32)
    # Of the text: the gzip bytes are another machine's, if its zlib is.
    told = hashlib.sha256(gzip.decompress(first.data)).hexdigest()
    assert told == "b32a6c77119211a73386d4c10c658d13cf5b5ea0bedd7069aa24bfe873a6dfc3"


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


def test_days_are_made_when_they_are_asked_for() -> None:
    sample.cache_clear()
    assert next(iter(samples(3))).key == "packrat/data/20160720.gz"
    assert sample.cache_info().currsize == 1
    assert list(samples(3)) == [sample(day) for day in range(3)]


def test_days_without_end_are_the_first_ones_under_the_next_days_keys() -> None:
    found = list(islice(endless_samples(), 121))
    assert [file.data for file in found[60:]] == [*(file.data for file in found[:60]), found[0].data]
    assert found[:60] == list(samples(60))
    assert [found[number].key[-11:-3] for number in (59, 60, 120)] == ["20160917", "20160918", "20161117"]
