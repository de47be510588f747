"""Who gets which events, without a stage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palleto.core import EVENTS, BroadcastDispatcher, DemandDispatcher, PartitionDispatcher, Subscription, Terms
from palleto.errors import DemandError


def subscribe(dispatcher, consumer, **settings):
    subscription = Subscription("producer", consumer, Terms(**settings))
    dispatcher.subscribe(subscription)
    return subscription


def sending(sent):
    """A `send` that writes down who was sent what."""

    def send(to, message):
        kind, subscription, events = message
        assert (kind, subscription.consumer) == (EVENTS, to)
        sent.append((to, [*events]))

    return send


def ask(dispatcher, subscription, count):
    sent = []
    dispatcher.ask(subscription, count, sending(sent))
    return sent


def dispatch(dispatcher, events):
    """What is sent, and what is left over."""
    sent = []
    rest = dispatcher.dispatch(events, sending(sent))
    return sent, [*rest]


def asked(dispatcher, *counts, **settings):
    """Subscriptions of a, b, ... that have asked for so many, in turn."""
    subscriptions = [subscribe(dispatcher, "abcdefgh"[at], **settings) for at in range(len(counts))]
    for subscription, count in zip(subscriptions, counts, strict=True):
        if count:
            assert ask(dispatcher, subscription, count) == []
    return subscriptions


# ---- demand ----------------------------------------------------------------------------------------------------


def test_most_demand_first():
    dispatcher = DemandDispatcher()
    asked(dispatcher, 2, 5, 3)
    assert dispatcher.demand == 10
    assert dispatch(dispatcher, [*range(12)]) == (
        [("b", [0, 1, 2, 3, 4]), ("c", [5, 6, 7]), ("a", [8, 9])],
        [10, 11],
    )
    assert repr(dispatcher) == "<DemandDispatcher 3 subscriptions, demand 0>"


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "ask", "dispatch", "dispatch", "leave"]), st.integers(0, 3), st.integers(1, 4)
    ),
    max_size=40,
)


@given(MOVES)
def test_as_a_queue_that_is_searched_each_time(moves):
    """The same as a plain list in the order of turns, of which the first with the most demand is served."""
    dispatcher, turns, owed = DemandDispatcher(), [], {}
    subscriptions = [subscribe(dispatcher, number) for number in range(4)]
    for kind, at, count in moves:
        if kind == "ask":
            ask(dispatcher, subscriptions[at], count)
            owed[at] = owed.get(at, 0) + count
            turns = [other for other in turns if other != at] + [at]
        elif kind == "leave":
            dispatcher.cancel(subscriptions[at])
            dispatcher.subscribe(subscriptions[at])
            owed.pop(at, None)
            turns = [other for other in turns if other != at]
        else:
            events, expected = [*range(count)], []
            while events and turns:
                first = max(turns, key=owed.__getitem__)  # of equals, the one whose turn is first
                share, events = events[: owed[first]], events[owed[first] :]
                owed[first] -= len(share)
                turns = [other for other in turns if other != first] + ([first] if owed[first] else [])
                expected.append((first, share))
            assert dispatch(dispatcher, range(count)) == (expected, events)
        assert dispatcher.outstanding == {one: owed.get(at, 0) for at, one in enumerate(subscriptions)}
        assert dispatcher.demand == sum(owed.values())
    for subscription in subscriptions:
        dispatcher.cancel(subscription)
    assert (dispatcher.demand, dispatcher._queue, dispatcher._entries) == (0, [], {})  # nobody is remembered for ever


def test_subscriptions_on_the_same_terms_are_two():
    dispatcher, terms = DemandDispatcher(), Terms()
    one, two = (Subscription("producer", "a", terms) for _ in range(2))
    for subscription in (one, two):
        dispatcher.subscribe(subscription)
        ask(dispatcher, subscription, 1)
    assert dispatch(dispatcher, [1, 2]) == ([("a", [1]), ("a", [2])], [])


@pytest.mark.parametrize("make", [DemandDispatcher, BroadcastDispatcher, lambda: PartitionDispatcher(1)])
def test_a_stranger_changes_nothing(make):
    dispatcher = make()
    ask(dispatcher, subscribe(dispatcher, "a", partition=0), 2)
    before, stranger = repr(dispatcher), Subscription("producer", "stranger", Terms(partition=0))
    with pytest.raises(KeyError):
        ask(dispatcher, stranger, 3)
    with pytest.raises(KeyError):
        dispatcher.cancel(stranger)
    assert repr(dispatcher) == before
    assert dispatch(dispatcher, [1, 2, 3]) == ([("a", [1, 2])], [3])
    assert dispatcher.held == []


# ---- broadcast -------------------------------------------------------------------------------------------------


def test_as_fast_as_the_slowest():
    dispatcher = BroadcastDispatcher()
    assert dispatcher.demand == 0
    a, b = asked(dispatcher, 5, 0)
    assert dispatch(dispatcher, [1]) == ([], [1])
    ask(dispatcher, b, 2)
    assert repr(dispatcher) == "<BroadcastDispatcher 2 subscriptions, demand 2>"
    assert dispatch(dispatcher, [1, 2, 3]) == ([("a", [1, 2]), ("b", [1, 2])], [3])
    assert dispatcher.outstanding == {a: 3, b: 0}
    assert dispatcher.demand == 0
    dispatcher.cancel(b)
    assert dispatcher.demand == 3
    assert dispatch(dispatcher, [3]) == ([("a", [3])], [])
    dispatcher.cancel(a)
    assert dispatcher.demand == 0


def test_selector_uses_no_demand():
    dispatcher = BroadcastDispatcher()
    (every,) = asked(dispatcher, 4)
    even = subscribe(dispatcher, "even", selector=lambda event: event % 2 == 0)
    ask(dispatcher, even, 4)
    assert dispatch(dispatcher, [1, 2, 3]) == ([("a", [1, 2, 3]), ("even", [2])], [])
    assert dispatcher.outstanding == {every: 1, even: 3}
    dispatcher.cancel(every)
    assert dispatch(dispatcher, [1, 3, 5, 7]) == ([], [])
    assert dispatcher.outstanding == {even: 3}


def test_goes_on_past_what_nobody_selects():
    dispatcher = BroadcastDispatcher()
    even, tens = (subscribe(dispatcher, n, selector=lambda event, n=n: event % n == 0) for n in (2, 10))
    ask(dispatcher, even, 2)
    ask(dispatcher, tens, 1)
    assert dispatch(dispatcher, [1, 2, 3, 10, 11, 12]) == ([(2, [2, 10]), (10, [10])], [11, 12])
    assert dispatcher.outstanding == {even: 0, tens: 0}


def test_broken_selector_changes_nothing():
    dispatcher = BroadcastDispatcher()
    (a,) = asked(dispatcher, 2)
    b = subscribe(dispatcher, "b", selector=lambda event: 1 // event)
    ask(dispatcher, b, 2)
    sent = []
    with pytest.raises(ZeroDivisionError):
        dispatcher.dispatch([1, 0], sending(sent))
    assert (sent, dispatcher.outstanding) == ([], {a: 2, b: 2})


@pytest.mark.parametrize("dispatcher", [DemandDispatcher(), BroadcastDispatcher(), PartitionDispatcher(1)])
def test_no_two_share_a_list(dispatcher):
    lists = [[1, 2]]
    for consumer in "ab" if isinstance(dispatcher, BroadcastDispatcher) else "a":
        ask(dispatcher, subscribe(dispatcher, consumer, partition=0), 2)
    dispatcher.dispatch(lists[0], lambda to, message: lists.append(message[2]))
    assert all(batch == [1, 2] for batch in lists)
    assert len({id(batch) for batch in lists}) == len(lists) >= 2


# ---- partition -------------------------------------------------------------------------------------------------


def parity():
    """A dispatcher of even and odd numbers, and the subscriptions to both."""
    dispatcher = PartitionDispatcher(2, key=lambda event: event % 2)
    return dispatcher, subscribe(dispatcher, "even", partition=0), subscribe(dispatcher, "odd", partition=1)


def test_each_to_its_partition():
    dispatcher, even, odd = parity()
    assert ask(dispatcher, even, 3) + ask(dispatcher, odd, 3) == []
    assert dispatcher.demand == 6
    assert dispatch(dispatcher, [1, 0, 2, 3, 4]) == ([("odd", [1, 3]), ("even", [0, 2, 4])], [])  # 1 came first
    assert dispatcher.outstanding == {even: 0, odd: 1}


def test_held_until_asked_for():
    dispatcher, even, odd = parity()
    ask(dispatcher, even, 3)
    ask(dispatcher, odd, 1)
    assert dispatch(dispatcher, [1, 3, 5, 7, 9]) == ([("odd", [1])], [9])
    assert (dispatcher.held, dispatcher.demand) == ([3, 5, 7], 0)
    assert dispatch(dispatcher, [8]) == ([], [8])  # the odd partition has fallen behind and slows the even one down
    assert ask(dispatcher, odd, 2) == [("odd", [3, 5])]
    assert (dispatcher.held, dispatcher.demand) == ([7], 2)
    assert ask(dispatcher, odd, 5) == [("odd", [7])]
    assert repr(dispatcher) == "<PartitionDispatcher 2 subscriptions, demand 7>"
    assert dispatcher.outstanding == {even: 3, odd: 4}


def test_room_is_never_below_0():
    """The even partition's demand made room for odd events; when it goes, more is held than anybody has asked for."""
    dispatcher, even, odd = parity()
    ask(dispatcher, even, 3)
    assert dispatch(dispatcher, [1, 3, 5]) == ([], [])
    dispatcher.cancel(even)
    assert (dispatcher.held, dispatcher.demand) == ([1, 3, 5], -3)
    assert dispatch(dispatcher, [7, 9, 11, 13, 15]) == ([], [7, 9, 11, 13, 15])
    assert ask(dispatcher, odd, 4) == [("odd", [1, 3, 5])]
    assert dispatch(dispatcher, [7, 9]) == ([("odd", [7])], [9])


def test_held_for_whoever_takes_the_partition():
    dispatcher = PartitionDispatcher(["left", "right"], key=lambda event: event[0])
    left = subscribe(dispatcher, "a", partition="left")
    ask(dispatcher, left, 4)
    events = [("right", 1), ("left", 2), ("right", 3)]
    assert dispatch(dispatcher, events) == ([("a", [("left", 2)])], [])
    right = subscribe(dispatcher, "b", partition="right")
    assert (dispatcher.held, dispatcher.demand) == ([("right", 1), ("right", 3)], 1)
    assert ask(dispatcher, right, 1) == [("b", [("right", 1)])]
    dispatcher.cancel(right)
    assert dispatcher.held == [("right", 3)]
    again = subscribe(dispatcher, "c", partition="right")
    assert ask(dispatcher, again, 5) == [("c", [("right", 3)])]
    assert (dispatcher.held, dispatcher.outstanding) == ([], {left: 3, again: 4})


def test_taken_partition():
    dispatcher, even, first = parity()
    with pytest.raises(DemandError, match="the partition 1 is already taken by odd"):
        subscribe(dispatcher, "b", partition=1)
    assert dispatcher.outstanding == {even: 0, first: 0}
    dispatcher.cancel(first)
    assert dispatcher.outstanding == {even: 0, subscribe(dispatcher, "b", partition=1): 0}


@pytest.mark.parametrize("partition", [None, 2, -1, "0", [0], ([0],)])
def test_unknown_partition(partition):
    dispatcher = PartitionDispatcher(2)
    with pytest.raises(DemandError) as caught:
        subscribe(dispatcher, "a", partition=partition)
    assert str(caught.value) == f"expected partition to be one of [0, 1], got: {partition!r}"
    assert dispatcher.outstanding == {}


def test_bad_key_changes_nothing():
    dispatcher = PartitionDispatcher(["x", "y"], key=lambda event: event)
    x = subscribe(dispatcher, "a", partition="x")
    ask(dispatcher, x, 5)
    for bad in ("z", ["x"], (["x"],)):
        with pytest.raises(DemandError) as caught:
            dispatch(dispatcher, ["x", "y", bad])
        assert str(caught.value) == f"expected the partition of {bad!r} to be one of ['x', 'y'], got: {bad!r}"
        assert (dispatcher.held, dispatcher.demand, dispatcher.outstanding) == ([], 5, {x: 5})


@pytest.mark.parametrize("partitions", [0, -1, []])
def test_no_partitions(partitions):
    with pytest.raises(DemandError, match="expected the number of partitions to be a whole number of 1 or more, got"):
        PartitionDispatcher(partitions)


def test_default_key_is_the_same_everywhere():
    dispatcher = PartitionDispatcher(4)
    for number in range(4):
        ask(dispatcher, subscribe(dispatcher, number, partition=number), 100)
    sent, _ = dispatch(dispatcher, ["20160720.gz", "20160721.gz", 7, ("a", 1)])
    assert sent == [(0, ["20160720.gz", "20160721.gz"]), (2, [7]), (3, [("a", 1)])]
