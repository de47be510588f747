"""Who hears of a run, and when; and that the same seed gives the same trace, byte for byte."""

from __future__ import annotations

import threading

import anyio
from traced import Double, Numbers, Quiet, Sink, of

import palleto
from palleto import Recorder, Supervisor, System, TaskSupervisor, cast, child, running, say, whereis


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


class Steady(Numbers):
    """Numbers for a while; then nothing more."""

    def handle_demand(self, demand):
        return super().handle_demand(demand) if self.next < 100 else []


async def test_who_begins_to_listen_hears_what_happens_from_then_on():
    """What was written down until then is not told anew."""
    recorder, heard = Recorder(), []

    class Listening(Sink):
        seen = 0

        def handle_events(self, events):
            self.seen += 1
            if self.seen == 5:
                recorder.listeners.append(heard.append)
            if self.seen == 8:
                recorder.listeners.clear()

    async with running(of(Steady(), Listening("numbers", max_demand=1)), recorder=recorder):
        await System.current().idle()
    handled = [event.seq for event in recorder.events if event.kind == "handled"]
    eighth = next(event.seq for event in recorder.events if event.kind == "handle_events" and event.seq > handled[6])
    assert [event.seq for event in heard] == list(range(handled[4], eighth + 1))


async def test_what_nobody_wants_is_not_written_down():
    """Who begins to listen in the middle hears what comes next; the law is not checked, as its accounts have a gap."""
    recorder, heard, consumed, noted = Recorder(keep=False), [], [], []
    recorder.on_consumed.append(lambda stage, count: consumed.append((stage.label, count)))
    recorder.on_note.append(lambda kind, events, data: noted.append(kind))

    async with running(of(Quiet(), Sink()), recorder=recorder, say=lambda line: None):
        await System.current().idle()
        cast("quiet", [1, 2])
        await System.current().idle()
        assert (recorder.events, heard, consumed) == ([], [], [("sink", 2)])
        recorder.listeners.append(heard.append)
        cast("quiet", [3, 4])
        await System.current().idle()
        recorder.listeners.clear()
        cast("quiet", [5])
        await System.current().idle()
    assert [event.seq for event in heard] == list(range(len(heard)))
    assert [event.kind for event in heard[:3]] == ["cast", "handle_cast", "emitted"]
    assert [event.ids for event in heard if event.kind == "handled"] == [("3", "4")]
    assert (consumed, noted.count("cast"), recorder.broken) == ([("sink", 2)] * 2 + [("sink", 1)], 3, None)


async def test_the_events_may_be_read_while_the_run_goes_on():
    """By another thread, again and again: each event once, in order."""
    recorder, stop = Recorder(), threading.Event()
    lengths = []

    def look():
        while not stop.is_set():
            lengths.append(len(recorder.events))

    sink = Sink("numbers", max_demand=1)
    sink.handle_events = lambda events: None
    async with running(of(Numbers(), sink), recorder=recorder):
        reader = threading.Thread(target=look)
        reader.start()
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        stop.set()
        reader.join()
    assert lengths == sorted(lengths)
    trace = recorder.events
    assert [event.seq for event in trace] == list(range(len(trace)))
    handled = [event.ids for event in trace if event.kind == "handled"]
    assert handled == [(str(number),) for number in range(len(handled))]
