"""What a callback may return, and a stage may be sent; what is wrong changes nothing."""

import pytest
from core_messages import ask, back, demand, enter, entered, events, joined, made, subscription, tell

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


@pytest.mark.parametrize("result", [7, "hey", {"a": 1}, iter([1]), b"x", False])
@pytest.mark.parametrize("callback", ["handle_demand", "handle_cast", "handle_cancel", "handle_events"])
def test_bad_returns_change_nothing(callback, result):
    machine, _ = in_a_callback(callback)
    with pytest.raises(ReturnError, match=f"expected {callback} to return a list of events or None, got: "):
        back(machine, result)
    assert machine.ledger() == Ledger(3, 3)
    assert machine.port.read() == []
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
    assert back(producer, (2, ["y"])) == [("answer", "request", 2), events(a, ["y"])]
    assert producer.ledger() == Ledger(1, 1)


@pytest.mark.parametrize("result", [None, 1, (1,), [1, []], (1, [], 3), (1, 2), (1, "hey")])
def test_bad_answers_change_nothing(result):
    producer = made(ProducerCore)
    entered(producer, 3)
    tell(producer, CALL, "request", "?")
    with pytest.raises(ReturnError, match="expected handle_call to return "):
        back(producer, result)
    assert producer.ledger() == Ledger(3, 3)
    assert producer.port.read() == []


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


def test_a_message_that_brings_nothing():
    stage, above = made(ProducerConsumerCore), subscription("stage", "above")
    joined(stage, above)
    stage.emit([])
    assert stage.port.read() == []
    assert repr(stage) == "<ProducerConsumerCore remembers 0, 0 outstanding, 0 buffered>"


def test_bad_key_changes_nothing():
    producer, zero = made(ProducerCore, PartitionDispatcher(2, key=lambda event: event)), subscription(partition=0)
    enter(producer, zero)
    assert tell(producer, ASK, zero, 2) == [demand(2)]
    with pytest.raises(DemandError, match="expected the partition of 7 to be one of"):
        back(producer, [0, 7])
    assert producer.ledger() == Ledger(2, 2)
    producer.emit([0, 0, 7])
    assert producer.port.read() == [events(zero, [0, 0])]  # nobody has asked for the 7 yet
    with pytest.raises(DemandError, match="expected the partition of 7 to be one of"):
        tell(producer, ASK, zero, 1)
    assert producer.in_hand() == [7]
