import pytest
from hypothesis import given
from hypothesis import strategies as st

from palleto.core import Buffer
from palleto.errors import DemandError


def test_no_bound():
    buffer = Buffer(size=None)
    assert buffer.add(range(50_000)) == []
    assert repr(buffer) == "<Buffer 50000 of any number, 0 dropped>"


def test_default_is_ten_thousand_and_the_last():
    buffer = Buffer()
    assert buffer.add(range(10_000)) == []
    assert buffer.add([10_000, 10_001]) == [0, 1]
    assert (len(buffer), buffer.dropped, buffer.peek(1)) == (10_000, 2, [2])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": -1}, "expected buffer_size to be a whole number of 0 or more, got: -1"),
        ({"keep": "best"}, "expected buffer_keep to be first or last, got: 'best'"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(DemandError) as caught:
        Buffer(**settings)
    assert str(caught.value) == message


@given(
    st.none() | st.integers(0, 8),
    st.sampled_from(["first", "last"]),
    st.lists(st.tuples(st.sampled_from(["add", "take", "peek"]), st.integers(0, 12))),
)
def test_as_a_list_that_is_cut(size, keep, moves):
    buffer, kept, added, dropped = Buffer(size, keep), [], 0, 0
    for kind, count in moves:
        if kind == "add":
            kept += range(added, added + count)
            added += count
            excess = 0 if size is None else max(0, len(kept) - size)
            room = len(kept) - excess
            kept, lost = (kept[:room], kept[room:]) if keep == "first" else (kept[excess:], kept[:excess])
            dropped += excess
            assert buffer.add(range(added - count, added)) == lost
        else:
            assert getattr(buffer, kind)(count) == kept[:count]
            kept = kept[count:] if kind == "take" else kept
        assert (len(buffer), [*buffer.events], buffer.dropped) == (len(kept), kept, dropped)
