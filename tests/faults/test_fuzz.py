"""Whatever a message's body and a file's key are: no crash, nothing outside the output, every message accounted for."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rig import Rig, event_of, gz

BUCKET = "warehouse.development"
FUZZ = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))

ODD = ["", ".", "..", "\\", "\x00", "\x1b[2J", "\n", " ", "+", "~", "%2e%2e"]
PARTS = [*ODD, "a", "b.txt", "packrat", "data", "日本", "é", "C:"]
KEYS = st.one_of(
    st.lists(st.sampled_from(PARTS), max_size=5).map(lambda parts: "/".join(parts) + ".gz"),
    st.text(max_size=40).map(lambda text: f"{text}.gz"),
    st.text(max_size=300),
    st.text("ab/", min_size=200, max_size=1100).map(lambda text: f"{text}.gz"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Records", "s3", "bucket", "name", "object", "key", "Event"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)
BODIES = st.one_of(
    st.text(min_size=1, max_size=200),
    JSON.map(json.dumps),
    JSON.map(lambda value: json.dumps({"Records": value})),
    st.lists(JSON, max_size=2).map(lambda values: json.dumps({"Records": [{"s3": value} for value in values]})),
    st.lists(KEYS, max_size=3).map(
        lambda keys: event_of(BUCKET, *keys)
    ),  # not encoded, and of files that are not there
)


@FUZZ
@given(bodies=st.lists(BODIES, max_size=8), keys=st.lists(KEYS, max_size=6), data=st.binary(max_size=60))
def test_any_body_and_any_key(play: Any, bodies: list[str], keys: list[str], data: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        output = folder / "in" / "output"
        stored = {key: gz(3) if number % 3 else data for number, key in enumerate(dict.fromkeys(keys))}
        named = [
            event_of(BUCKET, (quote_plus if number % 2 else quote)(key, safe="/")) for number, key in enumerate(stored)
        ]
        rig = Rig(play, output, stored, messages=[*bodies, *named], deadline=100)
        run = rig.perform()
        assert not rig.late
        assert run.kinds("crash") == []
        assert run.kinds("loop_crashed") == []
        ledger = rig.ledger
        assert ledger.sent == ledger.deleted + ledger.dead_lettered
        assert run.performance.warehouse.leases.held == {}
        written = [path for path in folder.rglob("*") if path.is_file()]
        assert all(output in path.parents and path.read_text().strip().isdecimal() for path in written)
        results = [event.ids[0] for event in run.kinds("written")]
        assert len(written) <= len(results)
        reports = [line for line in run.reported if line.startswith("cannot process")]
        assert all(line.isprintable() for line in run.reported)
        assert len(reports) == ledger.dead_lettered
