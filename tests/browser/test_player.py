"""The player in headless Chromium: keys are pressed, the panes are read and checked against the trace.

What each pane must show is counted here once more, from the trace and in Python, by other means than the player's.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from palleto import Recorder, TraceEvent, load
from palleto.lab.player import Player
from palleto.lab.player.payload import packed
from palleto.options import Options
from palleto.program import perform, queue_empty

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SHOTS = os.environ.get("PALLETO_SHOTS")
READ = (Path(__file__).parent / "read_player.js").read_text(encoding="utf-8")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; install it with: apt-get install chromium"),
    pytest.mark.skipif(find_spec("playwright") is None, reason="no playwright here; pip install 'palleto[test]'"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page; at its end nothing was asked of a network and no error was logged."""
    pages, complaints, requests = [], [], []

    def open_(url: str, width: int = 1280, theme: str = "light") -> Any:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
        page.set_default_timeout(10_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        pages.append(page)
        page.goto(url)
        page.wait_for_selector("#player[aria-busy=false]")
        return page

    yield open_
    for page in pages:
        page.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[str, list[TraceEvent]]]:
    """Runs a step's command and the player's; the page's URL and the trace. Each run is made once."""
    known: dict[tuple[str, ...], tuple[str, list[TraceEvent]]] = {}

    def make(*command: str) -> tuple[str, list[TraceEvent]]:
        if command not in known:
            folder = tmp_path_factory.mktemp("player")
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            options = ("--quiet", "--trace", "t.jsonl")
            for part in ((*command, *options), ("palleto.lab.player", "t.jsonl", "--html", "t.html")):
                subprocess.run(
                    [sys.executable, "-m", *part], cwd=folder, env=environment, check=True, capture_output=True
                )
            known[command] = ((folder / "t.html").as_uri(), load(folder / "t.jsonl"))
        return known[command]

    return make


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


def read(page: Any) -> dict[str, Any]:
    """What the panes show, once the frame is drawn."""
    return page.evaluate(READ)


def position(page: Any) -> int:
    return int(read(page)["place"].split()[0])


def check(page: Any, trace: list[TraceEvent], index: int) -> None:
    shown, wanted = read(page), expected(trace, index)
    parts = shown.pop("queue")
    counted = wanted.pop("queue")
    if parts is not None:
        assert sum(parts["parts"].values()) == parts["total"], "the bar adds up"
        if counted is not None:
            assert {name: parts["parts"][name] for name in counted} == counted
    assert {name: shown[name] for name in wanted} == wanted, f"at event {index}"


def shot(page: Any, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


# ---- the tests


@pytest.mark.timeout(60)
@pytest.mark.parametrize("command", [STEP5, STEP9], ids=["step 5 virtual", "step 9 embedded"])
def test_the_panes_show_the_trace_at_every_key(made, opened, command):
    url, trace = made(*command)
    page = opened(url)
    name = command[0].removeprefix("steps.")
    last = len(trace) - 1
    check(page, trace, 0)
    shot(page, f"{name}-1-start")

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
    shot(page, f"{name}-2-kill")
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
    shot(page, f"{name}-3-end")


def test_it_plays_and_pauses(made, opened):
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


def test_a_link_carries_the_position(made, opened):
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
def test_nothing_sticks_out(made, opened, width, theme):
    page = opened(made(*STEP9)[0], width, theme)
    for key in ("Home", "End"):
        page.keyboard.press(key)
        read(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    shot(page, f"step9-{width}-{theme}")


def test_in_jupyterlab_it_is_as_dark_as_the_lab(browser):
    page = browser.new_page()
    page.set_content(f'<body data-jp-theme-light="false">{Player([])._repr_html_()}</body>')
    frame = page.frames[1]
    frame.wait_for_selector("#player[aria-busy=false]")
    assert frame.evaluate("document.documentElement.dataset.theme") == "dark"
    page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    frame.wait_for_selector("html[data-theme=light]", state="attached")
    page.close()


def test_short_traces_and_texts_that_look_like_html(opened, tmp_path):
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
    assert text in page.locator("#pane-log").inner_text() or "日本" in page.locator("#pane-log").inner_text()
    assert "✕ The law is broken" in page.locator(".law").inner_text()


# ---- going back is going forward


def events_of(number: int, seed: int) -> list[TraceEvent]:
    """The trace of a run of a step in virtual time; in a thread, as Playwright's event loop runs in this one."""
    step = import_module(f"steps.step{number}")
    recorder = Recorder()
    options = Options(virtual=True, seed=seed, files=5, events=None if number > 5 else 8, quiet=True, pipelines=2)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(perform, step.pipeline, queue_empty, options, recorder=recorder).result()
    return recorder.events


BACK = """async ([packed, every]) => {
    const { unpack, Replay, initial, apply } = palleto;
    const trace = await unpack(packed);
    const text = (state) => JSON.stringify(state, (name, value) => (value instanceof Map ? [...value] : value));
    const forward = [initial()].map(text);
    const state = initial();
    for (let index = 0; index < trace.count; index += 1) forward.push(text(apply(state, trace.event(index))));
    const replay = new Replay(trace, every);
    const wrong = [];
    const look = (index) => text(replay.at(index)) === forward[index + 1] || wrong.push(index);
    for (let index = trace.count - 1; index >= -1; index -= 1) look(index);
    let chance = every;
    for (let turn = 0; turn < 300; turn += 1) {
        chance = (chance * 16807) % 2147483647;
        look((chance % (trace.count + 1)) - 1);
    }
    return [trace.count, wrong];
}"""


@pytest.mark.timeout(60)
def test_going_back_from_the_end_shows_at_each_event_what_a_fresh_replay_shows(made, opened):
    page = opened(made(*STEP5)[0])
    chance = random.Random(20)
    for number in (1, 4, 5, 6, 9):
        events = events_of(number, chance.randrange(10**6))
        some = sorted(chance.sample(range(len(events)), len(events) // 2))
        for part in (events, [events[index] for index in some]):
            for every in (1, 7, 64, 10_000):
                assert page.evaluate(BACK, [packed(part), every]) == [len(part), []]


def test_the_panes_are_the_same_on_the_way_back(made, opened):
    """The panes' texts and pictures, at each event: from the first to the last, and from the last to the first."""
    page = opened(made(*STEP5)[0])
    wrong = page.evaluate("""async () => {
        const frame = () => new Promise((done) => requestAnimationFrame(done));
        const seen = () => ["#pane-pipeline", "#pane-ledger", "#pane-lanes", "#pane-log", ".now"].map(
            (name) => document.querySelector(name).innerHTML).join();
        const { trace, go } = palleto;
        const [forward, wrong] = [[], []];
        const at = async (index) => { go(index); await frame(); await frame(); return seen(); };
        const last = trace.count - 1 - ((trace.count - 1) % 8);
        for (let index = 0; index <= last; index += 8) forward.push(await at(index));
        for (let index = last; index >= 0; index -= 8) if ((await at(index)) !== forward[index / 8]) wrong.push(index);
        return wrong;
    }""")
    assert wrong == []


def test_a_law_that_is_broken_is_told_from_its_event_on(opened, tmp_path):
    ledger = {"before": [0, 0, 0, 0], "after": [1, 1, 0, 0]}
    events = [
        TraceEvent(0, 0.0, "p", "subscribe", "c", ledger=ledger),
        TraceEvent(1, 0.0, "p", "ask", "c", ledger=ledger, data={"count": 1}),
        TraceEvent(2, 0.5, "p", "emitted", "c", ("a", "b"), ledger=ledger),
        TraceEvent(3, 0.5, "p", "law", ledger=ledger, data={"text": "p is wrong"}),
    ]
    page = opened(Player(events).save(tmp_path / "law.html").as_uri())
    told = []
    for _ in events:
        told.append(page.locator(".law").inner_text())
        page.keyboard.press("ArrowRight")
        read(page)
    assert [("✕" in text, "since event 2" in text) for text in told] == [(False, False)] * 2 + [(True, True)] * 2
    assert json.dumps(read(page)["law"]) == "false"
    assert re.search(r"was sent 2 events and had asked for 1", told[-1])
