import pytest

from palleto.core import BroadcastDispatcher, DemandDispatcher, PartitionDispatcher, Subscription, Terms
from palleto.errors import DemandError


def subscribe(dispatcher, consumer, **settings):
    subscription = Subscription("producer", consumer, Terms(**settings))
    dispatcher.subscribe(subscription)
    return subscription


def shares(deliveries):
    return [(subscription.consumer, [*events]) for subscription, events in deliveries]


def dispatch(dispatcher, events):
    deliveries, rest = dispatcher.dispatch(events)
    return shares(deliveries), [*rest]


# ---- demand ----------------------------------------------------------------------------------------------------


def test_most_demand_first():
    dispatcher = DemandDispatcher()
    for consumer, count in (("a", 2), ("b", 5), ("c", 3)):
        dispatcher.ask(subscribe(dispatcher, consumer), count)
    assert dispatcher.demand == 10
    assert dispatch(dispatcher, [*range(12)]) == (
        [("b", [0, 1, 2, 3, 4]), ("c", [5, 6, 7]), ("a", [8, 9])],
        [10, 11],
    )
    assert repr(dispatcher) == "<DemandDispatcher 3 subscriptions, demand 0>"


def test_asks_add_up():
    dispatcher = DemandDispatcher()
    a, b = subscribe(dispatcher, "a"), subscribe(dispatcher, "b")
    for subscription, count in ((a, 2), (b, 3), (a, 2)):
        dispatcher.ask(subscription, count)
    assert dispatcher.outstanding == {a: 4, b: 3}
    assert dispatch(dispatcher, "vwxyz") == ([("a", ["v", "w", "x", "y"]), ("b", ["z"])], [])


def test_ties_in_order_of_asking():
    dispatcher = DemandDispatcher()
    a, b, c = (subscribe(dispatcher, consumer) for consumer in "abc")
    for subscription in (c, a, b):
        dispatcher.ask(subscription, 1)
    assert dispatch(dispatcher, [1, 2, 3]) == ([("c", [1]), ("a", [2]), ("b", [3])], [])


def test_one_that_asks_goes_behind_its_equals():
    dispatcher = DemandDispatcher()
    a, b = subscribe(dispatcher, "a"), subscribe(dispatcher, "b")
    for subscription, count in ((a, 1), (b, 2), (a, 1)):
        dispatcher.ask(subscription, count)
    assert dispatch(dispatcher, [1]) == ([("b", [1])], [])


def test_three_in_turn():
    dispatcher = DemandDispatcher()
    for consumer in "abc":
        dispatcher.ask(subscribe(dispatcher, consumer), 10)
    served = [dispatch(dispatcher, ["hey", "hey"]) for _ in range(15)]
    assert served == [([(consumer, ["hey", "hey"])], []) for consumer in "abc" * 5]
    assert dispatch(dispatcher, ["hey"]) == ([], ["hey"])


def test_cancelled_gets_nothing():
    dispatcher = DemandDispatcher()
    a, b = subscribe(dispatcher, "a"), subscribe(dispatcher, "b")
    dispatcher.ask(a, 5)
    dispatcher.ask(b, 1)
    dispatcher.cancel(a)
    assert (dispatcher.demand, dispatcher.outstanding) == (1, {b: 1})
    assert dispatch(dispatcher, [1, 2]) == ([("b", [1])], [2])


def test_subscribed_anew_is_owed_nothing():
    dispatcher = DemandDispatcher()
    a = subscribe(dispatcher, "a")
    dispatcher.ask(a, 5)
    dispatcher.cancel(a)
    dispatcher.subscribe(a)
    assert dispatch(dispatcher, [1]) == ([], [1])
    dispatcher.ask(a, 1)
    assert dispatch(dispatcher, [1, 2]) == ([("a", [1])], [2])


def test_ten_thousand():
    dispatcher = DemandDispatcher()
    for number in range(10_000):
        dispatcher.ask(subscribe(dispatcher, number), 1 + number % 3)
    assert dispatcher.demand == 19_999
    deliveries, rest = dispatch(dispatcher, range(20_000))
    assert [number for number, _ in deliveries] == sorted(range(10_000), key=lambda number: -(number % 3))
    assert rest == [19_999]


def test_many_asks_keep_the_heap_small():
    dispatcher = DemandDispatcher()
    subscriptions = [subscribe(dispatcher, number) for number in range(10)]
    for turn in range(10_000):
        dispatcher.ask(subscriptions[turn % 10], 1)
    assert len(dispatcher.heap) < 200
    assert dispatch(dispatcher, range(1001))[0] == [(0, [*range(1000)]), (1, [1000])]


def test_ask_of_a_stranger_changes_nothing():
    for dispatcher in (DemandDispatcher(), BroadcastDispatcher(), PartitionDispatcher(1)):
        dispatcher.ask(subscribe(dispatcher, "a", partition=0), 2)
        before = repr(dispatcher)
        with pytest.raises(KeyError):
            dispatcher.ask(Subscription("producer", "stranger", Terms(partition=0)), 3)
        with pytest.raises(KeyError):
            dispatcher.cancel(Subscription("producer", "stranger", Terms(partition=0)))
        assert repr(dispatcher) == before
        assert dispatch(dispatcher, [1, 2, 3]) == ([("a", [1, 2])], [3])


# ---- broadcast -------------------------------------------------------------------------------------------------


def test_as_fast_as_the_slowest():
    dispatcher = BroadcastDispatcher()
    assert dispatcher.demand == 0
    a, b = subscribe(dispatcher, "a"), subscribe(dispatcher, "b")
    dispatcher.ask(a, 5)
    assert dispatch(dispatcher, [1]) == ([], [1])
    dispatcher.ask(b, 2)
    assert repr(dispatcher) == "<BroadcastDispatcher 2 subscriptions, demand 2>"
    assert dispatch(dispatcher, [1, 2, 3]) == ([("a", [1, 2]), ("b", [1, 2])], [3])
    assert dispatcher.outstanding == {a: 3, b: 0}
    dispatcher.cancel(b)
    assert dispatch(dispatcher, [3]) == ([("a", [3])], [])


def test_late_subscriber_is_sent_only_what_it_asked_for():
    dispatcher = BroadcastDispatcher()
    a = subscribe(dispatcher, "a")
    dispatcher.ask(a, 10)
    late = subscribe(dispatcher, "late")
    assert dispatch(dispatcher, [1, 2]) == ([], [1, 2])
    dispatcher.ask(late, 1)
    assert dispatch(dispatcher, [1, 2]) == ([("a", [1]), ("late", [1])], [2])
    assert dispatcher.outstanding == {a: 9, late: 0}


def test_selector_uses_no_demand():
    dispatcher = BroadcastDispatcher()
    every, even = subscribe(dispatcher, "every"), subscribe(dispatcher, "even", selector=lambda event: event % 2 == 0)
    dispatcher.ask(every, 4)
    dispatcher.ask(even, 4)
    assert dispatch(dispatcher, [1, 2, 3]) == ([("every", [1, 2, 3]), ("even", [2])], [])
    assert dispatcher.outstanding == {every: 1, even: 3}
    dispatcher.cancel(every)
    assert dispatch(dispatcher, [1, 3, 5, 7]) == ([], [])
    assert dispatcher.outstanding == {even: 3}


def test_goes_on_past_what_nobody_selects():
    dispatcher = BroadcastDispatcher()
    even, tens = (subscribe(dispatcher, n, selector=lambda event, n=n: event % n == 0) for n in (2, 10))
    dispatcher.ask(even, 2)
    dispatcher.ask(tens, 1)
    assert dispatch(dispatcher, [1, 2, 3, 10, 11, 12]) == ([(2, [2, 10]), (10, [10])], [11, 12])
    assert dispatcher.outstanding == {even: 0, tens: 0}


def test_broken_selector_changes_nothing():
    dispatcher = BroadcastDispatcher()
    a = subscribe(dispatcher, "a")
    b = subscribe(dispatcher, "b", selector=lambda event: 1 // event)
    dispatcher.ask(a, 2)
    dispatcher.ask(b, 2)
    with pytest.raises(ZeroDivisionError):
        dispatcher.dispatch([1, 0])
    assert dispatcher.outstanding == {a: 2, b: 2}


def test_no_two_share_a_list():
    dispatcher = BroadcastDispatcher()
    for consumer in "ab":
        dispatcher.ask(subscribe(dispatcher, consumer), 2)
    ((_, first), (_, second)), _ = dispatcher.dispatch([1, 2])
    first.clear()
    assert second == [1, 2]


def test_broadcast_to_ten_thousand():
    dispatcher = BroadcastDispatcher()
    subscriptions = [subscribe(dispatcher, number) for number in range(10_000)]
    for subscription in subscriptions:
        dispatcher.ask(subscription, 2)
    deliveries, rest = dispatch(dispatcher, "abc")
    assert deliveries == [(number, ["a", "b"]) for number in range(10_000)]
    assert rest == ["c"]


# ---- partition -------------------------------------------------------------------------------------------------


def test_each_to_its_partition():
    dispatcher = PartitionDispatcher(2, key=lambda event: event % 2)
    even, odd = subscribe(dispatcher, "even", partition=0), subscribe(dispatcher, "odd", partition=1)
    assert dispatcher.ask(even, 3) + dispatcher.ask(odd, 3) == []
    assert dispatcher.demand == 6
    assert dispatch(dispatcher, [0, 1, 2, 3, 4]) == ([("even", [0, 2, 4]), ("odd", [1, 3])], [])
    assert dispatcher.outstanding == {even: 0, odd: 1}


def test_held_until_asked_for():
    dispatcher = PartitionDispatcher(2, key=lambda event: event % 2)
    even, odd = subscribe(dispatcher, "even", partition=0), subscribe(dispatcher, "odd", partition=1)
    dispatcher.ask(even, 3)
    dispatcher.ask(odd, 1)
    assert dispatch(dispatcher, [1, 3, 5, 7, 9]) == ([("odd", [1])], [9])
    assert (dispatcher.held, dispatcher.demand) == ([3, 5, 7], 0)
    assert dispatch(dispatcher, [8]) == ([], [8])  # the odd partition has fallen behind and slows the even one down
    assert shares(dispatcher.ask(odd, 2)) == [("odd", [3, 5])]
    assert (dispatcher.held, dispatcher.demand) == ([7], 2)
    assert shares(dispatcher.ask(odd, 5)) == [("odd", [7])]
    assert repr(dispatcher) == "<PartitionDispatcher 2 subscriptions, demand 7>"
    assert dispatcher.outstanding == {even: 3, odd: 4}


def test_held_for_whoever_takes_the_partition():
    dispatcher = PartitionDispatcher(["left", "right"], key=lambda event: event[0])
    left = subscribe(dispatcher, "a", partition="left")
    dispatcher.ask(left, 4)
    events = [("right", 1), ("left", 2), ("right", 3)]
    assert dispatch(dispatcher, events) == ([("a", [("left", 2)])], [])
    right = subscribe(dispatcher, "b", partition="right")
    assert (dispatcher.held, dispatcher.demand) == ([("right", 1), ("right", 3)], 1)
    assert shares(dispatcher.ask(right, 1)) == [("b", [("right", 1)])]
    dispatcher.cancel(right)
    assert dispatcher.held == [("right", 3)]
    again = subscribe(dispatcher, "c", partition="right")
    assert shares(dispatcher.ask(again, 5)) == [("c", [("right", 3)])]
    assert (dispatcher.held, dispatcher.outstanding) == ([], {left: 3, again: 4})


def test_taken_partition():
    dispatcher = PartitionDispatcher(2)
    first = subscribe(dispatcher, "a", partition=1)
    with pytest.raises(DemandError, match="the partition 1 is already taken by a"):
        subscribe(dispatcher, "b", partition=1)
    assert dispatcher.outstanding == {first: 0}
    dispatcher.cancel(first)
    assert dispatcher.outstanding == {subscribe(dispatcher, "b", partition=1): 0}


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
    dispatcher.ask(x, 5)
    for bad in ("z", ["x"], (["x"],)):
        with pytest.raises(DemandError) as caught:
            dispatcher.dispatch(["x", "y", bad])
        assert str(caught.value) == f"expected the partition of {bad!r} to be one of ['x', 'y'], got: {bad!r}"
        assert (dispatcher.held, dispatcher.demand, dispatcher.outstanding) == ([], 5, {x: 5})


@pytest.mark.parametrize("partitions", [0, -1, []])
def test_no_partitions(partitions):
    with pytest.raises(DemandError, match="expected the number of partitions to be a whole number of 1 or more, got"):
        PartitionDispatcher(partitions)


def test_default_key_is_the_same_everywhere():
    placed = []
    for _ in range(2):
        dispatcher = PartitionDispatcher(4)
        for number in range(4):
            dispatcher.ask(subscribe(dispatcher, number, partition=number), 100)
        placed.append(dispatch(dispatcher, ["20160720.gz", "20160721.gz", 7, ("a", 1)])[0])
    assert placed[0] == placed[1] == [(0, ["20160720.gz", "20160721.gz"]), (2, [7]), (3, [("a", 1)])]


def test_ten_thousand_partitions():
    dispatcher = PartitionDispatcher(10_000, key=lambda event: event)
    for number in range(10_000):
        dispatcher.ask(subscribe(dispatcher, number, partition=number), 1)
    assert dispatcher.demand == 10_000
    deliveries, rest = dispatch(dispatcher, range(10_000))
    assert deliveries == [(number, [number]) for number in range(10_000)]
    assert (rest, dispatcher.demand) == ([], 0)
