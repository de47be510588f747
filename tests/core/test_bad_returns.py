"""What a callback may return, and a stage may be sent; what is wrong changes nothing, and its events are lost."""

from itertools import count

import pytest
from core_messages import ask, back, demand, enter, entered, events, handle, joined, made, subscription, tell

from palleto.core import (
    ASK,
    CALL,
    CANCEL,
    CAST,
    EVENTS,
    ConsumerCore,
    Ledger,
    PartitionDispatcher,
    ProducerConsumerCore,
    ProducerCore,
)
from palleto.errors import DemandError, ReturnError

every = pytest.mark.parametrize("machine", [ProducerCore, ConsumerCore, ProducerConsumerCore])


def in_a_callback(callback):
    """A machine that is owed 3 events below, in the middle of a callback."""
    machine = made(ProducerConsumerCore if callback == "handle_events" else ProducerCore)
    (a,) = entered(machine, 0)
    above = subscription(machine, "above", most=1)
    if callback == "handle_events":
        joined(machine, above)
    told = tell(machine, ASK, a, 3)
    if callback != "handle_demand":
        if told:
            assert back(machine) == []
        message = {"handle_cast": (CAST, None), "handle_cancel": (CANCEL, a), "handle_events": (EVENTS, above)}
        ((_, called, _),) = tell(machine, *message[callback], [1])
        assert called == callback
    return machine, above


@pytest.mark.parametrize("none", [None, [], ()])
@pytest.mark.parametrize("callback", ["handle_demand", "handle_cast", "handle_events"])
def test_nothing_to_emit(callback, none):
    machine, above = in_a_callback(callback)
    assert back(machine, none) == ([ask(above, 1)] if callback == "handle_events" else [])
    assert machine.ledger() == Ledger(3, 3)


@pytest.mark.parametrize("callback", ["handle_demand", "handle_cast", "handle_events"])
def test_a_tuple_is_as_good_as_a_list(callback):
    machine, _ = in_a_callback(callback)
    assert [*back(machine, (1, 2))[0][2][2]] == [1, 2]
    assert machine.ledger() == Ledger(1, 1)


def breaks_off():
    yield from (1, 2)
    raise OSError("gone")


@pytest.mark.parametrize(
    ("make", "lost"),
    [
        (lambda: 7, [7]),
        (lambda: "hey", ["hey"]),
        (lambda: {"a": 1}, [{"a": 1}]),
        (lambda: iter([1, 2]), [1, 2]),
        (lambda: {1: "a", 2: "b"}.keys(), [1, 2]),
        (breaks_off, [1, 2]),
        (lambda: iter(()), []),
        (lambda: b"x", [b"x"]),
        (lambda: count(), [*range(10_000)]),
    ],
)
@pytest.mark.parametrize("callback", ["handle_demand", "handle_cast", "handle_cancel", "handle_events"])
def test_bad_returns_change_nothing_and_their_events_are_lost(callback, make, lost):
    machine, _ = in_a_callback(callback)
    with pytest.raises(ReturnError, match=f"expected {callback} to return a list of events or None, got: ") as caught:
        back(machine, make())
    assert machine.ledger() == Ledger(3, 3)
    if callback == "handle_events":  # what it made them of is lost with the stage
        lost = []
    assert machine.port.read() == ([("lose", lost, str(caught.value))] if lost else [])
    assert machine.in_hand() == ([1] if callback == "handle_events" else [])


@every
def test_casts_and_calls(machine):
    core = made(machine)
    assert tell(core, CAST, None, "news") == [("call", "handle_cast", "news")]
    assert back(core) == []
    assert tell(core, CALL, "request", "how many?") == [("call", "handle_call", "how many?")]
    assert back(core, (2, None)) == [("answer", "request", 2)]
    assert core.ledger() == Ledger()
    assert core.in_hand() == []


def test_casts_and_calls_may_emit():
    producer = made(ProducerCore)
    (a,) = entered(producer, 3)
    tell(producer, CAST, None, "news")
    assert back(producer, ["x"]) == [events(a, ["x"])]
    tell(producer, CALL, "request", "how many?")
    assert back(producer, (2, ["y"])) == [events(a, ["y"]), ("answer", "request", 2)]
    assert producer.ledger() == Ledger(1, 1)


@pytest.mark.parametrize(
    ("result", "lost"),
    [
        (None, []),
        (1, []),
        ((), []),
        ((1,), [1]),
        ([1, 2], [1, 2]),
        ((1, [], 3), []),
        ((1, [2], "state"), [2]),
        ((1, 2), [2]),
        ((1, "hey"), ["hey"]),
        ((1, iter([2, 3])), [2, 3]),
    ],
)
def test_bad_answers_change_nothing_and_their_events_are_lost(result, lost):
    producer = made(ProducerCore)
    entered(producer, 3)
    tell(producer, CALL, "request", "?")
    with pytest.raises(ReturnError, match="expected handle_call to return ") as caught:
        back(producer, result)
    assert producer.ledger() == Ledger(3, 3)
    assert producer.port.read() == ([("lose", lost, str(caught.value))] if lost else [])


def test_a_long_return_is_cut():
    producer = made(ProducerCore)
    for kind, words in ((CAST, "a list of events or None"), (CALL, r"\(reply, events\)")):
        tell(producer, kind, None, "news")
        with pytest.raises(ReturnError, match=f"to return {words}, got: 'x{{79}}$"):
            back(producer, "x" * 1000)


@every
def test_not_a_message(machine):
    core = made(machine)
    kinds = {ProducerCore: [EVENTS, "hey"], ConsumerCore: [ASK, "subscribe"], ProducerConsumerCore: ["stop"]}
    for kind in kinds[machine]:
        with pytest.raises(DemandError, match=f"expected a message that a {machine.kind} takes, got: {kind}"):
            tell(core, kind, subscription(), 1)
    assert core.ledger() == Ledger()
    assert core.port.read() == []


WHY = "the dispatcher cannot place it: DemandError('expected the partition of 7 to be one of [0, 1], got: 7')"


def test_an_event_of_a_bad_key_is_lost_and_the_others_go_on():
    producer, zero = made(ProducerCore, PartitionDispatcher(2, key=lambda event: event)), subscription(partition=0)
    enter(producer, zero)
    assert tell(producer, ASK, zero, 4) == [demand(4)]
    with pytest.raises(DemandError, match="expected the partition of 7 to be one of"):
        back(producer, [0, 0, 7, 1, 0, 1])
    assert producer.port.read() == [*[events(zero, [0])] * 2, ("lose", [7], WHY), events(zero, [0])]
    assert sorted(producer.in_hand()) == [1, 1]


def test_an_event_of_a_bad_key_in_the_buffer():
    producer, zero = made(ProducerCore, PartitionDispatcher(2, key=lambda event: event)), subscription(partition=0)
    enter(producer, zero)
    producer.emit([7, 0, 0])
    with pytest.raises(DemandError, match="expected the partition of 7 to be one of"):
        tell(producer, ASK, zero, 2)
    assert producer.port.read() == [("lose", [7], WHY), events(zero, [0])]
    assert producer.in_hand() == [0]


def test_a_batch_whose_events_have_gone_on_is_not_lost_with_the_one_that_cannot():
    below = subscription(partition=0)
    stage = made(ProducerConsumerCore, PartitionDispatcher(1, key=lambda event: 0 * (1 // event)))
    above = subscription(stage, "above", most=5)
    joined(stage, above)
    enter(stage, below)
    assert tell(stage, ASK, below, 5) == []
    assert tell(stage, EVENTS, above, ["a", "b", "c"]) == [handle(["a", "b", "c"])]
    with pytest.raises(ZeroDivisionError):
        back(stage, [1, 0, 2])
    why = "the dispatcher cannot place it: ZeroDivisionError('integer division or modulo by zero')"
    assert stage.port.read() == [events(below, [1]), ("lose", [0], why), events(below, [2])]
    assert stage.in_hand() == []
