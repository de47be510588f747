"""Where the messages are: each in one place, on a server and on a simulated queue, whatever order requests come in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palleto.replay import Messages
from palleto.replay import messages as module
from palleto.trace import TraceEvent


def event(t: float, kind: str, *ids: str, **data: Any) -> TraceEvent:
    return TraceEvent(0, t, "", kind, ids=ids, data=data)


def received(t: float, *ids: str, hidden: float | None = 30.0, names: Any = None) -> TraceEvent:
    names = [[f"k{name}"] for name in ids] if names is None else names
    return event(t, "receive", *ids, counts=[1] * len(ids), visibility=hidden, names=names)


def deleted(t: float, *ids: str, count: int | None = None) -> TraceEvent:
    return event(t, "delete", *ids, deleted=len(ids) if count is None else count, failed=0)


def told(t: float, name: str, state: str, until: float | None = None) -> TraceEvent:
    return event(t, "message", name, state=state, receives=1, until=until, sent=1)


def parts(*events: TraceEvent) -> list[int]:
    messages = Messages()
    for one in events:
        list(messages.add(one))
    return list(messages.parts.values())


SENT = event(0, "sent", "ka", "kb", "kc")


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ([SENT], [0, 0, 3, 0]),
        ([SENT, received(1, "a", "b")], [0, 2, 1, 0]),
        ([SENT, received(1, "a", "b"), deleted(2, "a")], [1, 1, 1, 0]),
        ([SENT, received(1, "a"), received(32, "a")], [0, 1, 2, 0]),
        ([SENT, received(1, "a"), event(31, "said", text="x")], [0, 0, 3, 0]),
        ([SENT, received(1, "a", hidden=None), event(99, "said", text="x")], [0, 1, 2, 0]),
        ([SENT, received(1, "a"), event(2, "visibility", "a", seconds=[60]), event(40, "said")], [0, 1, 2, 0]),
        ([SENT, received(1, "a"), event(2, "visibility", "a", seconds=[0])], [0, 0, 3, 0]),
        ([SENT, received(1, "a"), event(2, "visibility", "a", seconds=[0], refused=["a"])], [0, 1, 2, 0]),
        ([SENT, received(1, "a"), deleted(2, "a"), event(3, "visibility", "a", seconds=[9])], [1, 0, 2, 0]),
        ([SENT, received(1, "a"), event(40, "dead_lettered", "a")], [0, 0, 2, 1]),
        # A message that was received twice is deleted by both its receipts: SQS says "done" each time.
        ([SENT, received(1, "a"), received(32, "a"), deleted(33, "a"), deleted(34, count=1)], [1, 0, 2, 0]),
        ([SENT, received(1, "a"), deleted(2, "a"), received(3, "a")], [0, 1, 2, 0]),
        # S3's own message names no file.
        ([SENT, received(1, "t", names=[[]]), deleted(2, "t")], [1, 0, 3, 0]),
        # Messages of a run before, which nobody of this one has sent.
        ([received(1, "x", "y"), deleted(2, "x")], [1, 1, 0, 0]),
        # What the place counts is older than the answers around it; of the dead only those of this run count.
        ([SENT, received(1, "a"), deleted(2, "a"), event(2, "queue", visible=2, in_flight=1, dead_lettered=0)],
         [1, 0, 2, 0]),
        ([event(0, "queue", visible=0, in_flight=0, dead_lettered=7), SENT,
          event(9, "queue", visible=2, in_flight=0, dead_lettered=8)], [0, 0, 2, 1]),
        # An old trace does not say what was deleted.
        ([SENT, deleted(2, count=2)], [2, 0, 1, 0]),
        ([told(0, "a", "visible"), told(1, "a", "in_flight", 31.0)], [0, 1, 0, 0]),
        ([told(1, "a", "in_flight", 31.0), event(31, "said")], [0, 0, 1, 0]),
        ([told(1, "a", "in_flight", 31.0), told(2, "a", "deleted"), event(31, "said")], [1, 0, 0, 0]),
        ([told(0, "a", "delayed", 5.0)], [0, 0, 0, 0]),
        ([told(0, "a", "delayed", 5.0), event(5, "said")], [0, 0, 1, 0]),
        ([told(0, "a", "dead_lettered"), SENT, received(1, "a"), deleted(2, "a")], [0, 0, 0, 1]),
    ],
)  # fmt: skip
def test_where_they_are(events: list[TraceEvent], found: list[int]):
    assert parts(*events) == found


def test_a_message_that_comes_back_changes_its_place_when_its_time_is_over():
    messages = Messages()
    assert list(messages.add(received(1, "a", hidden=5.0))) == [1]
    assert list(messages.add(received(2, "b", hidden=2.0))) == [2]
    back = []
    for t in messages.add(received(9, "c")):
        back.append((t, messages.parts["visible"]))
    assert back == [(4, 1), (6, 2), (9, 2)]


def test_those_that_are_gone_are_forgotten_one_day_and_still_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "REMEMBERED", 10)
    messages = Messages()
    for n in range(100):
        for one in (received(n, str(n)), deleted(n, str(n))):
            list(messages.add(one))
    assert messages.parts == {"deleted": 100, "in flight": 0, "visible": 0, "dead-lettered": 0}
    assert len(messages._places) <= 10


NAMES = st.lists(st.sampled_from("abcdef"), max_size=4, unique=True)
KINDS = st.one_of(
    st.tuples(st.just("receive"), NAMES),
    st.tuples(st.just("delete"), NAMES),
    st.tuples(st.just("dead_lettered"), NAMES),
    st.tuples(st.just("visibility"), NAMES),
    st.tuples(st.just("queue"), st.just([])),
)


@given(st.lists(st.tuples(st.floats(0, 40), KINDS), max_size=30), st.integers(6, 20))
def test_the_parts_add_up_to_what_was_sent(steps: list[Any], files: int):
    """Sent = deleted + visible + in flight + dead-lettered, at every event, in whatever order they come."""
    messages = Messages()
    list(messages.add(event(0, "sent", *(f"k{n}" for n in range(files)))))
    now = 0.0
    for wait, (kind, names) in steps:
        now += wait
        data = {
            "receive": {"counts": [1] * len(names), "visibility": 30.0, "names": [[f"k{name}"] for name in names]},
            "delete": {"deleted": len(names) + 1},  # one of them is deleted already, and does not name itself
            "visibility": {"seconds": [7] * len(names)},
            "queue": {"visible": 99, "in_flight": 99, "dead_lettered": 2},
        }.get(kind, {})
        if kind == "delete" and not messages._places:
            continue
        for _ in messages.add(event(now, kind, *names, **data)):
            assert sum(messages.parts.values()) == files
            assert min(messages.parts.values()) >= 0
