"""The player in headless Chromium: keys are pressed, the panes are read and checked against the trace.

What each pane must show is counted here once more, from the trace and in Python, by other means than the player's; of
the queue, `test_player_queue.py` tells it.
"""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from palleto import TraceEvent
from palleto.lab.player import Player

pytestmark = pytest.mark.browser


# ---- what the panes must show, counted from the trace


def expected(trace: list[TraceEvent], index: int) -> dict[str, Any]:
    """What `read_player.js` reads at that event."""
    past, now = trace[: index + 1], trace[index]
    accounts: dict[tuple[str, str], list[int]] = {}
    ledgers, standing = {}, {}
    gone: set[tuple[str, str]] = set()
    for event in past:
        pair = (event.stage, event.peer or "")
        if event.kind == "subscribe":
            accounts[pair] = [0, 0]
            gone.discard(pair)
        elif event.kind == "ask":
            accounts[pair][0] += event.data["count"]
        elif event.kind == "emitted" and pair in accounts:
            accounts[pair][1] += len(event.ids)
        elif event.kind in ("down", "cancel"):
            gone.update({pair, pair[::-1]} & accounts.keys())
        if event.ledger:
            ledgers[event.stage] = event.ledger["after"]
        if event.line:
            standing[event.stage] = event.line
    living = {pair: both for pair, both in accounts.items() if pair not in gone} or accounts
    started = [event.stage for event in past if event.kind == "loop_started"]
    killed = {event.stage for event in past if event.kind == "loop_killed"}
    drain = next((event.seq for event in past if event.kind == "drain"), now.seq)
    stopped = {event.stage for event in past if event.kind == "loop_killed" and event.seq > drain}
    over = {event.stage for event in past if event.kind == "loop_ended"}
    return {
        "place": f"{now.seq} of {trace[-1].seq}",
        "kind": now.kind,
        "acting": now.line,
        "log": [event.data["text"] for event in past if event.kind in ("said", "report")][-3:],
        "logged": sum(event.kind in ("said", "report") for event in past),
        "subscriptions": {
            f"{consumer} of {producer}": [asked, sent, None if (producer, consumer) in gone else asked - sent]
            for (producer, consumer), (asked, sent) in living.items()
        },
        "producers": {producer: [ledgers[producer][0], *ledgers[producer][2:]] for producer, _ in accounts},
        "loops": [len(started), len(killed - stopped), len(stopped)],
        "running": sorted(set(started) - killed - over),
        "law": not any(event.kind == "law" for event in past),
        "boxes": {
            stage: kinds[-1]
            for stage in {name for event in trace if event.kind == "subscribe" for name in (event.stage, event.peer)}
            if (
                kinds := [event.kind for event in past if event.stage == stage and event.kind in ("started", "stopped")]
            )
        },
    }


@pytest.fixture
def position(read):
    """Gives the number of the event that a page shows."""
    return lambda page: int(read(page)["place"].split()[0])


@pytest.fixture
def check(read):
    """Holds the panes of a page to what they must show at an event."""

    def hold(page: Any, trace: list[TraceEvent], index: int) -> None:
        shown, wanted = read(page), expected(trace, index)
        assert {name: shown[name] for name in wanted} == wanted, f"at event {index}"

    return hold


# ---- the tests


@pytest.mark.timeout(60)
@pytest.mark.parametrize("step", [5, 9])
def test_the_panes_show_the_trace_at_every_key(events_of, shown, check, position, step):
    trace = events_of(step)
    page = shown(trace)
    last = len(trace) - 1
    check(page, trace, 0)
    assert not page.locator(".note.away").is_visible(), "a page by itself needs no click"

    keys = page.keyboard
    for index in range(1, 8):
        keys.press("ArrowRight")
        check(page, trace, index)
    keys.press("ArrowLeft")
    check(page, trace, 6)
    keys.press("ArrowDown")
    check(page, trace, 16)
    keys.press("ArrowUp")
    check(page, trace, 6)
    keys.press("Home")
    keys.press("ArrowLeft")  # there is nothing before the first
    check(page, trace, 0)

    kill = next(event.seq for event in trace if event.kind == "loop_killed")
    page.get_by_role("combobox", name="jump to kind").select_option(label="loop killed")
    page.locator("body").press("k")
    check(page, trace, kill)
    keys.press("s")
    check(page, trace, next(i for i in range(kill + 1, last) if trace[kill].stage in (trace[i].stage, trace[i].peer)))
    keys.press("Shift+S")
    check(page, trace, kill)

    emitted = next(event for event in trace if event.kind == "emitted")
    page.evaluate("index => palleto.go(index)", emitted.seq)
    check(page, trace, emitted.seq)
    keys.press("m")
    met = position(page)
    assert met > emitted.seq
    assert {*emitted.ids} & {*trace[met].ids, *trace[met].data.get("carried", ())}

    chance = random.Random(7)
    for index in chance.sample(range(last), 25):
        page.evaluate("index => palleto.go(index)", index)
        check(page, trace, index)
    keys.press("End")
    keys.press("ArrowRight")  # nor after the last
    check(page, trace, last)


def test_a_loop_that_polls_stands_at_its_await(events_of, shown, read):
    trace = events_of(9)
    page = shown(trace)
    waits = next(event for event in trace if event.kind == "waits" and event.stage.startswith("#"))
    page.evaluate("index => palleto.go(index)", waits.seq)
    assert read(page)["acting"] == waits.line
    shown = page.locator(f".line[data-line='{waits.line}']")
    assert "await " in shown.locator(".text").inner_text()
    assert waits.stage in shown.locator(".stand").all_inner_texts()
    page.keyboard.press("ArrowRight")  # another one acts, and it stands there still
    read(page)
    stand = "([index, label]) => palleto.replay.at(index).stages.get(label).line"
    assert page.evaluate(stand, [waits.seq + 1, waits.stage]) == waits.line


def test_it_plays_and_pauses(events_of, shown, check, position):
    trace = events_of(5)
    page = shown(trace)
    page.get_by_role("combobox", name="speed").select_option(label="100 events/s")
    page.locator("body").press(" ")
    assert page.get_by_role("button", name="pause").is_visible()
    deadline = time.monotonic() + 60
    while position(page) <= 5:
        assert time.monotonic() < deadline
    page.keyboard.press(" ")
    index = position(page)
    assert page.get_by_role("button", name="play").is_visible()
    check(page, trace, index)
    page.evaluate("index => palleto.go(index)", len(trace) - 3)
    page.keyboard.press(" ")
    page.wait_for_selector("button[aria-label=play]")  # it ends by itself
    check(page, trace, len(trace) - 1)


def test_a_link_carries_the_position(events_of, shown, opened, check):
    trace = events_of(5)
    page = shown(trace, at="#at=32")
    check(page, trace, 32)
    page.keyboard.press("ArrowRight")
    check(page, trace, 33)
    page.keyboard.press("c")
    page.wait_for_selector(".copied:not(:empty)")
    assert page.url.endswith("#at=33")
    check(opened(page.url), trace, 33)
    check(shown(trace, at="#at=999999"), trace, len(trace) - 1)


def test_all_of_it_is_reached_by_tab_and_says_where_the_focus_is(events_of, shown):
    page = shown(events_of(9))
    met = []
    for _ in range(40):
        page.keyboard.press("Tab")
        found = page.evaluate(
            "() => { const on = document.activeElement; return [on.getAttribute('aria-label') ?? on.textContent,"
            " getComputedStyle(on).outlineStyle] }"
        )
        if page.evaluate("document.activeElement === document.body"):
            break
        met.append(found)
    names = [name for name, _ in met]
    walk = ["first event", "back one event", "play", "forward one event", "last event", "event", "speed"]
    assert names[: len(walk)] == walk
    jumps = {f"jump to {what}" for what in ("kind", "stage", "message")}
    assert set(names) >= jumps | {"copy a link to this event", "source", "messages"}
    assert [name for name, outline in met if outline == "none"] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800])
def test_nothing_sticks_out(events_of, shown, read, width, theme):
    page = shown(events_of(9), width, theme)
    for key in ("Home", "End"):
        page.keyboard.press(key)
        read(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.documentElement.dataset.theme") == theme


def test_in_a_notebooks_page_it_is_as_dark_as_the_page_and_takes_keys_when_it_was_clicked(page, events_of):
    from playwright.sync_api import expect

    player = Player(events_of(5), at=3)._repr_html_()
    page.set_content(f'<body data-jp-theme-light="false">{player}{player}</body>')
    for number in range(2):
        frame = page.locator("iframe.palleto-player").nth(number).content_frame
        frame.locator("#player[aria-busy=false]").wait_for()
        place = frame.locator(".place")
        expect(place).to_contain_text("3 of ")
        expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
        expect(frame.locator(".note.away")).to_be_visible()  # says that keys need a click
        frame.locator(".now").click()  # keys go to the frame that was clicked last
        expect(frame.locator(".note.away")).to_be_hidden()
        page.keyboard.press("ArrowRight")
        expect(place).to_contain_text("4 of ")
    page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    expect(frame.locator("html")).to_have_attribute("data-theme", "light")


def test_short_traces_and_texts_that_look_like_html(shown, read):
    text = "</script><img src=x onerror=alert(1)> 日本 \u2028"
    more = {"peer": text, "ids": (text,), "file": text, "line": 2, "data": {"text": text, "count": 3}}
    kinds = ["said", "subscribe", "ask", "emitted", "loop_started", "receive", "delete", "crash", "law", text]
    odd = [TraceEvent(seq, 0.0, text, kind, **more) for seq, kind in enumerate(kinds)]
    for events in ([], [TraceEvent(0, 0.0, "a", "started")], odd):
        page = shown(events)
        for key in ("ArrowRight", "End", "k", "s", "m", "t", "Home", "c", "?"):
            page.keyboard.press(key)
            read(page)
        assert page.locator("img").count() == 0
        assert page.evaluate("Number(document.body.dataset.index)") == 0
    page.keyboard.press("End")
    read(page)
    assert text in page.locator("#pane-log").inner_text() or "日本" in page.locator("#pane-log").inner_text()
    assert "✕ The law is broken" in page.locator(".law").inner_text()
