import pytest
from hypothesis import given
from hypothesis import strategies as st

from palleto.core import Terms, Window
from palleto.errors import DemandError


def opened(most, least=None):
    window = Window(Terms(max_demand=most, min_demand=least))
    assert window.open() == most
    return window


def came(window, events):
    """How long each batch of these is, and how many are asked for after it."""
    return [(len(batch), window.received(len(batch))) for batch in window.batches(events)]


def test_defaults():
    terms = Terms()
    assert (terms.max_demand, terms.least, terms.cancel, terms.manual) == (1000, 500, "permanent", False)
    assert Terms(max_demand=7).least == 3
    assert Terms(max_demand=1).least == 0
    assert Terms(max_demand=7, min_demand=0).least == 0


def test_half():
    window = opened(1000)
    assert came(window, range(1000)) == [(500, 500), (500, 500)]
    assert came(window, range(499)) == [(499, 0)]
    assert came(window, range(1)) == [(1, 500)]
    assert came(window, range(501)) == [(500, 500), (1, 0)]
    assert repr(window) == "<Window 500/1000: 999 outstanding>"


def test_manual():
    window = Window(Terms(max_demand=10, manual=True))
    assert window.open() == 0
    assert window.ask(25) == 25
    assert came(window, range(20)) == [(20, 0)]
    assert window.outstanding == 5
    assert came(window, range(5)) == [(5, 0)]
    assert window.outstanding == 0


def test_resize():
    window = opened(10, 4)
    assert window.resize(Terms(max_demand=6, min_demand=1)) == 0  # what was asked for is not taken back
    assert came(window, range(8)) == [(5, 0), (3, 0)]
    assert repr(window) == "<Window 1/6: 2 outstanding>"
    assert window.resize(Terms(max_demand=4, min_demand=2)) == 2
    assert came(window, range(4)) == [(2, 2), (2, 2)]
    assert window.resize(Terms(max_demand=9, min_demand=3)) == 0
    by_hand = Window(Terms(manual=True))
    assert by_hand.resize(Terms(max_demand=2)) == by_hand.outstanding == 0


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "3", None])
def test_bad_ask(count):
    window = opened(10, 0)
    with pytest.raises(DemandError, match="expected the events asked for to be a whole number of 1 or more, got: "):
        window.ask(count)
    assert window.outstanding == 10


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_demand": 0}, "expected max_demand to be a whole number of 1 or more, got: 0"),
        ({"min_demand": -1}, "expected min_demand to be a whole number of 0 or more, got: -1"),
        ({"min_demand": 1000}, "expected min_demand to be below max_demand=1000, got: 1000"),
        ({"max_demand": 10, "min_demand": 11}, "expected min_demand to be below max_demand=10, got: 11"),
        ({"cancel": "never"}, "expected cancel to be permanent, transient or temporary, got: 'never'"),
        ({"cancel": ["permanent"]}, "expected cancel to be permanent, transient or temporary, got: ['permanent']"),
    ],
)
def test_bad_terms(settings, message):
    with pytest.raises(DemandError) as caught:
        Terms(**settings)
    assert str(caught.value) == message


@given(st.data())
def test_window_is_kept_full(data):
    most = data.draw(st.integers(1, 30))
    least = data.draw(st.integers(0, most - 1))
    window = opened(most, least)
    asked, came = most, 0
    for _ in range(data.draw(st.integers(1, 10))):
        events = [*range(data.draw(st.integers(1, window.outstanding)))]
        batches = window.batches(events)
        assert [event for batch in batches for event in batch] == events
        for batch in batches:
            came += len(batch)
            more = window.received(len(batch))
            asked += more
            assert len(batch) <= most - least
            assert more == 0 or asked - came == most
            assert least < asked - came <= most
        assert window.outstanding == asked - came
