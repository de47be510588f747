"""The producer's core: a message in, a list of effects out."""

import pytest
from core_messages import CRASH, demand, enter, entered, events, subscription

from palleto.core import (
    Ask,
    BroadcastDispatcher,
    Buffer,
    Cancel,
    Down,
    Drop,
    Ledger,
    PartitionDispatcher,
    ProducerCore,
    Send,
    Subscribe,
)
from palleto.errors import DemandError


def test_demand_is_told_once():
    producer = ProducerCore()
    to = subscription()
    assert enter(producer, to) == []
    assert producer.receive(Ask(to, 10)) == [demand(10)]
    assert producer.ledger() == Ledger(remembered=10, demand=10)
    assert producer.returned(demand(10), ["a", "b"]) == [events(to, ["a", "b"])]
    assert producer.ledger() == Ledger(remembered=8, demand=8)
    assert producer.receive(Ask(to, 4)) == [demand(4)]
    assert producer.emit([*range(12)]) == [events(to, [*range(12)])]
    assert repr(producer) == "<ProducerCore remembers 0, 0 outstanding, 0 buffered>"


def test_buffer_is_served_first():
    producer = ProducerCore()
    (to,) = entered(producer, 0)
    assert producer.emit([1, 2, 3]) == []
    assert producer.in_hand() == [1, 2, 3]
    assert producer.receive(Ask(to, 2)) == [events(to, [1, 2])]  # no handle_demand for 0
    assert producer.receive(Ask(to, 5)) == [events(to, [3]), demand(4)]  # only the remainder
    assert producer.ledger() == Ledger(remembered=4, demand=4)


def test_buffer_before_anybody_subscribed():
    producer = ProducerCore(buffer=Buffer(size=3))
    assert producer.emit([1, 2]) == []
    assert producer.emit([3, 4, 5]) == [Drop([1, 2])]
    assert producer.ledger() == Ledger(buffered=3, dropped=2)
    assert repr(producer) == "<ProducerCore remembers 0, 0 outstanding, 3 buffered>"
    to = subscription()
    assert enter(producer, to) == []
    assert producer.receive(Ask(to, 10)) == [events(to, [3, 4, 5]), demand(7)]


def test_buffer_that_keeps_the_first():
    producer = ProducerCore(buffer=Buffer(size=2, keep="first"))
    (to,) = entered(producer, 1)
    assert producer.emit([1, 2, 3, 4]) == [events(to, [1]), Drop([4])]
    assert producer.in_hand() == [2, 3]


def test_over_emission_is_repaid():
    """Row 2 of the talk's faults: its count went to -1 and stayed there, until a pull of 0 killed the loop."""
    producer = ProducerCore()
    (to,) = entered(producer, 10)
    assert producer.emit([*range(11)]) == [events(to, [*range(10)])]
    assert producer.ledger() == Ledger(remembered=0, demand=0, buffered=1)
    assert producer.receive(Ask(to, 1)) == [events(to, [10])]
    assert producer.ledger() == Ledger()
    assert producer.receive(Ask(to, 1)) == [demand(1)]
    assert producer.emit(["x", "y", "z"]) == [events(to, ["x"])]
    assert producer.receive(Ask(to, 10)) == [events(to, ["y", "z"]), demand(8)]
    assert producer.ledger() == Ledger(remembered=8, demand=8)


def test_three_consumers_in_turn():
    producer = ProducerCore()
    entered(producer, 10, 10, 10)
    assert producer.ledger().remembered == 30
    served = [producer.emit(["hey", "hey"]) for _ in range(6)]
    assert [[effect.to for effect in effects] for effects in served] == [[c] for c in "abcabc"]


@pytest.mark.parametrize("ending", [Cancel, Down])
def test_demand_of_one_that_went_is_used_for_the_next(ending):
    producer = ProducerCore()
    a, b = entered(producer, 10, 0)
    (call,) = producer.receive(ending(a, "shutdown"))
    kind = "cancel" if ending is Cancel else "down"
    assert (call.callback, call.args) == ("handle_cancel", ((kind, "shutdown"), a))
    farewell = [Send("a", Cancel(a, "shutdown"))] if ending is Cancel else []
    assert producer.returned(call, None) == farewell
    assert producer.ledger() == Ledger(remembered=10, demand=0)
    assert producer.receive(Ask(b, 4)) == []
    assert producer.receive(Ask(b, 8)) == [demand(2)]
    assert producer.emit([1, 2, 3]) == [events(b, [1, 2, 3])]
    assert producer.ledger() == Ledger(remembered=9, demand=9)


def test_ends_once():
    producer = ProducerCore()
    (a,) = entered(producer, 3)
    producer.returned(producer.receive(Cancel(a, "normal"))[0], None)
    assert producer.receive(Down(a, "normal")) == []
    assert producer.receive(Cancel(a, "normal")) == []
    assert producer.receive(Ask(a, 3)) == [Send("a", Cancel(a, "unknown subscription"))]


def test_handle_cancel_may_emit():
    producer = ProducerCore()
    a, b = entered(producer, 1, 1)
    (call,) = producer.receive(Cancel(a, "bye"))
    assert producer.returned(call, [1, 2]) == [Send("a", Cancel(a, "bye")), events(b, [1])]
    assert producer.ledger() == Ledger(remembered=0, demand=0, buffered=1)


def test_cancel_makes_room_before_it_emits():
    producer = ProducerCore(BroadcastDispatcher(), Buffer(size=2))
    fast, slow = entered(producer, 5, 0)
    assert producer.emit([1, 2]) == []
    (call,) = producer.receive(Down(slow, "killed"))
    served = producer.returned(call, [3, 4])
    assert served == [events(fast, [1, 2]), events(fast, [3, 4])]
    assert producer.ledger() == Ledger(remembered=1, demand=1)


def test_unknown_subscription():
    producer = ProducerCore()
    stranger = subscription("stranger")
    assert producer.receive(Ask(stranger, 5)) == [Send("stranger", Cancel(stranger, "unknown subscription"))]
    assert producer.receive(Cancel(stranger, "normal")) == producer.receive(Down(stranger, "normal")) == []
    assert producer.ledger() == Ledger()


def test_duplicate_subscription():
    producer = ProducerCore()
    (a,) = entered(producer, 3)
    assert producer.receive(Subscribe(a)) == [Send("a", Cancel(a, "duplicate subscription"))]
    assert producer.ledger() == Ledger(3, 3)


@pytest.mark.parametrize("count", [0, -3, 2.5, True, None])
def test_bad_ask_changes_nothing(count):
    producer = ProducerCore()
    (a,) = entered(producer, 3)
    with pytest.raises(DemandError, match="expected the events asked for to be a whole number of 1 or more, got: "):
        producer.receive(Ask(a, count))
    assert producer.ledger() == Ledger(3, 3)


def test_forward():
    producer = ProducerCore()
    assert producer.forward(False) == []
    a, b = entered(producer, 4, 3)
    assert producer.ledger() == Ledger(remembered=0, demand=7)
    assert producer.emit([1, 2]) == [events(a, [1, 2])]
    assert producer.forward(True) == [demand(5)]
    assert producer.forward(True) == []
    assert producer.receive(Ask(b, 1)) == [demand(1)]
    assert producer.forward(False) == []
    assert producer.receive(Ask(b, 2)) == []
    assert producer.forward(True) == [demand(2)]


def test_kept_back_demand_is_served_from_the_buffer():
    producer = ProducerCore()
    producer.forward(False)
    producer.emit([1, 2, 3])
    (a,) = entered(producer, 0)
    assert producer.receive(Ask(a, 5)) == [events(a, [1, 2, 3])]
    assert producer.forward(True) == [demand(2)]


def test_producer_says_farewell():
    producer = ProducerCore()
    a, b = entered(producer, 2, 0)
    assert producer.farewell(CRASH) == [Send("a", Down(a, CRASH)), Send("b", Down(b, CRASH))]
    assert ProducerCore().farewell("normal") == []


def test_partition_that_does_not_fit():
    producer = ProducerCore(PartitionDispatcher(2, key=lambda event: event % 2))
    first = subscription("first", partition=0)
    assert enter(producer, first) == []
    assert producer.receive(Ask(first, 2)) == [demand(2)]
    for partition, message in (
        (0, "the partition 0 is already taken by first"),
        (2, "expected partition to be one of [0, 1], got: 2"),
        ([], "expected partition to be one of [0, 1], got: []"),
    ):
        second = subscription("second", partition=partition)
        (send,) = enter(producer, second)
        assert (send.to, str(send.message.reason)) == ("second", message)
        assert isinstance(send.message.reason, DemandError)
        assert producer.receive(Ask(second, 5)) == [Send("second", Cancel(second, "unknown subscription"))]
    assert producer.emit([0]) == [events(first, [0])]
    assert producer.ledger() == Ledger(1, 1)


def test_held_events_are_in_hand():
    producer = ProducerCore(PartitionDispatcher(2, key=lambda event: event % 2))
    even = subscription("even", partition=0)
    enter(producer, even)
    producer.receive(Ask(even, 3))
    assert producer.emit([1, 2, 3, 4]) == [events(even, [2])]
    assert producer.ledger() == Ledger(buffered=1)
    assert producer.in_hand() == [1, 3, 4]
    odd = subscription("odd", partition=1)
    enter(producer, odd)
    assert producer.receive(Ask(odd, 3)) == [events(odd, [1, 3]), events(even, [4]), demand(2)]
    assert producer.in_hand() == []


def test_demand_is_told_when_the_slowest_goes():
    producer = ProducerCore(BroadcastDispatcher())
    slow, fast = entered(producer, 0, 0)
    assert producer.receive(Ask(fast, 5)) == []
    (call,) = producer.receive(Down(slow, "killed"))
    assert producer.returned(call, None) == [demand(5)]
    assert producer.ledger() == Ledger(5, 5)


def test_no_drop_while_demand_is_left():
    producer = ProducerCore(BroadcastDispatcher(), Buffer(size=1))
    even = subscription("even", selector=lambda event: event % 2 == 0)
    enter(producer, even)
    producer.receive(Ask(even, 2))
    assert producer.emit([1, 3, 2, 5, 4]) == [events(even, [2, 4])]
    assert producer.ledger() == Ledger()


@pytest.mark.parametrize(
    ("dispatcher", "count"),
    [(None, 10_000), (BroadcastDispatcher(), 3_000), (PartitionDispatcher(10_000, key=lambda n: n), 10_000)],
)
def test_many_subscriptions(dispatcher, count):
    producer = ProducerCore(dispatcher)
    subscriptions = [subscription(number, partition=number) for number in range(count)]
    for to in subscriptions:
        assert enter(producer, to) == []
    told = 0
    for to in subscriptions:
        told += sum(call.args[0] for call in producer.receive(Ask(to, 1)))
    assert told == (1 if isinstance(dispatcher, BroadcastDispatcher) else count)
    assert producer.emit([*range(told)]) == [events(to, [min(at, told - 1)]) for at, to in enumerate(subscriptions)]
    assert producer.ledger() == Ledger()
