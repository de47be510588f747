"""The trace: its fields, its file, its law, and that the same seed gives the same one, byte for byte."""

from __future__ import annotations

import inspect
import json
import re
import threading
from dataclasses import asdict
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

import palleto
from palleto import (
    BroadcastDispatcher,
    Consumer,
    LawError,
    Producer,
    ProducerConsumer,
    Recorder,
    SettingError,
    Supervisor,
    System,
    TaskSupervisor,
    TraceEvent,
    cast,
    child,
    load,
    running,
    say,
    whereis,
)
from palleto.core import ProducerCore
from palleto.messages import Events, Send, Subscription
from palleto.recorder import event_id


@pytest.fixture
def go(backend):
    return lambda main, seed=0: palleto.run(main, backend=backend, time="virtual", seed=seed)


class Numbers(Producer):
    name = "numbers"
    next = 0

    def handle_demand(self, demand):
        self.next += demand
        return list(range(self.next - demand, self.next))

    def handle_cast(self, events):
        return events


class Quiet(Numbers):
    name = "quiet"

    def handle_demand(self, demand):
        pass


class Double(ProducerConsumer):
    name = "double"

    def init(self):
        self.subscribe("numbers", max_demand=2)

    def handle_events(self, events):
        return [event * 2 for event in events]


class Sink(Consumer):
    name = "sink"

    def __init__(self, to="quiet", **terms):
        self.to, self.terms = to, {"max_demand": 2, "min_demand": 0, **terms}

    def init(self):
        self.subscription = self.subscribe(self.to, **self.terms)

    def handle_events(self, events):
        say(f"got {len(events)}")


def of(*stages):
    return Supervisor([child(lambda stage=stage: stage, restart="temporary") for stage in stages])


async def quiet_run(recorder):
    async with running(of(Quiet(), Sink()), recorder=recorder, say=lambda line: None):
        await System.current().idle()
        await anyio.sleep(1.25)
        cast("quiet", ["a", "b", "c"])
        await System.current().idle()


def line_of(function):
    return function.__code__.co_firstlineno


# ---- the fields


def test_the_whole_trace_of_a_small_run(go):
    recorder, heard = Recorder(strict=True), []
    recorder.listeners.append(heard.append)
    go(lambda: quiet_run(recorder))
    trace = recorder.events
    assert heard == trace
    assert [event.seq for event in trace] == list(range(len(trace)))
    told = [(event.t, event.stage, event.kind, event.peer, event.ids, event.data) for event in trace]
    assert told == [
        (0.0, "#1", "started", None, (), {"class": "Supervisor"}),
        (0.0, "quiet", "started", None, (), {"class": "Quiet"}),
        (0.0, "sink", "started", None, (), {"class": "Sink"}),
        (0.0, "sink", "handle_subscribe", None, (), {}),
        (0.0, "quiet", "subscribe", "sink", (), {}),
        (0.0, "quiet", "handle_subscribe", None, (), {}),
        (0.0, "quiet", "ask", "sink", (), {"count": 2}),
        (0.0, "quiet", "handle_demand", None, (), {"count": 2}),
        (1.25, "", "cast", "quiet", ("a", "b", "c"), {"carried": ["a", "b", "c"], "by": "quiet_run"}),
        (1.25, "quiet", "handle_cast", None, (), {"carried": ["a", "b", "c"]}),
        (1.25, "quiet", "emitted", "sink", ("a", "b"), {}),
        (1.25, "sink", "events", "quiet", ("a", "b"), {}),
        (1.25, "sink", "handle_events", None, ("a", "b"), {}),
        (1.25, "sink", "said", None, (), {"text": "got 2"}),
        (1.25, "sink", "handled", None, ("a", "b"), {"last": True}),
        (1.25, "quiet", "ask", "sink", (), {"count": 2}),
        (1.25, "quiet", "emitted", "sink", ("c",), {}),
        (1.25, "quiet", "handle_demand", None, (), {"count": 1}),
        (1.25, "sink", "events", "quiet", ("c",), {}),
        (1.25, "sink", "handle_events", None, ("c",), {}),
        (1.25, "sink", "said", None, (), {"text": "got 1"}),
        (1.25, "sink", "handled", None, ("c",), {"last": True}),
        (1.25, "", "drain", None, (), {}),
        (1.25, "sink", "stopped", None, (), {"reason": "shutdown"}),
        (1.25, "quiet", "down", "sink", (), {}),
        (1.25, "quiet", "handle_cancel", None, (), {}),
        (1.25, "quiet", "stopped", None, (), {"reason": "shutdown"}),
        (1.25, "#1", "stopped", None, (), {"reason": "shutdown"}),
    ]


def test_ledgers(go):
    recorder = Recorder(strict=True)
    go(lambda: quiet_run(recorder))
    ledgers = [(event.kind, event.ledger) for event in recorder.events if event.stage == "quiet"]
    # [remembered, demand, buffered, dropped]; `before` is what the stage's last event left
    for (_, before), (_, after) in pairwise(ledgers):
        assert after["before"] == before["after"]
    assert ("handle_demand", {"before": [0, 0, 0, 0], "after": [2, 2, 0, 0]}) in ledgers
    # the three events: two have gone and one is in the buffer
    assert ("emitted", {"before": [2, 2, 0, 0], "after": [0, 0, 1, 0]}) in ledgers
    assert {event.ledger for event in recorder.events if event.stage == "#1"} == {None}


def test_files_and_lines_name_the_users_code(go):
    recorder = Recorder(strict=True)
    go(lambda: quiet_run(recorder))
    here = Path(__file__).name
    of_kind = {(event.stage, event.kind): (event.file, event.line) for event in recorder.events}
    assert of_kind["quiet", "handle_demand"] == (here, line_of(Quiet.handle_demand))
    assert of_kind["quiet", "handle_cast"] == (here, line_of(Numbers.handle_cast))
    assert of_kind["quiet", "ask"] == of_kind["quiet", "handle_demand"]
    # two events by the callback's `return`; the third from the buffer, when the stage stood at the ask
    returned = line_of(Numbers.handle_cast) + 1
    emitted = [event.line for event in recorder.events if event.kind == "emitted"]
    assert emitted == [returned, of_kind["quiet", "ask"][1]]
    assert of_kind["sink", "events"] == of_kind["sink", "handle_events"] == (here, line_of(Sink.handle_events))
    assert of_kind["sink", "said"] == of_kind["sink", "handled"] == (here, line_of(Sink.handle_events) + 1)
    assert of_kind["sink", "started"] == (here, line_of(Sink.init))
    first = line_of(quiet_run)
    source = inspect.getsource(quiet_run).splitlines()
    assert of_kind["", "cast"] == (here, first + next(at for at, line in enumerate(source) if "cast(" in line))
    # what Palleto does by itself has the line at which the stage stood; `quiet` had done nothing yet
    assert of_kind["quiet", "handle_subscribe"] == (None, None)
    assert of_kind["sink", "stopped"] == of_kind["sink", "handled"]
    assert of_kind["sink", "handle_subscribe"] == of_kind["sink", "started"]
    files = {event.file for event in recorder.events}
    assert files == {here, None}


def test_lines_of_async_and_decorated_callbacks_and_of_tasks(go):
    class Later(Sink):
        async def handle_events(self, events):
            await anyio.sleep(1)
            say("later")

    async def task():
        await anyio.sleep(0.5)
        say("task")

    recorder = Recorder(strict=True)

    async def main():
        tasks = TaskSupervisor()
        async with running(of(Quiet(), Later(), tasks), recorder=recorder, say=lambda line: None):
            tasks.start_task(task)
            cast("quiet", [1])
            await System.current().idle()
            await anyio.sleep(1)

    go(main)
    said = {event.data["text"]: (event.t, event.line) for event in recorder.events if event.kind == "said"}
    assert said == {"later": (1.0, line_of(Later.handle_events) + 2), "task": (0.5, line_of(task) + 2)}
    (handled,) = [event for event in recorder.events if event.kind == "handled"]
    assert (handled.t, handled.line) == (1.0, line_of(Later.handle_events) + 2)


def test_who_has_come_to_stand_at_an_await_is_told_before_another_acts(go):
    class Waiting(Sink):
        async def handle_events(self, events):
            say("got it")
            await self.nap()

        async def nap(self):
            await anyio.sleep(3)

    async def task():
        say("looks")
        await anyio.sleep(1)  # nothing else happens meanwhile: nobody sees it stand here
        say("looks again")
        cast("quiet", [1])
        await anyio.sleep(1)  # the others act, and it stands here
        say("found")

    recorder = Recorder(strict=True)

    async def main():
        tasks = TaskSupervisor()
        async with running(of(Quiet(), Waiting(), tasks), recorder=recorder, say=lambda line: None):
            await System.current().idle()
            looking = tasks.start_task(task)
            await looking.wait()
            cast("quiet", [2])
            await System.current().idle()

    go(main)
    waits = [event for event in recorder.events if event.kind == "waits"]
    sink, loop = line_of(Waiting.nap) + 1, line_of(task)
    assert {(event.stage, event.line) for event in waits} == {("sink", sink), (looking := waits[0].stage, loop + 5)}
    assert [event.line for event in waits if event.stage == looking] == [loop + 5]
    for event in waits:  # the one before told what it did last, and the next is of another
        before = [each for each in recorder.events[: event.seq] if each.stage == event.stage][-1]
        assert (before.data.get("text") or before.kind) in ("got it", "cast")
        assert recorder.events[event.seq + 1].stage != event.stage
        assert event.t == recorder.events[event.seq - 1].t


def test_kinds_of_processes_and_losses(go):
    class Weak(Sink):
        def handle_events(self, events):
            raise ValueError("two\nlines")

    recorder = Recorder(strict=True)

    async def main():
        top = Supervisor([child(Quiet), child(Weak)], name="top")
        async with running(top, recorder=recorder, report=lambda line: None):
            await System.current().idle()
            cast("quiet", ["a", "b", "c"])
            await anyio.sleep(1)

    go(main)
    kinds = [(event.stage, event.kind, event.peer, event.ids, event.data) for event in recorder.events]
    crash = ("sink", "crash", None, (), {"reason": "ValueError: two lines"})
    assert kinds.count(crash) == 2
    assert ("sink", "restart", "top", (), {"reason": "ValueError: two lines"}) in kinds
    assert [event.ids for event in recorder.events if event.kind == "lost"] == [("a", "b"), ("c",)]


def test_event_ids():
    class Named:
        id = 7

    assert [event_id(event) for event in ("a", 5, Named(), "x" * 201)] == ["a", "5", "7", "x" * 200]


def test_keep_and_repr(go):
    recorder = Recorder(keep=False)
    assert repr(recorder) == "<Recorder 0 events, the ledger adds up>"
    heard = []
    recorder.listeners.append(heard.append)
    go(lambda: quiet_run(recorder))
    assert recorder.events == []
    assert repr(recorder) == f"<Recorder {len(heard)} events, the ledger adds up>"


def test_a_recorder_that_is_not_attached():
    with pytest.raises(SettingError, match=r"running\(recorder=\.\.\.\)"):
        Recorder().note("said", None)


# ---- the file


@pytest.fixture
def trace_file(go, tmp_path):
    path = tmp_path / "trace.jsonl"
    recorder = Recorder(file=path, strict=True)
    go(lambda: quiet_run(recorder))
    recorder.close()
    recorder.close()
    return path, recorder.events


def test_json_lines_round_trip(trace_file):
    path, events = trace_file
    lines = path.read_text().splitlines()
    assert json.loads(lines[0]) == {"palleto_trace": 1}
    assert list(json.loads(lines[1])) == [
        *("seq", "t", "stage", "kind", "peer", "ids", "ledger", "file", "line", "data"),
    ]
    assert load(path) == load(str(path)) == events
    assert all(isinstance(event, TraceEvent) for event in load(path))


def test_odd_texts_survive_the_round_trip(go, tmp_path):
    odd = "\u2028 \x85 \x0c \r\n ü 🎨 \x00 \ud800"
    recorder = Recorder(file=tmp_path / "trace.jsonl")

    async def main():
        async with running(of(Quiet()), recorder=recorder, say=lambda line: None):
            say(odd)
            cast("quiet", [odd, object])

    go(main)
    recorder.close()
    assert load(tmp_path / "trace.jsonl") == recorder.events
    assert any(event.data.get("text") == odd for event in recorder.events)


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda lines: [*lines[:3], "{not json", *lines[3:]], 4),
        (lambda lines: [*lines[:3], "[1, 2]", *lines[3:]], 4),
        (lambda lines: [*lines[:3], "null", *lines[3:]], 4),
        (lambda lines: [*lines[:3], "{}", *lines[3:]], 4),
        (lambda lines: [*lines[:3], lines[3].replace('"seq"', '"sequence"'), *lines[4:]], 4),
        (lambda lines: [*lines[:3], "", *lines[3:]], 4),
        (lambda lines: [*lines[:-1], lines[-1][:-20]], -1),
        (lambda lines: lines[1:], 1),
        (lambda lines: ["[]", *lines[1:]], 1),
        (lambda lines: [lines[0][:-3]], 1),
        (lambda lines: ['{"palleto_trace": 2}', *lines[1:]], 1),
        (lambda lines: [], 1),
    ],
)
def test_files_that_are_broken_cut_off_or_newer(trace_file, spoil, line):
    path, _ = trace_file
    lines = path.read_text().splitlines()
    number = len(lines) if line == -1 else line
    path.write_text("\n".join(spoil(lines)))
    with pytest.raises(SettingError, match=rf"line {number} of .*trace\.jsonl") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_text_or_not_there(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "binary", tmp_path / "nothing", tmp_path):
        with pytest.raises(SettingError, match="expected a trace file"):
            load(path)
    with pytest.raises(SettingError, match="expected a trace file that can be written"):
        Recorder(file=tmp_path / "no" / "folder")


# ---- the law


class Generous(ProducerCore):
    """Sends one event more than was asked for."""

    def emit(self, events):
        effects = super().emit(events)
        for at, effect in enumerate(effects):
            if isinstance(effect, Send) and isinstance(effect.message, Events):
                message = Events(effect.message.subscription, [*effect.message.events, "one more"])
                effects[at] = Send(effect.to, message)
        return effects


class Forgetful(ProducerCore):
    """Forgets one event of the demand that it has told."""

    def emit(self, events):
        effects = super().emit(events)
        self.outlet.remembered -= 1
        return effects


class Greedy(ProducerCore):
    """Remembers demand that nobody has."""

    def emit(self, events):
        effects = super().emit(events)
        self.outlet.remembered += 1
        return effects


@pytest.mark.parametrize(
    ("core", "says"),
    [
        (Generous, r"was sent more events than it had asked for: 1"),
        (Forgetful, r"numbers remembers demand for 0 events, 1 are wanted, 0 are in its buffer, and 0 were cancelled"),
        (Greedy, r"numbers remembers demand for 2 events, 1 are wanted, 0 are in its buffer, and 0 were cancelled"),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_a_broken_core_is_found_out(go, core, says, strict):
    class Broken(Numbers):
        def handle_demand(self, demand):
            return ["only one"] if core is not Generous else ["one", "two"]

        def _make_core(self):
            return core()

    recorder, reported = Recorder(strict=strict), []

    async def main():
        sink = Sink("numbers", cancel="temporary", manual=True)
        async with running(of(Broken(), sink), recorder=recorder, say=print, report=reported.append):
            sink.ask(sink.subscription, 2)
            await System.current().idle()
            assert ("numbers" in System.current().names) == (not strict)

    go(main)
    assert recorder.broken is not None
    (law,) = [event for event in recorder.events if event.kind == "law"]
    assert law.data["text"] == recorder.broken
    breaking = recorder.events[law.data["seq"]]  # the first event that breaks the law, and it alone
    assert (breaking.stage, breaking.kind, law.seq > breaking.seq) == ("numbers", "ask", True)
    if strict:
        assert reported == [f"numbers crashed: {LawError.__name__}: {recorder.broken}"]
    assert re.search(says, recorder.broken)


def test_the_law_allows_for_what_was_cancelled_or_joined(go):
    """Demand that was told stays remembered where its consumer goes, or where a slower one joins a broadcast."""

    class Wide(Quiet):
        dispatcher = BroadcastDispatcher

    recorder = Recorder(strict=True)

    async def main():
        first, second = Sink(max_demand=100), Sink(max_demand=3)
        second.name = "second"
        async with running(of(Wide(), first, second), recorder=recorder, say=lambda line: None):
            await System.current().idle()
            cast("quiet", [1])
            await first.end()
            await System.current().idle()
            cast("quiet", [2])
            await second.end()
            await System.current().idle()
            assert whereis("quiet").running

    go(main)
    assert recorder.broken is None


def test_accounts_of_what_has_ended_are_closed(go):
    recorder = Recorder(strict=True)

    async def main():
        async with running(of(Numbers()), recorder=recorder, say=lambda line: None):
            for _ in range(20):
                sink = Sink("numbers", manual=True)
                sink.name = None
                sink.start(System.current(), System.current())
                await System.current().idle()
                await sink.end()
                await System.current().idle()
            assert all(isinstance(at, Subscription) for at in recorder.law.accounts)
            assert len(recorder.law.accounts) == 0

    go(main)


# ---- the same seed, the same trace


async def lively(recorder, seed):
    """Crashes, tasks with backoff, plain and async stages, all three kinds."""

    class Naps(Sink):
        def handle_events(self, events):
            say(f"{self.label}: {events}")

        async def handle_cast(self, message):
            raise ValueError(message)

    async def flaky():
        await anyio.sleep(0.1)
        raise OSError("flaky")

    children = [
        child(Numbers),
        child(Double),
        *(child(Naps, "double", name=f"naps {at}") for at in range(3)),
        *(child(Slow, "double", name=f"slow {at}") for at in range(3)),
        child(TaskSupervisor, name="tasks"),
    ]
    silent = {"say": lambda line: None, "report": lambda line: None}
    async with running(Supervisor(children), recorder=recorder, seed=seed, **silent):
        for _ in range(3):
            whereis("tasks").start_task(flaky, restart="transient")
        for at in range(3):
            await anyio.sleep(1.5)
            cast(f"slow {at}", "crash")
        whereis("numbers").demand("accumulate")
        await System.current().drain()


class Slow(Sink):
    async def handle_events(self, events):
        await anyio.sleep(0.25 * len(events))

    def handle_cast(self, message):
        raise ValueError(message)


def trace_of(path, seed, backend):
    recorder = Recorder(file=path, strict=True)
    try:
        palleto.run(lambda: lively(recorder, seed), backend=backend, time="virtual", seed=seed)
    finally:
        recorder.close()
    assert recorder.broken is None
    return path.read_bytes()


def test_the_same_seed_gives_the_same_trace_byte_for_byte(backend, tmp_path, monkeypatch):
    # a plain consumer without a nap would never let virtual time go on: give the source a pace
    async def handle_demand(self, demand):
        await anyio.sleep(0.1)
        return Numbers_handle_demand(self, demand)

    Numbers_handle_demand = Numbers.handle_demand  # noqa: N806
    monkeypatch.setattr(Numbers, "handle_demand", handle_demand)
    traces = [trace_of(tmp_path / "trace", seed, backend) for seed in (1, 1, 2, 3)]
    assert traces[0] == traces[1]
    assert len(set(traces)) == 3
    assert traces[0].count(b'"crash"') >= 3
    assert traces[0].count(b"loop_crashed") >= 6


@given(
    st.builds(
        TraceEvent,
        st.integers(0),
        st.floats(0, 1e9).map(lambda t: round(t, 6)),
        st.text(),
        st.text(),
        st.none() | st.text(),
        st.lists(st.text(), max_size=3).map(tuple),
        st.none() | st.just({"before": [0, 0, 0, 0], "after": [1, 2, 3, 4]}),
        st.none() | st.text(),
        st.none() | st.integers(1),
        st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())),
    )
)
def test_a_line_of_the_file_is_the_json_of_its_event(event):
    assert palleto.trace.line_of(event) == json.dumps(asdict(event)) + "\n"


def test_a_run_that_is_written_to_a_file_is_not_kept(go, tmp_path):
    """Loops that come and go, and stages too: what is held after a thousand of them is what was held after ten."""
    recorder = Recorder(keep=False, file=tmp_path / "trace.jsonl")
    held = []

    async def loop(number):
        say(f"loop {number}")

    async def main():
        tasks = TaskSupervisor()
        async with running(of(Numbers(), tasks), recorder=recorder, say=lambda line: None):
            for number in range(1000):
                await tasks.start_task(loop, number).wait()
                if number % 10 == 0:
                    sink = Sink("numbers", manual=True)
                    sink.name = None
                    sink.start(System.current(), System.current())
                    await sink.end()
                    await System.current().idle()
                if number in (10, 999):
                    assert recorder.events == []  # and all that is on the tape is read
                    tape = recorder.tape
                    parts = [value for each in (tape, tape.narrator) for value in vars(each).values()]
                    sizes = [len(value) for value in parts if isinstance(value, dict | list)]
                    held.append(sum(sizes) + len(recorder.law.accounts))

    go(main)
    recorder.close()
    assert held[0] == held[1]
    assert len(load(tmp_path / "trace.jsonl")) > 5000


class Steady(Numbers):
    """Numbers for a while; then nothing more."""

    def handle_demand(self, demand):
        return super().handle_demand(demand) if self.next < 100 else []


def test_who_begins_to_listen_hears_what_happens_from_then_on(go):
    """What the tape held until then is not told anew."""
    recorder, heard = Recorder(), []

    class Listening(Sink):
        seen = 0

        def handle_events(self, events):
            self.seen += 1
            if self.seen == 5:
                recorder.listeners.append(heard.append)
            if self.seen == 8:
                recorder.listeners.clear()

    async def main():
        async with running(of(Steady(), Listening("numbers", max_demand=1)), recorder=recorder):
            await System.current().idle()

    go(main)
    handled = [event.seq for event in recorder.events if event.kind == "handled"]
    eighth = next(event.seq for event in recorder.events if event.kind == "handle_events" and event.seq > handled[6])
    assert [event.seq for event in heard] == list(range(handled[4], eighth + 1))


def test_the_events_may_be_read_while_the_run_goes_on(go):
    """By another thread, again and again: each event once, in order."""
    recorder, stop = Recorder(), threading.Event()
    lengths = []

    def look():
        while not stop.is_set():
            lengths.append(len(recorder.events))

    async def main():
        sink = Sink("numbers", max_demand=1)
        sink.handle_events = lambda events: None
        async with running(of(Numbers(), sink), recorder=recorder):
            reader = threading.Thread(target=look)
            reader.start()
            for _ in range(20):
                await anyio.lowlevel.checkpoint()
            stop.set()
            reader.join()

    go(main)
    assert lengths == sorted(lengths)
    trace = recorder.events
    assert [event.seq for event in trace] == list(range(len(trace)))
    handled = [event.ids for event in trace if event.kind == "handled"]
    assert handled == [(str(number),) for number in range(len(handled))]


@pytest.mark.parametrize(
    "events",
    [
        [1, 2],
        ["a", "b"] * 10,
        [1] * 20,
        [1, "a", None, 2.5, True],
        [],
        [{"n": 1}],
        [1] * 9 + [{}],
        ["a"] * 9 + [[]],
        [1, bytearray(b"")],
        [1, True, b"1234"],
        [1 << 31, -1],
        [-(1 << 31), 0],
        [1, [2]],
        [7],
        [None],
        [HTTPStatus.OK, 1],
    ],
)
def test_what_is_kept_of_events_gives_the_ids_that_they_had(events):
    ids = tuple(map(event_id, events))
    kept = palleto.kept.kept(events)
    for event in events:
        if isinstance(event, dict):
            event["n"] = 2
        elif isinstance(event, list):
            event.append(1)
    assert palleto.kept.ids_of_kept(kept) == ids
