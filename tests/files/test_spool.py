"""The spool: a file belongs to one path at a time, and what is written over an older one is all that is read."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from palleto.files import Spool, unzip

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.binary(max_size=50)),
        st.tuples(st.sampled_from(["done", "remove", "fail"]), st.integers(0, 30)),
    ),
    max_size=40,
)


@given(STEPS)
def test_nobody_reads_or_removes_what_is_somebody_elses(steps):
    with tempfile.TemporaryDirectory() as name:
        spool = Spool(Path(name))
        had: list[Path] = []  # everybody who ever had a path
        spare: set[str] = set()  # names that are done, and nobody's now
        texts: dict[int, bytes] = {}  # what those have written who still have theirs, by their place in `had`
        for what, value in steps:
            if what == "write":
                path = spool.new()
                assert path.name in spare or not spare  # no new file while one is to be written over
                spare.discard(path.name)
                unzip([gzip.compress(value)], path, 1000)
                texts[len(had)] = value
                had.append(path)
            elif had:
                at = value % len(had)
                if what == "done":
                    spare.update(path.name for path in spool.owned([had[at]]))
                    spool.done(had[at])
                    assert not spool.owned([had[at]])
                    texts.pop(at, None)
                elif what == "remove":
                    spool.remove([("an event", [had[at], 7])])
                    texts.pop(at, None)
                else:  # it is not said of a file of somebody else's
                    spool.done(Path(name).parent / had[at].name)
            for number, text in texts.items():
                assert had[number].read_bytes() == text
                assert spool.owned([had[number]])
