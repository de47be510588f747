"""The player in headless Chromium: going back from the end shows at each event what a fresh replay to it shows."""

from __future__ import annotations

import random

import pytest

from palleto.lab.player.payload import packed

pytestmark = pytest.mark.browser

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
def test_going_back_from_the_end_shows_at_each_event_what_a_fresh_replay_shows(shown, events_of):
    page = shown([])
    chance = random.Random(20)
    for number in (1, 4, 5, 6, 9):
        events = events_of(number, chance.randrange(10**6))
        some = sorted(chance.sample(range(len(events)), len(events) // 2))
        for part in (events, [events[index] for index in some]):
            for every in (1, 7, 64, 10_000):
                assert page.evaluate(BACK, [packed(part), every]) == [len(part), []]


def test_the_panes_are_the_same_on_the_way_back(shown, events_of):
    """The panes' texts and pictures, at each event: from the first to the last, and from the last to the first."""
    page = shown(events_of(5))
    wrong = page.evaluate("""async () => {
        const frame = () => new Promise((done) => requestAnimationFrame(done));
        const seen = () => [".values", "#pane-pipeline", "#pane-ledger", "#pane-lanes", "#pane-log", ".now"].map(
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
