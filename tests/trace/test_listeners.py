"""Who hears of a run, and when."""

from __future__ import annotations

import threading

import anyio
from stage_members import idle, of
from traced import Numbers, Quiet, Sink, recorded, told

from palleto import Recorder, running


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
        await idle()
    handled = [event.seq for event in recorder.events if event.kind == "handled"]
    eighth = next(event.seq for event in recorder.events if event.kind == "handle_events" and event.seq > handled[6])
    assert [event.seq for event in heard] == list(range(handled[4], eighth + 1))


async def test_what_nobody_wants_is_not_written_down():
    """Who begins to listen in the middle hears what comes next; the law is not checked, as its accounts have a gap."""
    heard, consumed, noted = [], [], []
    async with recorded(Quiet(), Sink(), keep=False, strict=False) as recorder:
        recorder.on_consumed.append(lambda stage, count: consumed.append((stage.label, count)))
        recorder.on_note.append(lambda kind, events, data: noted.append(kind))
        await told("quiet", [1, 2])
        assert (recorder.events, heard, consumed) == ([], [], [("sink", 2)])
        recorder.listeners.append(heard.append)
        await told("quiet", [3, 4])
        recorder.listeners.clear()
        await told("quiet", [5])
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
