"""What a callback may return, and a stage may be sent; what is wrong changes nothing."""

import pytest
from core_messages import demand, enter, entered, events, joined, subscription

from palleto.core import (
    Answer,
    Ask,
    Call,
    Cancel,
    Cast,
    ConsumerCore,
    Events,
    Ledger,
    PartitionDispatcher,
    ProducerConsumerCore,
    ProducerCore,
    Request,
    Stop,
)
from palleto.errors import DemandError, ReturnError


@pytest.mark.parametrize("none", [None, [], ()])
def test_nothing_to_emit(none):
    producer = ProducerCore()
    entered(producer, 3)
    assert producer.returned(demand(3), none) == []
    assert producer.ledger() == Ledger(3, 3)


def test_casts_and_calls():
    producer = ProducerCore()
    (a,) = entered(producer, 3)
    (cast,) = producer.receive(Cast("news"))
    assert cast == Call("handle_cast", ("news",))
    assert producer.returned(cast, ["x"]) == [events(a, ["x"])]
    request = Request("how many?", reply="somebody")
    (call,) = producer.receive(request)
    assert call == Call("handle_call", ("how many?",), request)
    assert producer.returned(call, (2, ["y"])) == [Answer(request, 2), events(a, ["y"])]
    assert producer.returned(call, (1, None)) == [Answer(request, 1)]
    assert producer.ledger() == Ledger(1, 1)


@pytest.mark.parametrize("result", [7, "hey", {"a": 1}, iter([1]), b"x", False])
@pytest.mark.parametrize("callback", ["handle_demand", "handle_cast", "handle_cancel", "handle_events"])
def test_bad_returns_change_nothing(callback, result):
    stage = ProducerConsumerCore() if callback == "handle_events" else ProducerCore()
    (a,) = entered(stage, 3)
    call = {
        "handle_demand": demand(3),
        "handle_cast": Call("handle_cast", ("news",)),
        "handle_cancel": Call("handle_cancel", (("cancel", "bye"), a), Cancel(a, "bye")),
    }.get(callback)
    if call is None:
        above = subscription("stage", "above")
        joined(stage, above)
        (call,) = stage.receive(Events(above, [1]))
    with pytest.raises(ReturnError, match=f"expected {callback} to return a list of events or None, got: "):
        stage.returned(call, result)
    assert stage.ledger() == Ledger(3, 3)
    if callback == "handle_events":
        assert stage.receive(Events(above, [2])) == []  # the first batch is still being handled
        assert stage.in_hand() == [1, 2]


@pytest.mark.parametrize("result", [None, 1, (1,), [1, []], (1, [], 3), (1, 2), (1, "hey")])
def test_bad_answers_change_nothing(result):
    producer = ProducerCore()
    entered(producer, 3)
    (call,) = producer.receive(Request("?", None))
    with pytest.raises(ReturnError, match="expected handle_call to return "):
        producer.returned(call, result)
    assert producer.ledger() == Ledger(3, 3)


@pytest.mark.parametrize("stage", [ProducerCore, ConsumerCore, ProducerConsumerCore])
def test_not_a_message(stage):
    core = stage()
    for wrong in ("hey", None, Stop("normal"), demand(3)):
        with pytest.raises(DemandError, match=f"expected a message that a {stage.__name__} takes, got: "):
            core.receive(wrong)
    assert core.ledger() == Ledger()


def test_producer_takes_no_events_and_consumer_no_asks():
    to = subscription()
    with pytest.raises(DemandError, match="expected a message that a ProducerCore takes"):
        ProducerCore().receive(Events(to, [1]))
    with pytest.raises(DemandError, match="expected a message that a ConsumerCore takes"):
        ConsumerCore().receive(Ask(to, 1))


def test_bad_key_changes_nothing():
    producer = ProducerCore(PartitionDispatcher(2, key=lambda event: event))
    zero = subscription("zero", partition=0)
    enter(producer, zero)
    producer.receive(Ask(zero, 2))
    with pytest.raises(DemandError, match="expected the partition of 7 to be one of"):
        producer.emit([0, 7])
    assert producer.ledger() == Ledger(2, 2)
    assert producer.emit([0, 0, 7]) == [events(zero, [0, 0])]  # nobody has asked for the 7 yet
    with pytest.raises(DemandError, match="expected the partition of 7 to be one of"):
        producer.receive(Ask(zero, 1))
    assert producer.in_hand() == [7]
