"""The player in headless Chromium: crashes and restarts, the law of the ledger, the queue and its clock."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

import pytest

from palleto import TraceEvent

pytestmark = pytest.mark.browser


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch, events_of: Any) -> list[TraceEvent]:
    """The trace of step 5, whose first consumer fails at its second batch."""
    step5 = import_module("steps.step5")
    batches = []

    class Failing(step5.Consumer):
        async def handle_events(self, events: list[str]) -> None:
            batches.append(events)
            if len(batches) == 4:
                raise ValueError("hey is no file")
            await super().handle_events(events)

    monkeypatch.setattr(step5, "Consumer", Failing)
    return events_of(5)


def test_a_crash_and_a_restart_are_marked(failing, shown, read):
    page = shown(failing)
    crash = next(event for event in failing if event.kind == "crash")
    page.evaluate("index => palleto.go(index)", crash.seq)
    read(page)
    box = page.locator(f"#pane-pipeline .box[data-stage='{crash.stage}']")
    assert "✕ crashed" in box.text_content()
    assert "hey is no file" in box.text_content()
    assert "1 crash, 0 restarts" in page.locator("#lanes-words").text_content()
    restarts = [event for event in failing if event.kind == "restart"]
    page.keyboard.press("End")
    read(page)
    assert f"1 crash, {len(restarts)} restarts" in page.locator("#lanes-words").text_content()
    # The one that was started in its stead has its place: there are no more boxes than stages at a time.
    stages = page.locator("#pane-pipeline .box.stage").evaluate_all("all => all.map(box => box.dataset.stage)")
    assert len(stages) == 4
    assert {event.stage for event in restarts} <= set(stages)
    assert "↻ 1" in page.locator(f".box[data-stage='{restarts[0].stage}']").text_content()


def told(seq: int, t: float, state: str, receives: int, until: float | None, sent: int, name: str = "a") -> TraceEvent:
    data = {"state": state, "receives": receives, "until": until, "sent": sent}
    return TraceEvent(seq, t, "", "message", ids=(name,), data=data)


# What must be shown at each event: how many are deleted, in flight, visible and dead-lettered; message "a" in words.
REQUESTS = [  # of a queue on a server
    (TraceEvent(0, 0.0, "", "sent", ids=("k1", "k2", "k3")), [0, 0, 3, 0], None),
    (
        TraceEvent(1, 1.0, "#1", "receive", ids=("a", "b"), data={"counts": [1, 1], "visibility": 30.0}),
        [0, 2, 1, 0],
        "in flight, 30.0 s left|1 receive",
    ),
    (
        TraceEvent(2, 11.5, "c", "delete", ids=("b",), data={"deleted": 1, "failed": 0}),
        [1, 1, 1, 0],
        "in flight, 19.5 s left|1 receive",
    ),
    (TraceEvent(3, 31.0, "#1", "said", data={"text": "x"}), [1, 0, 2, 0], "visible again, timed out|1 receive"),
    (
        TraceEvent(4, 32.0, "#1", "receive", ids=("a",), data={"counts": [2], "visibility": 30.0}),
        [1, 1, 1, 0],
        "in flight, 30.0 s left|2 receives",
    ),
    (
        TraceEvent(5, 33.0, "", "visibility", ids=("a",), data={"seconds": [60]}),
        [1, 1, 1, 0],
        "in flight, 60.0 s left|2 receives",
    ),
    (TraceEvent(6, 34.0, "", "visibility", ids=("a",), data={"seconds": [0]}), [1, 0, 2, 0], "visible|2 receives"),
    (
        TraceEvent(7, 40.0, "", "queue", data={"visible": 1, "in_flight": 0, "dead_lettered": 1}),
        [1, 0, 1, 1],
        "visible|2 receives",
    ),
    (TraceEvent(8, 41.0, "#2", "dead_lettered", ids=("a",)), [1, 0, 1, 1], "dead-lettered|2 receives"),
    # an old trace does not say of what
    (TraceEvent(9, 42.0, "c", "delete", data={"deleted": 1, "failed": 0}), [2, 0, 0, 1], "dead-lettered|2 receives"),
]
TOLD = [  # by a simulated queue
    (told(0, 0.0, "visible", 0, None, 1), [0, 0, 1, 0], "visible|not received"),
    (told(1, 0.0, "visible", 0, None, 2, "b"), [0, 0, 2, 0], "visible|not received"),
    (told(2, 1.0, "in_flight", 1, 31.0, 2), [0, 1, 1, 0], "in flight, 30.0 s left|1 receive"),
    (told(3, 2.0, "deleted", 0, None, 2, "b"), [1, 1, 0, 0], "in flight, 29.0 s left|1 receive"),
    (TraceEvent(4, 31.0, "#1", "said", data={"text": "x"}), [1, 0, 1, 0], "visible again, timed out|1 receive"),
    (told(5, 32.0, "dead_lettered", 1, None, 2), [1, 0, 0, 1], "dead-lettered|1 receive"),
]


@pytest.mark.parametrize("script", [REQUESTS, TOLD], ids=["requests", "told"])
def test_the_queue_adds_up_and_has_a_clock(script, shown, read):
    page = shown([event for event, _, _ in script])
    for direction in ("ArrowRight", "ArrowLeft"):
        for event, counts, first in script if direction == "ArrowRight" else reversed(script):
            shown = read(page)["queue"]
            wanted = dict(zip(("deleted", "in flight", "visible", "dead-lettered"), counts, strict=True))
            assert {name: shown["parts"][name] for name in wanted} == wanted, f"{direction} at event {event.seq}"
            assert shown["total"] == sum(counts)
            message = page.locator(".message[data-id=a]")
            texts = message.locator(".state, .receives").all_text_contents() if first else []
            assert "|".join(texts) == (first or "")
            page.keyboard.press(direction)


def test_a_law_that_is_broken_is_told_from_its_event_on(shown, read):
    ledger = {"before": [0, 0, 0, 0], "after": [1, 1, 0, 0]}
    events = [
        TraceEvent(0, 0.0, "p", "subscribe", "c", ledger=ledger),
        TraceEvent(1, 0.0, "p", "ask", "c", ledger=ledger, data={"count": 1}),
        TraceEvent(2, 0.5, "p", "emitted", "c", ("a", "b"), ledger=ledger),
        TraceEvent(3, 0.5, "p", "law", ledger=ledger, data={"text": "p is wrong"}),
    ]
    page = shown(events)
    told = []
    for _ in events:
        told.append(page.locator(".law").inner_text())
        page.keyboard.press("ArrowRight")
        read(page)
    assert [("✕" in text, "since event 2" in text) for text in told] == [(False, False)] * 2 + [(True, True)] * 2
    assert read(page)["law"] is False
    assert re.search(r"was sent 2 events and had asked for 1", told[-1])
