"""The producer-consumer's core: it handles only while somebody below wants events."""

from core_messages import CRASH, enter, events, handle, joined, subscription

from palleto.core import (
    Ask,
    Buffer,
    Cancel,
    Down,
    Drop,
    Events,
    Ledger,
    ProducerConsumerCore,
    Send,
    Stop,
    Subscribe,
)


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
