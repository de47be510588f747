"""A trace as a file: what is written is what is read, and what cannot be read is one clear error."""

from __future__ import annotations

import gc
import json
import logging
import weakref
from contextlib import closing
from dataclasses import asdict

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage_members import idle, of
from traced import Numbers, Quiet, Sink, quiet_run

import palleto
from palleto import Recorder, SettingError, System, TaskSupervisor, TraceEvent, cast, load, running, say


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
        *("seq", "t", "stage", "kind", "peer", "ids", "ledger", "file", "line", "data")
    ]
    assert load(path) == load(str(path)) == events
    assert all(isinstance(event, TraceEvent) for event in load(path))


async def test_odd_texts_survive_the_round_trip(tmp_path):
    odd = "\u2028 \x85 \x0c \r\n ü 🎨 \x00 \ud800"
    recorder = Recorder(file=tmp_path / "trace.jsonl")

    async with running(of(Quiet()), recorder=recorder, say=lambda line: None):
        say(odd)
        cast("quiet", [odd, object])
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
    assert palleto.trace.event.line_of(event) == json.dumps(asdict(event)) + "\n"


def test_a_run_that_is_written_to_a_file_is_not_kept(go, tmp_path, caplog):
    """Loops that come and go, and stages of all kinds too: nothing of them is held when they have ended."""
    caplog.set_level(logging.CRITICAL, "palleto")  # pytest keeps what is logged, and the frames of tracebacks with it

    class Waiting(Sink):
        async def handle_events(self, events):
            await anyio.sleep(1)

    ended = []

    async def loop(number):
        await anyio.sleep(0.1)
        say(f"loop {number}")
        if number % 2:
            raise ValueError(number)

    def started(process):
        process.name = None
        process.start(System.current(), System.current())
        return process

    async def main():
        tasks = TaskSupervisor()
        settings = {"recorder": recorder, "say": lambda line: None, "report": lambda line: None}
        async with running(of(Numbers(), tasks), **settings):
            for number in range(30):
                task = tasks.start_task(loop, number)
                numbers = started(Quiet())
                sinks = [started(kind(to)) for kind, to in ((Sink, numbers), (Waiting, numbers), (Waiting, "numbers"))]
                await task.wait()
                for stage in sinks:
                    await stage.end()
                await numbers.end()
                await idle()
                ended.extend(map(weakref.ref, (task, numbers, *sinks)))
            del task, numbers, sinks, stage
            assert recorder.events == []  # and all that was written down is read
            gc.collect()
            assert len([reference for reference in ended if reference() is not None]) < 10  # the last

    with closing(Recorder(keep=False, file=tmp_path / "trace.jsonl", strict=True)) as recorder:
        go(main)
    assert len(load(tmp_path / "trace.jsonl")) > 1000


async def test_a_file_is_written_as_the_run_goes_and_may_be_closed_before_its_end(tmp_path):
    path = tmp_path / "trace.jsonl"
    recorder = Recorder(file=path)

    async with running(of(Quiet()), recorder=recorder, say=lambda line: None):
        for number in range(1000):
            say(f"{number}")
        assert path.stat().st_size > 10_000
        recorder.close()
        size = path.stat().st_size
        for number in range(1000):
            say(f"{number}")
        assert path.stat().st_size == size
    assert [event.data["text"] for event in load(path) if event.kind == "said"] == list(map(str, range(1000)))
    assert len([event for event in recorder.events if event.kind == "said"]) == 2000
