"""The player in headless Chromium: above the code stand the acting stage's argument and the numbers that it shows."""

from __future__ import annotations

import pytest

from palleto import TraceEvent
from palleto.lab.player import Player

pytestmark = pytest.mark.browser

WALK = """() => Array.from({length: palleto.trace.count}, (_, index) => {
    palleto.go(index);
    palleto.draw();
    return [document.querySelector(".values .call").textContent,
        [...document.querySelectorAll(".values .value")].map((value) => value.textContent)];
})"""


@pytest.fixture
def walked(opened, tmp_path):
    """Gives what stands above the code at each event of a trace: the callback, and the numbers."""

    def walk(trace: list[TraceEvent]) -> list[tuple[str, list[str]]]:
        page = opened(Player(trace).save(tmp_path / "t.html").as_uri())
        return [(call, numbers) for call, numbers in page.evaluate(WALK)]

    return walk


def owing(trace: list[TraceEvent]) -> dict[int, int]:
    """What step 5's producer owes at each event that tells of it, counted from its demand and what was cast to it."""
    owed, told = 0, {}
    for event in trace:
        if event.kind == "handle_demand":
            owed += event.data["count"]
        elif event.kind == "handle_cast":
            owed = max(0, owed - len(event.data["carried"]))
        elif event.kind == "shown" and "owed" in event.data:
            told[event.seq] = owed
    return told


def test_the_numbers_are_those_of_the_trace_at_every_event(events_of, walked):
    trace = events_of(5, 7)
    shown, counted = walked(trace), owing(trace)
    assert len(counted) > 5
    last: dict[str, int] = {}
    open_ = ""  # the callback that the producer is in
    for event, (_, numbers) in zip(trace, shown, strict=True):
        if event.kind == "shown":
            ((name, value),) = event.data.items()
            assert counted.get(event.seq, value) == value
            was = last.get(name, value)
            assert numbers == [f"{name} = {value}" if was == value else f"{name} = {was} → {value}"]
            last[name], open_ = value, ""
        elif event.stage == "SQS.Producer" and last:
            open_ = event.kind if event.kind.startswith("handle_") or event.kind == "ask" else open_
            before = " before" if open_ else ""
            told = [f"{name} = {last[name]}{before}" for name in ("owed", "wanted") if name in last]
            assert [number.removeprefix("SQS.Server ") for number in numbers] == told, event
            assert [number for number in numbers if "wanted" in number] == [f"SQS.Server {told[-1]}"]
        elif event.stage.startswith("#") and event.kind == "waits":
            assert numbers == [f"SQS.Server wanted = {last['wanted']} last told"]


def test_the_argument_is_that_of_the_callback_in_the_steps_own_words(events_of, walked):
    trace = events_of(9, 7)
    shown = walked(trace)
    met = set()
    for number, event in enumerate(trace):
        call, _ = shown[number]
        if event.kind == "handle_demand":
            assert call == f"handle_demand(demand = {event.data['count']})"
        elif event.kind in ("handle_events", "handled"):
            files = ", ".join(name.rpartition("/")[2] for name in event.ids)
            word = "events" if event.stage.endswith("ProducerConsumer") else "downloads"
            assert call == f"handle_events({word} = {len(event.ids)} event{'s' * (len(event.ids) != 1)}: {files})"
        elif event.kind == "handle_cast":
            files = [name.rpartition("/")[2] for name in event.data["carried"]]
            said = f"{len(files)} event{'s' * (len(files) != 1)}: {', '.join(files[:3])}{', …' * (len(files) > 3)}"
            assert call == f"handle_cast(message = enqueue, {said})"
        elif event.kind == "waits" and event.stage.startswith("#"):
            assert call == "Server.loop()"
        elif event.kind in ("started", "stopped") and not event.stage.startswith("#"):
            continue
        met.add(event.kind)
    assert met >= {"handle_demand", "handle_events", "handled", "handle_cast", "waits"}


def test_what_a_callback_says_stands_beside_its_argument(events_of, walked):
    trace = events_of(5, 7)
    shown = walked(trace)
    begun = None
    for event, (call, _) in zip(trace, shown, strict=True):
        if event.stage == "SQS.Producer" and event.kind == "handle_demand":
            begun = event
        elif event.kind == "said" and event.data["text"].startswith("Asking for "):
            assert call == f"handle_demand(demand = {begun.data['count']})"
        elif event.kind == "started" and not event.stage.startswith("#"):
            assert call == "in no callback"
    assert begun is not None


def test_a_crash_stands_beside_its_argument_and_a_restart_begins_anew(walked):
    made = [
        ("started", {}),
        ("shown", {"owed": 0}),
        ("handle_demand", {"count": 10}),
        ("shown", {"owed": 10}),
        ("handle_demand", {"count": 5}),
        ("crash", {"reason": "ValueError"}),
        ("started", {}),
        ("restart", {}),
        ("shown", {"owed": 0}),
        ("handle_cast", {}),
    ]
    shown = walked([TraceEvent(seq, 0.0, "P", kind, data=data) for seq, (kind, data) in enumerate(made)])
    call, idle = "handle_demand(demand = {})".format, "in no callback"
    assert shown == [
        (idle, []),
        (idle, ["owed = 0"]),
        (call(10), ["owed = 0 before"]),
        (call(10), ["owed = 0 → 10"]),
        (call(5), ["owed = 10 before"]),
        (call(5), ["owed = 10 before"]),
        (idle, []),
        (idle, []),
        (idle, ["owed = 0"]),
        ("handle_cast(message)", ["owed = 0 before"]),
    ]


def test_a_step_without_numbers_has_one_line_and_a_trace_without_callbacks_says_so(events_of, opened, tmp_path):
    page = opened(Player(events_of(1, 7)).save(tmp_path / "1.html").as_uri())
    one = page.locator(".values").bounding_box()["height"]
    assert page.locator(".values .numbers").text_content() == ""
    page = opened(Player(events_of(5, 7)).save(tmp_path / "5.html").as_uri())
    assert page.locator(".values").bounding_box()["height"] > one
    page = opened(Player([TraceEvent(0, 0.0, "a", "said", data={"text": "x"})]).save(tmp_path / "0.html").as_uri())
    assert page.locator(".values .call").text_content() == "in no callback"
