"""The consumer's core, and what it shares with the producer-consumer's."""

import pytest
from core_messages import CRASH, joined, subscription

from palleto.core import (
    Answer,
    Ask,
    Call,
    Cancel,
    ConsumerCore,
    Down,
    Events,
    ProducerConsumerCore,
    Send,
    Stop,
    Subscribe,
)
from palleto.errors import DemandError, ReturnError


def test_subscribes_and_asks():
    consumer, at = ConsumerCore(), subscription()
    assert joined(consumer, at) == [Send("producer", Subscribe(at)), Send("producer", Ask(at, 10))]
    assert repr(consumer) == "<ConsumerCore [<Window 0/10: 10 outstanding>]>"


def test_handles_first_then_asks():
    consumer, at = ConsumerCore(), subscription()
    joined(consumer, at)
    ten = [*range(10)]
    assert consumer.receive(Events(at, ten)) == [Call("handle_events", (ten,), at), Send("producer", Ask(at, 10))]


def test_five_batches_before_the_next_ask():
    consumer, at = ConsumerCore(), subscription()
    joined(consumer, at)
    two = Call("handle_events", (["hey", "hey"],), at)
    effects = [consumer.receive(Events(at, ["hey", "hey"])) for _ in range(5)]
    assert effects == [[two]] * 4 + [[two, Send("producer", Ask(at, 10))]]


def test_batches_and_asks_alternate():
    consumer, at = ConsumerCore(), subscription(most=4, least=2)
    joined(consumer, at)
    ask = Send("producer", Ask(at, 2))
    assert consumer.receive(Events(at, [1, 2, 3, 4])) == [
        Call("handle_events", ([1, 2],), at),
        ask,
        Call("handle_events", ([3, 4],), at),
        ask,
    ]


@pytest.mark.parametrize(("manual", "mode"), [(True, None), (True, "automatic"), (False, "manual")])
def test_manual(manual, mode):
    consumer, at = ConsumerCore(), subscription(manual=manual)
    assert joined(consumer, at, mode) == [Send("producer", Subscribe(at))]
    assert consumer.ask(at, 25) == [Send("producer", Ask(at, 25))]
    assert consumer.receive(Events(at, [1, 2])) == [Call("handle_events", ([1, 2],), at)]
    assert repr(consumer) == "<ConsumerCore [<Window 0/10: 23 outstanding>]>"


@pytest.mark.parametrize("stage", [ConsumerCore, ProducerConsumerCore])
def test_bad_manual_asks_change_nothing(stage):
    core, at = stage(), subscription(manual=True)
    joined(core, at)
    for count in (0, -1, 1.5):
        with pytest.raises(DemandError, match="expected the events asked for"):
            core.ask(at, count)
    with pytest.raises(DemandError, match="expected a subscription of this stage, got: <Subscription 0: other to"):
        core.ask(subscription("other"), 1)
    assert core.inlet.windows[at].outstanding == 0


@pytest.mark.parametrize("stage", [ConsumerCore, ProducerConsumerCore])
def test_bad_mode_changes_nothing(stage):
    core, at = stage(), subscription()
    with pytest.raises(ReturnError, match="expected handle_subscribe to return automatic, manual or None, got: 'slow'"):
        joined(core, at, "slow")
    assert core.inlet.windows == {}


@pytest.mark.parametrize("stage", [ConsumerCore, ProducerConsumerCore])
def test_events_of_a_stranger(stage):
    core, at = stage(), subscription()
    assert core.receive(Events(at, [1])) == [Send("producer", Cancel(at, "unknown subscription"))]
    assert core.in_hand() == []


@pytest.mark.parametrize("callback", ["handle_events", "handle_cast", "handle_call", "handle_cancel"])
def test_consumer_that_emits(callback):
    consumer, at = ConsumerCore(), subscription()
    joined(consumer, at)
    before = repr(consumer)
    result = ("fine", [1, 2]) if callback == "handle_call" else [1, 2]
    with pytest.raises(DemandError, match="expected a consumer to emit no events, got: 2"):
        consumer.returned(Call(callback, (), at), result)
    assert repr(consumer) == before
    with pytest.raises(DemandError, match="expected a consumer to emit no events, got: 3"):
        consumer.emit([1, 2, 3])


@pytest.mark.parametrize("callback", ["handle_events", "handle_cast", "handle_cancel"])
def test_consumer_that_returns_nonsense(callback):
    with pytest.raises(ReturnError, match=f"expected {callback} to return a list of events or None, got: 'hey'"):
        ConsumerCore().returned(Call(callback, ()), "hey")


@pytest.mark.parametrize("none", [None, [], ()])
def test_consumer_that_returns_nothing(none):
    for callback in ("handle_events", "handle_cast", "handle_cancel"):
        assert ConsumerCore().returned(Call(callback, ()), none) == []
    assert ConsumerCore().returned(Call("handle_call", (), "request"), (7, none)) == [Answer("request", 7)]


def stops(mode, reason):
    return mode == "permanent" or (mode == "transient" and reason not in ("normal", "shutdown"))


@pytest.mark.parametrize("stage", [ConsumerCore, ProducerConsumerCore])
@pytest.mark.parametrize("ending", [Cancel, Down])
@pytest.mark.parametrize(
    ("mode", "reason", "stop"),
    [
        ("permanent", "normal", True),
        ("permanent", "shutdown", True),
        ("permanent", CRASH, True),
        ("transient", "normal", False),
        ("transient", "shutdown", False),
        ("transient", CRASH, True),
        ("transient", "killed", True),
        ("temporary", "normal", False),
        ("temporary", CRASH, False),
    ],
)
def test_end_of_a_subscription(stage, ending, mode, reason, stop):
    core, at, other = stage(), subscription(cancel=mode), subscription(producer="other")
    joined(core, at)
    joined(core, other)
    message = ending(at, reason)
    kind = "cancel" if ending is Cancel else "down"
    call = Call("handle_cancel", ((kind, reason), at), message)
    assert core.receive(message) == [call, *([Stop(reason)] if stop else [])]
    assert core.returned(call, None) == []
    assert list(core.inlet.windows) == [other]
    assert core.receive(message) == []


def test_consumer_says_farewell():
    consumer, at, other = ConsumerCore(), subscription(), subscription(producer="other")
    joined(consumer, at)
    joined(consumer, other)
    assert consumer.farewell("shutdown") == [
        Send("producer", Down(at, "shutdown")),
        Send("other", Down(other, "shutdown")),
    ]
