"""The player in headless Chromium: keys are pressed, the panes are read and checked against the trace.

What each pane must show is counted here once more, from the trace and in Python, by other means than the player's.
"""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from palleto import TraceEvent
from palleto.lab.player import Player

pytestmark = pytest.mark.browser

STEP5 = ("steps.step5", "--virtual", "--seed", "7")
STEP9 = ("steps.step9", "--place", "embedded", "--seed", "7", "--files", "6", "--output", "out")


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
        "producers": {
            producer: [
                ledgers[producer][0],
                max(0, ledgers[producer][1] - ledgers[producer][2]),
                *ledgers[producer][2:],
            ]
            for producer, _ in accounts
        },
        "loops": [len(started), len(killed)],
        "running": sorted(set(started) - killed - over),
        "law": not any(event.kind == "law" for event in past),
        "boxes": {
            stage: kinds[-1]
            for stage in {name for event in trace if event.kind == "subscribe" for name in (event.stage, event.peer)}
            if (
                kinds := [event.kind for event in past if event.stage == stage and event.kind in ("started", "stopped")]
            )
        },
        "queue": queue(past),
    }


def queue(past: list[TraceEvent]) -> dict[str, int] | None:
    """Messages by where they are, from what was received and deleted; None where the trace has no ids of deletions."""
    received = {each for event in past if event.kind == "receive" for each in event.ids}
    deleted = sum(event.data["deleted"] for event in past if event.kind == "delete")
    return {"deleted": deleted, "in flight": len(received) - deleted} if received else None


@pytest.fixture
def position(read):
    """Gives the number of the event that a page shows."""
    return lambda page: int(read(page)["place"].split()[0])


@pytest.fixture
def check(read):
    """Holds the panes of a page to what they must show at an event."""

    def hold(page: Any, trace: list[TraceEvent], index: int) -> None:
        shown, wanted = read(page), expected(trace, index)
        parts = shown.pop("queue")
        counted = wanted.pop("queue")
        if parts is not None:
            assert sum(parts["parts"].values()) == parts["total"], "the bar adds up"
            if counted is not None:
                assert {name: parts["parts"][name] for name in counted} == counted
        assert {name: shown[name] for name in wanted} == wanted, f"at event {index}"

    return hold


# ---- the tests


@pytest.mark.timeout(60)
@pytest.mark.parametrize("command", [STEP5, STEP9], ids=["step 5 virtual", "step 9 embedded"])
def test_the_panes_show_the_trace_at_every_key(made, opened, check, position, command):
    url, trace = made(*command)
    page = opened(url)
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


def test_a_loop_that_polls_stands_at_its_await(made, opened, read):
    url, trace = made(*STEP9)
    page = opened(url)
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


def test_it_plays_and_pauses(made, opened, check, position):
    url, trace = made(*STEP5)
    page = opened(url)
    page.get_by_role("combobox", name="speed").select_option(label="100 events/s")
    page.locator("body").press(" ")
    assert page.get_by_role("button", name="pause").is_visible()
    deadline = time.monotonic() + 10
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


def test_a_link_carries_the_position(made, opened, check):
    url, trace = made(*STEP5)
    page = opened(f"{url}#at=32")
    check(page, trace, 32)
    page.keyboard.press("ArrowRight")
    check(page, trace, 33)
    page.keyboard.press("c")
    page.wait_for_selector(".copied:not(:empty)")
    assert page.url == f"{url}#at=33"
    check(opened(page.url), trace, 33)
    check(opened(f"{url}#at=999999"), trace, len(trace) - 1)


def test_all_of_it_is_reached_by_tab_and_says_where_the_focus_is(made, opened):
    page = opened(made(*STEP9)[0])
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
    for wanted in (
        "jump to kind",
        "jump to stage",
        "jump to message",
        "copy a link to this event",
        "source",
        "messages",
    ):
        assert wanted in names
    assert [name for name, outline in met if outline == "none"] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800])
def test_nothing_sticks_out(made, opened, read, width, theme):
    page = opened(made(*STEP9)[0], width, theme)
    for key in ("Home", "End"):
        page.keyboard.press(key)
        read(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.documentElement.dataset.theme") == theme


def test_in_jupyterlab_it_is_as_dark_as_the_lab(browser):
    page = browser.new_page()
    page.set_content(f'<body data-jp-theme-light="false">{Player([])._repr_html_()}</body>')
    frame = page.frames[1]
    frame.wait_for_selector("#player[aria-busy=false]")
    assert frame.evaluate("document.documentElement.dataset.theme") == "dark"
    page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    frame.wait_for_selector("html[data-theme=light]", state="attached")
    page.close()


def test_short_traces_and_texts_that_look_like_html(opened, read, tmp_path):
    text = "</script><img src=x onerror=alert(1)> 日本 \u2028"
    more = {"peer": text, "ids": (text,), "file": text, "line": 2, "data": {"text": text, "count": 3}}
    kinds = ["said", "subscribe", "ask", "emitted", "loop_started", "receive", "delete", "crash", "law", text]
    for name, events in {
        "empty": [],
        "one": [TraceEvent(0, 0.0, "a", "started")],
        "odd": [TraceEvent(seq, 0.0, text, kind, **more) for seq, kind in enumerate(kinds)],
    }.items():
        page = opened(Player(events).save(tmp_path / f"{name}.html").as_uri())
        for key in ("ArrowRight", "End", "k", "s", "m", "t", "Home", "c", "?"):
            page.keyboard.press(key)
            read(page)
        assert page.locator("img").count() == 0
        shown = page.evaluate("Number(document.body.dataset.index)")
        assert shown == 0
    page.keyboard.press("End")
    read(page)
    assert text in page.locator("#pane-log").inner_text() or "日本" in page.locator("#pane-log").inner_text()
    assert "✕ The law is broken" in page.locator(".law").inner_text()
