import pytest

from palleto.buffer import Buffer
from palleto.core import ConsumerCore, Ledger, ProducerConsumerCore, ProducerCore
from palleto.demand import Terms
from palleto.dispatch import BroadcastDispatcher, PartitionDispatcher
from palleto.errors import DemandError, ReturnError
from palleto.messages import (
    Answer,
    Ask,
    Call,
    Cancel,
    Cast,
    Down,
    Drop,
    Events,
    Request,
    Send,
    Stop,
    Subscribe,
    Subscription,
)

CRASH = RuntimeError("crash")


def subscription(consumer="consumer", producer="producer", most=10, least=0, **settings):
    return Subscription(producer, consumer, Terms(max_demand=most, min_demand=least, **settings))


def enter(producer, to, result=None):
    """`to` subscribes to the producer; what the producer does about it."""
    (call,) = producer.receive(Subscribe(to))
    assert (call.callback, call.args) == ("handle_subscribe", ("consumer", to))
    return producer.returned(call, result)


def entered(producer, *asks):
    """A subscription of consumer a, b, ... for each number, which asks for that many."""
    subscriptions = [subscription("abcdefgh"[at]) for at in range(len(asks))]
    for to, count in zip(subscriptions, asks, strict=True):
        assert enter(producer, to) == []
        if count:
            producer.receive(Ask(to, count))
    return subscriptions


def joined(stage, at, mode=None):
    """The stage subscribes; what it does about it."""
    (call,) = stage.subscribe(at)
    assert (call.callback, call.args) == ("handle_subscribe", ("producer", at))
    return stage.returned(call, mode)


def demand(count):
    return Call("handle_demand", (count,))


def events(to, batch):
    return Send(to.consumer, Events(to, batch))


def handle(effect):
    """The events of a Call(handle_events)."""
    assert effect.callback == "handle_events"
    return [*effect.args[0]]


# ---- producer --------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("none", [None, [], ()])
def test_nothing_to_emit(none):
    producer = ProducerCore()
    entered(producer, 3)
    assert producer.returned(demand(3), none) == []
    assert producer.ledger() == Ledger(3, 3)


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


# ---- consumer --------------------------------------------------------------------------------------------------


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


# ---- producer-consumer -----------------------------------------------------------------------------------------


def between(most=10, least=0, asked=0, **settings):
    """A producer-consumer with a subscription above, and one below that has asked for that many."""
    stage = ProducerConsumerCore(**settings)
    above, below = subscription("stage", "above", most, least), subscription("below", "stage")
    assert joined(stage, above) == [Send("above", Subscribe(above)), Send("above", Ask(above, most))]
    enter(stage, below)
    if asked:
        assert stage.receive(Ask(below, asked)) == []  # demand from below is not told, it lets batches through
    return stage, above, below


def test_handles_only_while_somebody_wants_events():
    stage, above, below = between(most=1)
    assert stage.receive(Events(above, ["file"])) == []
    assert stage.in_hand() == ["file"]
    (call,) = stage.receive(Ask(below, 1))
    assert handle(call) == ["file"]
    assert stage.ledger() == Ledger(remembered=1, demand=1)
    assert stage.returned(call, ["lines"]) == [events(below, ["lines"]), Send("above", Ask(above, 1))]
    assert stage.ledger() == Ledger()
    assert stage.in_hand() == []


def test_one_batch_at_a_time():
    stage, above, below = between(most=4, least=2, asked=3)
    (first,) = stage.receive(Events(above, [1, 2, 3, 4]))
    assert handle(first) == [1, 2]
    assert stage.receive(Ask(below, 1)) == []
    passed, ask, second = stage.returned(first, [10, 20])
    assert (passed, ask) == (events(below, [10, 20]), Send("above", Ask(above, 2)))
    assert handle(second) == [3, 4]
    assert stage.returned(second, [30, 40]) == [events(below, [30, 40]), Send("above", Ask(above, 2))]
    assert stage.ledger() == Ledger()


def test_waits_when_nobody_wants_more():
    stage, above, below = between(most=2, least=1, asked=1)
    (first,) = stage.receive(Events(above, [1, 2]))
    assert stage.returned(first, [10]) == [events(below, [10]), Send("above", Ask(above, 1))]
    assert stage.in_hand() == [2]
    (second,) = stage.receive(Ask(below, 1))
    assert handle(second) == [2]


def test_more_than_wanted_waits_in_the_buffer():
    stage, above, below = between(most=1, asked=2)
    (call,) = stage.receive(Events(above, ["file"]))
    assert stage.returned(call, [*"abcde"]) == [events(below, ["a", "b"]), Send("above", Ask(above, 1))]
    assert stage.ledger() == Ledger(buffered=3)
    assert stage.receive(Events(above, ["next"])) == []
    assert stage.in_hand() == ["c", "d", "e", "next"]
    assert stage.receive(Ask(below, 3)) == [events(below, ["c", "d", "e"])]
    (call,) = stage.receive(Ask(below, 1))
    assert handle(call) == ["next"]


def test_nothing_to_pass_on():
    stage, above, below = between(most=1, asked=5)
    (call,) = stage.receive(Events(above, ["bad file"]))
    assert stage.returned(call, []) == [Send("above", Ask(above, 1))]
    assert stage.ledger() == Ledger(remembered=5, demand=5)
    assert below in stage.outlet.dispatcher.outstanding


def test_buffer_has_no_bound_unless_given():
    stage, above, _ = between(most=1, asked=1)
    (call,) = stage.receive(Events(above, ["file"]))
    assert len(stage.returned(call, [*range(20_001)])) == 2
    assert stage.ledger() == Ledger(buffered=20_000)
    stage, above, below = between(most=1, asked=1, buffer=Buffer(size=1))
    (call,) = stage.receive(Events(above, ["file"]))
    assert stage.returned(call, [1, 2, 3]) == [events(below, [1]), Drop([2]), Send("above", Ask(above, 1))]


def test_buffered_casts_go_first():
    stage, above, below = between(most=1)
    assert stage.emit(["early"]) == []
    assert stage.receive(Events(above, ["file"])) == []
    assert stage.receive(Ask(below, 1)) == [events(below, ["early"])]
    (call,) = stage.receive(Ask(below, 1))
    assert handle(call) == ["file"]


def test_asks_no_more_of_one_that_went():
    stage = ProducerConsumerCore()
    above, below = subscription("stage", "above", 1, cancel="temporary"), subscription("below", "stage")
    joined(stage, above)
    enter(stage, below)
    stage.receive(Events(above, ["file"]))
    assert stage.receive(Down(above, CRASH)) == []
    (call,) = stage.receive(Ask(below, 1))
    assert handle(call) == ["file"]
    sent, ended = stage.returned(call, ["lines"])
    assert sent == events(below, ["lines"])
    assert ended.callback == "handle_cancel"


def test_end_of_one_below():
    stage, above, below = between(asked=3)
    (call,) = stage.receive(Cancel(below, "bye"))
    assert call.args == (("cancel", "bye"), below)
    assert stage.returned(call, None) == [Send("below", Cancel(below, "bye"))]
    assert stage.receive(Events(above, [1])) == []
    assert stage.ledger() == Ledger()


def test_handle_cancel_of_one_above_may_emit():
    stage = ProducerConsumerCore()
    above, below = subscription("stage", "above", cancel="temporary"), subscription("below", "stage")
    joined(stage, above)
    enter(stage, below)
    stage.receive(Ask(below, 2))
    (call,) = stage.receive(Cancel(above, "normal"))
    assert stage.returned(call, ["last"]) == [events(below, ["last"])]


def test_manual_producer_consumer():
    stage = ProducerConsumerCore()
    above, below = subscription("stage", "above", manual=True), subscription("below", "stage")
    assert joined(stage, above) == [Send("above", Subscribe(above))]
    enter(stage, below)
    stage.receive(Ask(below, 5))
    assert stage.ask(above, 2) == [Send("above", Ask(above, 2))]
    (call,) = stage.receive(Events(above, [1, 2]))
    assert stage.returned(call, [1, 2]) == [events(below, [1, 2])]


def test_producer_consumer_says_farewell():
    stage, above, below = between()
    assert stage.farewell(CRASH) == [Send("above", Down(above, CRASH)), Send("below", Down(below, CRASH))]


def test_producer_consumer_repr():
    stage, *_ = between(asked=3)
    assert repr(stage) == "<ProducerConsumerCore remembers 3, 3 outstanding, 0 buffered>"


def test_end_of_upstream_waits_behind_its_events():
    stage = ProducerConsumerCore()
    above, below = subscription("stage", "above", 10), subscription("below", "stage")
    joined(stage, above)
    stage.receive(Events(above, [1]))
    assert stage.receive(Down(above, "normal")) == []
    enter(stage, below)
    (call,) = stage.receive(Ask(below, 1))
    # Two events come of the one, and only one of them was asked for: the other must not be lost by the stop.
    assert stage.returned(call, ["a", "b"]) == [events(below, ["a"])]
    sent, ended, stop = stage.receive(Ask(below, 1))
    assert sent == events(below, ["b"])
    assert (ended.callback, stop) == ("handle_cancel", Stop("normal"))
