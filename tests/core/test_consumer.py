"""The consumer's machine, and what it shares with the producer-consumer's."""

import pytest
from core_messages import CRASH, ask, back, cancel, ends, handle, joined, made, subscribe, subscription, tell

from palleto.core import CALL, CANCEL, CAST, DOWN, EVENTS, ConsumerCore, ProducerConsumerCore, Terms
from palleto.errors import DemandError, ReturnError

both = pytest.mark.parametrize("machine", [ConsumerCore, ProducerConsumerCore])


def consuming(machine=ConsumerCore, **settings):
    """A machine with one subscription that it has made."""
    core, at = made(machine), subscription(**settings)
    joined(core, at)
    return core, at


def test_batches_and_asks_alternate():
    consumer, at = consuming(most=4, least=2)
    assert tell(consumer, EVENTS, at, [1, 2, 3, 4]) == [handle([1, 2])]
    assert consumer.in_hand() == [1, 2, 3, 4]
    assert back(consumer) == [ask(at, 2), handle([3, 4])]
    assert back(consumer) == [ask(at, 2)]


@pytest.mark.parametrize(("manual", "mode"), [(True, None), (True, "automatic"), (False, "manual")])
def test_manual(manual, mode):
    consumer, at = made(ConsumerCore), subscription(manual=manual)
    assert joined(consumer, at, mode) == [subscribe(at)]
    consumer.ask(at, 25)
    assert consumer.port.read() == [ask(at, 25)]
    assert tell(consumer, EVENTS, at, [1, 2]) == [handle([1, 2])]
    assert back(consumer) == []
    assert repr(consumer) == "<ConsumerCore [<Window 0/10: 23 outstanding>]>"


def test_resize_asks_where_the_window_has_fallen_low_enough():
    consumer, full = consuming(most=10, least=5)
    low = subscription(producer="other", most=4)
    joined(consumer, low)
    by_hand = subscription(producer="third", manual=True)
    joined(consumer, by_hand)
    consumer.resize(Terms(max_demand=12, min_demand=4))
    assert consumer.port.read() == [ask(low, 8)]
    assert repr(consumer) == (
        "<ConsumerCore [<Window 4/12: 10 outstanding>, <Window 4/12: 12 outstanding>, <Window 4/12: 0 outstanding>]>"
    )
    assert tell(consumer, EVENTS, full, [*range(9)]) == [handle([*range(8)])]  # 12 - 4 at a time


@both
def test_wishes_to_end(machine):
    core, at = consuming(machine)
    core.cancel(at, "enough")
    assert core.port.read() == [cancel("producer", at, "enough")]
    assert tell(core, CANCEL, at, "enough") == [ends("cancel", at, "enough")]


@both
def test_bad_manual_asks_change_nothing(machine):
    core, at = consuming(machine, manual=True)
    for count in (0, -1, 1.5, True, None):
        with pytest.raises(DemandError, match="expected the events asked for to be a whole number of 1 or more, got: "):
            core.ask(at, count)
    with pytest.raises(DemandError, match="expected a subscription of this stage, got: <Subscription 0: other to"):
        core.ask(subscription("other"), 1)
    assert core.windows[at].outstanding == 0
    assert core.port.read() == []


@both
def test_bad_mode_changes_nothing(machine):
    core, at = made(machine), subscription()
    with pytest.raises(ReturnError, match="expected handle_subscribe to return automatic, manual or None, got: 'slow'"):
        joined(core, at, "slow")
    assert core.windows == {}
    assert core.port.read() == []


@both
def test_a_stranger_changes_nothing(machine):
    core, at = made(machine), subscription()
    assert tell(core, EVENTS, at, [1]) == [cancel("producer", at, "unknown subscription")]
    assert tell(core, CANCEL, at, "normal") == tell(core, DOWN, at, "normal") == []
    assert core.in_hand() == []
    assert list(core.waiting) == []


def stops(mode, reason):
    return mode == "permanent" or (mode == "transient" and reason not in ("normal", "shutdown"))


@both
@pytest.mark.parametrize("kind", [CANCEL, DOWN])
@pytest.mark.parametrize("reason", ["normal", "shutdown", "killed", CRASH])
@pytest.mark.parametrize("mode", ["permanent", "transient", "temporary"])
def test_end_of_a_subscription(machine, kind, mode, reason):
    core, at = consuming(machine, cancel=mode)
    other = subscription(producer="other")
    joined(core, other)
    assert tell(core, kind, at, reason) == [ends(kind, at, reason)]
    assert back(core) == ([("stop", reason)] if stops(mode, reason) else [])
    assert list(core.windows) == [other]
    assert core.in_hand() == tell(core, kind, at, reason) == []
    assert tell(core, EVENTS, other, [1]) in ([handle([1])], [])  # a producer-consumer waits for demand


@pytest.mark.parametrize("kind", [EVENTS, CAST, CANCEL, CALL])
def test_consumer_that_emits(kind):
    consumer, at = consuming()
    tell(consumer, kind, at, [1])
    with pytest.raises(DemandError, match="expected a consumer to emit no events, got: 2"):
        back(consumer, ("reply", [1, 2]) if kind == CALL else [1, 2])
    lost = [2] if kind == EVENTS else [1, 2]  # the 1 is in hand; a call has no answer either
    assert consumer.port.read() == [("lose", lost, "expected a consumer to emit no events, got: 2")]
    assert consumer.in_hand() == ([1] if kind == EVENTS else [])
    with pytest.raises(DemandError, match="expected a consumer to emit no events, got: 3"):
        consumer.emit([1, 2, 3])
