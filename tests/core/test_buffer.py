import pytest
from hypothesis import given
from hypothesis import strategies as st

from palleto.core import Buffer
from palleto.errors import DemandError


def test_keeps_the_last():
    buffer = Buffer(size=3, keep="last")
    assert buffer.add([1, 2]) == []
    assert buffer.add([3, 4, 5]) == [1, 2]
    assert repr(buffer) == "<Buffer 3 of 3, 2 dropped>"
    assert buffer.take(10) == [3, 4, 5]


def test_keeps_the_last_of_more_than_it_holds():
    buffer = Buffer(size=2)
    buffer.add(["old"])
    assert buffer.add([1, 2, 3, 4]) == ["old", 1, 2]
    assert buffer.take(2) == [3, 4]
    assert buffer.dropped == 3


def test_keeps_the_first():
    buffer = Buffer(size=3, keep="first")
    assert buffer.add([1, 2]) == []
    assert buffer.add([3, 4, 5]) == [4, 5]
    assert buffer.add([6]) == [6]
    assert buffer.dropped == 3
    assert buffer.take(10) == [1, 2, 3]


@pytest.mark.parametrize("keep", ["first", "last"])
def test_size_0_keeps_nothing(keep):
    buffer = Buffer(size=0, keep=keep)
    assert buffer.add([1, 2]) == [1, 2]
    assert (len(buffer), buffer.dropped, buffer.take(1)) == (0, 2, [])


def test_no_bound():
    buffer = Buffer(size=None)
    assert buffer.add(range(50_000)) == []
    assert repr(buffer) == "<Buffer 50000 of any number, 0 dropped>"


def test_default_is_ten_thousand_and_the_last():
    buffer = Buffer()
    assert buffer.add(range(10_000)) == []
    assert buffer.add([10_000, 10_001]) == [0, 1]
    assert (len(buffer), buffer.dropped, buffer.peek(1)) == (10_000, 2, [2])


def test_oldest_first():
    buffer = Buffer(size=None)
    buffer.add("abcde")
    assert buffer.peek(2) == ["a", "b"]
    assert buffer.take(2) == ["a", "b"]
    assert buffer.take(1) == ["c"]
    assert buffer.take(0) == []
    assert buffer.take(9) == ["d", "e"]
    assert not buffer


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": -1}, "expected buffer_size to be a whole number of 0 or more, got: -1"),
        ({"size": 2.5}, "expected buffer_size to be a whole number of 0 or more, got: 2.5"),
        ({"size": True}, "expected buffer_size to be a whole number of 0 or more, got: True"),
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
    st.lists(st.tuples(st.booleans(), st.integers(0, 12))),
)
def test_nothing_lost_nothing_twice(size, keep, moves):
    buffer, added, taken, dropped = Buffer(size, keep), 0, [], []
    for add, count in moves:
        if add:
            dropped += buffer.add([*range(added, added + count)])
            added += count
        else:
            taken += buffer.take(count)
        assert size is None or len(buffer) <= size
    assert taken == sorted(taken)
    assert len(dropped) == buffer.dropped
    assert sorted(taken + dropped + buffer.peek(len(buffer))) == [*range(added)]
