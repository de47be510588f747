"""The producer-consumer's machine: it handles only while somebody below wants events."""

import pytest
from core_messages import (
    CRASH,
    AtOnce,
    ask,
    back,
    cancel,
    ends,
    enter,
    events,
    handle,
    joined,
    made,
    subscribe,
    subscription,
    tell,
)

from palleto.core import (
    ASK,
    CANCEL,
    CAST,
    DOWN,
    EMIT,
    EVENTS,
    SUBSCRIBE,
    Buffer,
    Ledger,
    ProducerConsumerCore,
)


def between(most=10, least=0, asked=0, mode="permanent", manual=False, **settings):
    """A producer-consumer with a subscription above, and one below that has asked for that many."""
    stage = made(ProducerConsumerCore, **settings)
    above = subscription("stage", "above", most, least, cancel=mode, manual=manual)
    below = subscription("below", "stage")
    assert joined(stage, above) == [subscribe(above), *([] if manual else [ask(above, most)])]
    assert enter(stage, below) == []
    if asked:
        assert tell(stage, ASK, below, asked) == []  # demand from below is not told, it lets batches through
    return stage, above, below


def test_handles_only_while_somebody_wants_events():
    stage, above, below = between(most=1)
    assert tell(stage, EVENTS, above, ["file"]) == []
    assert stage.in_hand() == ["file"]
    assert tell(stage, ASK, below, 1) == [handle(["file"])]
    assert stage.ledger() == Ledger(remembered=1, demand=1)
    assert back(stage, ["lines"]) == [events(below, ["lines"]), ask(above, 1)]
    assert stage.ledger() == Ledger()
    assert stage.in_hand() == []


def test_waits_behind_what_waits_though_somebody_wants_it():
    """The end of one subscription waits for the buffer; what comes of another must not overtake it."""
    stage, above, below = between(most=4, asked=1, mode="temporary")
    other = subscription("stage", "other")
    joined(stage, other)
    tell(stage, EVENTS, above, [1])
    assert back(stage, ["a", "b"]) == [events(below, ["a"])]
    assert tell(stage, DOWN, above, "normal") == tell(stage, EVENTS, other, [2]) == []
    assert tell(stage, ASK, below, 2) == [events(below, ["b"]), ends("down", above, "normal")]
    assert stage.in_hand() == [2]
    assert back(stage) == [handle([2])]


def test_more_than_wanted_waits_in_the_buffer():
    stage, above, below = between(most=1, asked=2)
    assert tell(stage, EVENTS, above, ["file"]) == [handle(["file"])]
    assert back(stage, [*"abcde"]) == [events(below, ["a", "b"]), ask(above, 1)]
    assert stage.ledger() == Ledger(buffered=3)
    assert tell(stage, EVENTS, above, ["next"]) == []
    assert stage.in_hand() == ["c", "d", "e", "next"]
    assert tell(stage, ASK, below, 3) == [events(below, ["c", "d", "e"])]
    assert tell(stage, ASK, below, 1) == [handle(["next"])]


def test_buffer_has_no_bound_unless_given():
    stage, above, below = between(most=1, asked=1)
    tell(stage, EVENTS, above, ["file"])
    assert back(stage, [*range(20_001)]) == [events(below, [0]), ask(above, 1)]
    assert stage.ledger() == Ledger(buffered=20_000)
    stage, above, below = between(most=1, asked=1, buffer=Buffer(size=1))
    tell(stage, EVENTS, above, ["file"])
    assert back(stage, [1, 2, 3]) == [events(below, [1]), ("lose", [2], "the buffer was full"), ask(above, 1)]
    assert stage.ledger() == Ledger(buffered=1, dropped=1)


def test_asks_no_more_of_one_that_went():
    stage, above, below = between(most=1, mode="temporary")
    tell(stage, EVENTS, above, ["file"])
    assert tell(stage, DOWN, above, CRASH) == []
    assert tell(stage, CANCEL, above, "again") == []  # it ends once
    assert tell(stage, ASK, below, 1) == [handle(["file"])]
    assert back(stage, ["lines"]) == [events(below, ["lines"]), ends("down", above, CRASH)]
    assert back(stage) == []


@pytest.mark.parametrize("kind", [CANCEL, DOWN])
def test_end_of_one_below(kind):
    stage, above, below = between(asked=3)
    assert tell(stage, kind, below, "bye") == [ends(kind, below, "bye")]
    assert back(stage) == ([cancel("below", below, "bye")] if kind == CANCEL else [])
    assert tell(stage, EVENTS, above, [1]) == []
    assert stage.ledger() == Ledger()


def test_farewell_is_said_above_and_below():
    """By the consuming side and by the producing one, to each of its subscriptions."""
    stage, above, below = between()
    above_too, below_too = subscription("stage", "above, too"), subscription("below, too", "stage")
    joined(stage, above_too)
    enter(stage, below_too)
    stage.farewell(CRASH)
    assert stage.port.read() == [
        *(("send", at.producer, (DOWN, at, CRASH)) for at in (above, above_too)),
        *(("send", at.consumer, (DOWN, at, CRASH)) for at in (below, below_too)),
    ]


def test_producer_consumer_repr():
    stage, *_ = between(asked=3)
    assert repr(stage) == "<ProducerConsumerCore remembers 3, 3 outstanding, 0 buffered>"


def test_end_of_one_above_waits_for_what_came_of_its_events():
    stage, above, below = between(asked=1)
    assert tell(stage, EVENTS, above, [1]) == [handle([1])]
    # Two events come of the one, and only one of them was asked for: the other must not be lost by the stop.
    assert back(stage, ["a", "b"]) == [events(below, ["a"])]
    assert tell(stage, DOWN, above, "normal") == []
    assert tell(stage, ASK, below, 1) == [events(below, ["b"]), ends("down", above, "normal")]
    assert back(stage) == [("stop", "normal")]


def test_end_of_one_above_comes_though_nobody_is_left_to_take_the_buffer():
    stage, above, below = between(asked=1)
    tell(stage, EVENTS, above, [1])
    back(stage, ["a", "b"])
    assert tell(stage, DOWN, above, "normal") == []
    assert tell(stage, DOWN, below, "normal") == [ends("down", below, "normal")]
    assert back(stage) == [ends("down", above, "normal")]
    assert back(stage) == [("stop", "normal")]
    assert stage.in_hand() == ["b"]


def test_what_handle_cancel_returns_goes_on_before_the_stage_stops():
    stage, above, below = between(asked=1)
    assert tell(stage, DOWN, above, CRASH) == [ends("down", above, CRASH)]
    assert back(stage, ["a", "b"]) == [events(below, ["a"])]
    assert tell(stage, CAST, None, "news") == [("call", "handle_cast", "news")]
    assert back(stage) == []
    assert tell(stage, ASK, below, 1) == [events(below, ["b"]), ("stop", CRASH)]


def test_what_handle_cancel_returns_does_not_keep_a_stage_that_nobody_listens_to():
    stage, above, below = between()
    tell(stage, DOWN, above, "normal")
    assert back(stage, ["a"]) == []
    tell(stage, CANCEL, below, "normal")
    assert back(stage)[-1] == ("stop", "normal")
    assert stage.in_hand() == ["a"]


def test_all_that_is_due_is_done_at_once():
    """Two ends wait for the buffer; the ask that empties it ends both, before the next message."""
    stage, below = ProducerConsumerCore(AtOnce()), subscription("below", "stage")
    first, second = (subscription("stage", name, cancel="temporary") for name in ("first", "second"))
    stage.subscribe(first)
    stage.subscribe(second)
    tell(stage, SUBSCRIBE, below)
    tell(stage, EMIT, None, ["x"])
    assert tell(stage, DOWN, first, "normal") == tell(stage, DOWN, second, "normal") == []
    assert tell(stage, ASK, below, 1) == [
        events(below, ["x"]),
        ends("down", first, "normal"),
        ends("down", second, "normal"),
    ]
