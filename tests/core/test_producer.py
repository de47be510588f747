"""The producer's machine: a message in, what follows out through its port."""

import pytest
from core_messages import AtOnce, back, cancel, demand, ends, enter, entered, events, made, subscription, tell

from palleto.core import (
    ASK,
    CALL,
    CANCEL,
    CAST,
    DOWN,
    EMIT,
    SUBSCRIBE,
    BroadcastDispatcher,
    Buffer,
    Ledger,
    PartitionDispatcher,
    ProducerCore,
)
from palleto.errors import DemandError


def producing(*asks, **settings):
    """A producer, and subscriptions of consumers a, b, ... that have asked for so many."""
    producer = made(ProducerCore, **settings)
    return producer, *entered(producer, *asks)


def parity():
    return PartitionDispatcher(2, key=lambda event: event % 2)


def test_demand_is_told_once():
    producer, to = producing(0)
    assert tell(producer, ASK, to, 10) == [demand(10)]
    assert producer.ledger() == Ledger(remembered=10, demand=10)
    assert back(producer, ["a", "b"]) == [events(to, ["a", "b"])]
    assert producer.ledger() == Ledger(remembered=8, demand=8)
    assert tell(producer, ASK, to, 4) == [demand(4)]
    assert back(producer, None) == []
    assert tell(producer, EMIT, None, [*range(12)]) == [events(to, [*range(12)])]
    assert repr(producer) == "<ProducerCore remembers 0, 0 outstanding, 0 buffered>"


def test_buffer_is_served_first():
    producer, to = producing(0)
    assert tell(producer, EMIT, None, [1, 2, 3]) == []
    assert producer.in_hand() == [1, 2, 3]
    assert tell(producer, ASK, to, 2) == [events(to, [1, 2])]  # no handle_demand for 0
    assert tell(producer, ASK, to, 5) == [events(to, [3]), demand(4)]  # only the remainder
    assert producer.ledger() == Ledger(remembered=4, demand=4)


def test_buffer_before_anybody_subscribed():
    producer = made(ProducerCore, buffer=Buffer(size=3))
    assert tell(producer, EMIT, None, [1, 2]) == []
    assert tell(producer, EMIT, None, [3, 4, 5]) == [("lose", [1, 2], "the buffer was full")]
    assert producer.ledger() == Ledger(buffered=3, dropped=2)
    assert repr(producer) == "<ProducerCore remembers 0, 0 outstanding, 3 buffered>"
    to = subscription()
    assert enter(producer, to) == []
    assert tell(producer, ASK, to, 10) == [events(to, [3, 4, 5]), demand(7)]


def test_over_emission_is_repaid():
    """Row 2 of the talk's faults: its count went to -1 and stayed there, until a pull of 0 killed the loop."""
    producer, to = producing(10)
    assert tell(producer, EMIT, None, [*range(11)]) == [events(to, [*range(10)])]
    assert producer.ledger() == Ledger(remembered=0, demand=0, buffered=1)
    assert tell(producer, ASK, to, 1) == [events(to, [10])]
    assert producer.ledger() == Ledger()
    assert tell(producer, ASK, to, 1) == [demand(1)]
    assert back(producer, ["x", "y", "z"]) == [events(to, ["x"])]
    assert tell(producer, ASK, to, 10) == [events(to, ["y", "z"]), demand(8)]
    assert producer.ledger() == Ledger(remembered=8, demand=8)


@pytest.mark.parametrize("kind", [CANCEL, DOWN])
def test_demand_of_one_that_went_is_used_for_the_next(kind):
    producer, a, b = producing(10, 0)
    assert tell(producer, kind, a, "shutdown") == [ends(kind, a, "shutdown")]
    assert back(producer) == ([cancel("a", a, "shutdown")] if kind == CANCEL else [])
    assert producer.ledger() == Ledger(remembered=10, demand=0)
    assert tell(producer, ASK, b, 4) == []
    assert tell(producer, ASK, b, 8) == [demand(2)]
    assert back(producer, [1, 2, 3]) == [events(b, [1, 2, 3])]
    assert producer.ledger() == Ledger(remembered=9, demand=9)


def test_ends_once():
    producer, a = producing(3)
    tell(producer, CANCEL, a, "normal")
    back(producer)
    assert tell(producer, DOWN, a, "normal") == []
    assert tell(producer, CANCEL, a, "normal") == []
    assert tell(producer, ASK, a, 3) == [cancel("a", a, "unknown subscription")]


def test_handle_cancel_may_emit():
    producer, a, b = producing(1, 1)
    tell(producer, CANCEL, a, "bye")
    assert back(producer, [1, 2]) == [cancel("a", a, "bye"), events(b, [1])]
    assert producer.ledger() == Ledger(remembered=0, demand=0, buffered=1)


def test_cancel_makes_room_before_it_emits():
    producer, fast, slow = producing(5, 0, dispatcher=BroadcastDispatcher(), buffer=Buffer(size=2))
    assert tell(producer, EMIT, None, [1, 2]) == []
    tell(producer, DOWN, slow, "killed")
    assert back(producer, [3, 4]) == [events(fast, [1, 2]), events(fast, [3, 4])]
    assert producer.ledger() == Ledger(remembered=1, demand=1)


def test_unknown_subscription():
    producer, stranger = made(ProducerCore), subscription("stranger")
    assert tell(producer, ASK, stranger, 5) == [cancel("stranger", stranger, "unknown subscription")]
    assert tell(producer, CANCEL, stranger, "normal") == tell(producer, DOWN, stranger, "normal") == []
    assert producer.ledger() == Ledger()


def test_duplicate_subscription():
    producer, a = producing(3)
    assert tell(producer, SUBSCRIBE, a) == [cancel("a", a, "duplicate subscription")]
    assert producer.ledger() == Ledger(3, 3)


def test_forward():
    producer = made(ProducerCore)
    producer.forward(False)
    a, b = entered(producer, 4, 3)
    assert producer.ledger() == Ledger(remembered=0, demand=7)
    assert tell(producer, EMIT, None, [1, 2]) == []
    assert producer.ledger() == Ledger(remembered=0, demand=7, buffered=2)

    def forward(on):
        producer.forward(on)
        return producer.port.read()

    assert forward(True) == [events(a, [1, 2]), demand(5)]
    assert back(producer) == forward(True) == []
    assert tell(producer, ASK, b, 1) == [demand(1)]
    assert back(producer) == forward(False) == tell(producer, ASK, b, 2) == []
    assert forward(True) == [demand(2)]


def test_a_push_waits_for_demand_behind_the_buffer():
    producer, then = made(ProducerCore, buffer=Buffer(3)), []
    assert tell(producer, EMIT, None, [1]) == []
    assert tell(producer, EMIT, lambda: then.append("pushed"), [2, 3, 4, 5]) == []
    assert tell(producer, EMIT, lambda: then.append("behind"), ()) == []
    assert (producer.ledger(), producer.in_hand()) == (Ledger(buffered=1), [1, 2, 3, 4, 5])
    (a,) = entered(producer, 0)
    assert tell(producer, ASK, a, 3) == [events(a, [1]), events(a, [2, 3])]
    assert then == []
    assert tell(producer, ASK, a, 3) == [events(a, [4, 5]), demand(1)]
    assert (then, producer.in_hand()) == (["pushed", "behind"], [])


def test_a_push_without_events_waits_for_those_that_were_there_before_it_only():
    producer, then = made(ProducerCore), []
    producer.emit([1, 2])
    producer.push((), lambda: then.append("now"))
    producer.emit([3])
    (a,) = entered(producer, 0)
    assert tell(producer, ASK, a, 1) == [events(a, [1])]
    assert then == []
    assert tell(producer, ASK, a, 1) == [events(a, [2])]
    assert (then, producer.in_hand()) == (["now"], [3])


def test_partition_that_does_not_fit():
    producer, first = made(ProducerCore, parity()), subscription("first", partition=0)
    assert enter(producer, first) == []
    assert tell(producer, ASK, first, 2) == [demand(2)]
    assert back(producer) == []
    second = subscription("second", partition=0)
    ((_, to, (kind, at, reason)),) = enter(producer, second)
    assert (to, kind, at, type(reason)) == ("second", CANCEL, second, DemandError)
    assert str(reason) == "the partition 0 is already taken by first"
    assert tell(producer, ASK, second, 5) == [cancel("second", second, "unknown subscription")]
    assert tell(producer, EMIT, None, [0]) == [events(first, [0])]
    assert producer.ledger() == Ledger(1, 1)


def test_held_events_are_in_hand():
    producer, even, odd = made(ProducerCore, parity()), subscription("even", partition=0), subscription(partition=1)
    enter(producer, even)
    tell(producer, ASK, even, 3)
    assert back(producer, [1, 2, 3, 4]) == [events(even, [2])]
    assert producer.ledger() == Ledger(buffered=1)
    assert producer.in_hand() == [1, 3, 4]
    enter(producer, odd)
    assert tell(producer, ASK, odd, 3) == [events(odd, [1, 3]), events(even, [4]), demand(2)]
    assert producer.in_hand() == []


def test_no_drop_while_demand_is_left():
    producer = made(ProducerCore, BroadcastDispatcher(), Buffer(size=1))
    even = subscription("even", selector=lambda event: event % 2 == 0)
    enter(producer, even)
    assert tell(producer, ASK, even, 2) == [demand(2)]
    assert back(producer, [1, 3, 2, 5, 4]) == [events(even, [2, 4])]
    assert producer.ledger() == Ledger()


@pytest.mark.parametrize(
    ("kind", "results"), [(EMIT, []), (CAST, [[1]]), (CALL, [("reply", [1])]), (ASK, [[1]]), (CANCEL, [[1]])]
)
def test_what_nobody_took_is_wanted_still(kind, results):
    """Whatever the event came of, the demand that it was meant for is told again, before the next message."""
    producer = ProducerCore(AtOnce(), BroadcastDispatcher())
    even, fast = (subscription(name, selector=lambda event: event % 2 == 0) for name in "ab")
    for to, count in ((even, 2), (fast, 9)):
        tell(producer, SUBSCRIBE, to)
        tell(producer, ASK, to, count)
    producer.port.results = results
    about, what = {EMIT: (None, [1]), ASK: (even, 1), CANCEL: (fast, "bye")}.get(kind, ("request", "news"))
    assert tell(producer, kind, about, what)[-1] == demand(1)
    assert producer.ledger() == (Ledger(3, 3) if kind == ASK else Ledger(2, 2))
