"""The fields of a trace event: what happened, to whom, when, and at which line of the user's."""

from __future__ import annotations

import inspect
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path

import anyio
import pytest
from stage_members import idle
from traced import Double, Numbers, Quiet, Sink, line_of, quiet_run, recorded, told

from palleto import Recorder, SettingError, Supervisor, TaskSupervisor, cast, child, running, say
from palleto.trace import event_id, exit_of


async def test_the_whole_trace_of_a_small_run():
    recorder, heard = Recorder(strict=True), []
    recorder.listeners.append(heard.append)
    await quiet_run(recorder)
    trace = recorder.events
    assert heard == trace
    assert [event.seq for event in trace] == list(range(len(trace)))
    budget = {"strategy": "one_for_one", "max_restarts": 3, "max_seconds": 5.0}
    assert [(event.t, event.stage, event.kind, event.peer, event.ids, event.data) for event in trace] == [
        (0.0, "#1", "started", None, (), {"class": "Supervisor", **budget}),
        (0.0, "quiet", "started", None, (), {"class": "Quiet", "under": "#1"}),
        (0.0, "sink", "started", None, (), {"class": "Sink", "under": "#1"}),
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
        (1.25, "sink", "stopped", None, (), {"reason": "shutdown", "left": 3}),
        (1.25, "quiet", "down", "sink", (), {}),
        (1.25, "quiet", "handle_cancel", None, (), {}),
        (1.25, "quiet", "stopped", None, (), {"reason": "shutdown", "left": 3}),
        (1.25, "#1", "stopped", None, (), {"reason": "shutdown"}),
    ]
    ledgers = [(event.kind, event.ledger) for event in recorder.events if event.stage == "quiet"]
    # [remembered, demand, buffered, dropped]; `before` is what the stage's last event left
    for (_, before), (_, after) in pairwise(ledgers):
        assert after["before"] == before["after"]
    assert ("handle_demand", {"before": [0, 0, 0, 0], "after": [2, 2, 0, 0]}) in ledgers
    # the three events: two have gone and one is in the buffer
    assert ("emitted", {"before": [2, 2, 0, 0], "after": [0, 0, 1, 0]}) in ledgers
    assert {event.ledger for event in recorder.events if event.stage == "#1"} == {None}


async def test_files_and_lines_name_the_users_code():
    recorder = Recorder(strict=True)
    await quiet_run(recorder)
    here = Path(inspect.getfile(Quiet)).name
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


async def test_lines_of_async_and_decorated_callbacks_and_of_tasks():
    class Later(Sink):
        async def handle_events(self, events):
            await anyio.sleep(1)
            say("later")

    async def task():
        await anyio.sleep(0.5)
        say("task")

    tasks = TaskSupervisor()
    async with recorded(Quiet(), Later(), tasks) as recorder:
        tasks.start_task(task)
        await told("quiet", [1])
        await anyio.sleep(1)
    said = {event.data["text"]: (event.t, event.line) for event in recorder.events if event.kind == "said"}
    assert said == {"later": (1.0, line_of(Later.handle_events) + 2), "task": (0.5, line_of(task) + 2)}
    (handled,) = [event for event in recorder.events if event.kind == "handled"]
    assert (handled.t, handled.line) == (1.0, line_of(Later.handle_events) + 2)


async def test_who_has_come_to_stand_at_an_await_is_told_before_another_acts():
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

    tasks = TaskSupervisor()
    async with recorded(Quiet(), Waiting(), tasks) as recorder:
        looking = tasks.start_task(task)
        await looking.wait()
        await told("quiet", [2])
    waits = [event for event in recorder.events if event.kind == "waits"]
    sink, loop = line_of(Waiting.nap) + 1, line_of(task)
    assert {(event.stage, event.line) for event in waits} == {("sink", sink), (looking.label, loop + 5)}
    assert [event.line for event in waits if event.stage == looking.label] == [loop + 5]
    for event in waits:  # the one before told what it did last, and the next is of another
        before = [each for each in recorder.events[: event.seq] if each.stage == event.stage][-1]
        assert (before.data.get("text") or before.kind) in ("got it", "cast")
        assert recorder.events[event.seq + 1].stage != event.stage
        assert event.t == recorder.events[event.seq - 1].t


async def test_kinds_of_processes_and_losses():
    class Weak(Sink):
        def handle_events(self, events):
            raise ValueError("two\nlines")

    recorder = Recorder(strict=True)

    top = Supervisor([child(Quiet), child(Weak)], name="top")
    async with running(top, recorder=recorder, report=lambda line: None):
        await idle()
        cast("quiet", ["a", "b", "c"])
        await anyio.sleep(1)
    kinds = [(event.stage, event.kind, event.peer, event.ids, event.data) for event in recorder.events]
    reason = "ValueError: two lines"
    assert [one[1:] for one in kinds if one[1] in ("crash", "restart")] == [
        ("crash", None, (), {"reason": reason, "left": 3}),
        ("restart", "top", (), {"reason": reason, "left": 2}),
        ("crash", None, (), {"reason": reason, "left": 2}),
        ("restart", "top", (), {"reason": reason, "left": 1}),
    ]
    assert [event.ids for event in recorder.events if event.kind == "lost"] == [("a", "b"), ("c",)]


def test_event_ids():
    class Named:
        id = 7

    assert [event_id(event) for event in ("a", 5, Named(), "x" * 201)] == ["a", "5", "7", "x" * 200]


@pytest.mark.parametrize(("keep", "kept"), [(True, None), (False, 0), (4, 4)])
async def test_all_or_none_or_the_first_so_many_are_kept_and_listeners_hear_all(keep, kept):
    recorder, heard = Recorder(keep=keep), []
    assert repr(recorder) == "<Recorder 0 events, the ledger adds up>"
    recorder.listeners.append(heard.append)
    await quiet_run(recorder)
    assert len(heard) > 10
    assert recorder.events == heard[:kept]
    assert repr(recorder) == f"<Recorder {len(heard)} events, the ledger adds up>"


def test_a_recorder_that_is_not_attached():
    with pytest.raises(SettingError, match=r"running\(recorder=\.\.\.\)"):
        Recorder().note("said", None)


@pytest.mark.parametrize(
    "events", [[1, "a", None, 2.5, True], [{"n": 1}], [1] * 9 + [[]], [1, bytearray(b"")], [HTTPStatus.OK, 1], [b"x"]]
)
async def test_events_that_change_keep_the_ids_that_they_had_when_they_were_sent(events):
    def change(events):
        for event in events:
            if isinstance(event, dict):
                event["n"] = event["n"] + 1
            elif isinstance(event, list | bytearray):
                event.append(1)

    class Changes(Sink):
        def handle_events(self, events):
            change(events)

    ids = tuple(map(event_id, events))

    async with recorded(Quiet(), Changes(max_demand=100)) as recorder:
        await told("quiet", events)
        change(events)
    named = {event.kind: event.ids for event in recorder.events if event.ids}
    assert named == dict.fromkeys(["cast", "emitted", "events", "handle_events", "handled"], ids)


async def test_a_producer_consumer_has_handled_a_batch_before_it_has_emitted_what_came_of_it():
    async with recorded(Quiet(), Double("quiet"), Sink("double")) as recorder:
        await told("quiet", [1, 2])
    here = [event for event in recorder.events if event.stage == "double" and event.ids]
    assert [(event.kind, event.ids, event.ledger["after"]) for event in here] == [
        ("events", ("1", "2"), [2, 2, 0, 0]),
        ("handle_events", ("1",), [2, 2, 0, 0]),
        ("handled", ("1",), [1, 1, 0, 0]),
        ("emitted", ("2",), [1, 1, 0, 0]),
        ("handle_events", ("2",), [1, 1, 0, 0]),
        ("handled", ("2",), [0, 0, 0, 0]),
        ("emitted", ("4",), [0, 0, 0, 0]),
    ]
    assert [event.data for event in here if event.kind == "handled"] == [{"last": False}] * 2


async def test_one_recorder_for_two_runs():
    """Numbers go on; time begins anew, and each run has an end."""
    recorder = Recorder(strict=True)

    await quiet_run(recorder)
    await quiet_run(recorder)
    assert [event.seq for event in recorder.events] == list(range(len(recorder.events)))
    assert [event.t for event in recorder.events if event.kind == "drain"] == [1.25, 1.25]


async def test_a_loop_that_is_killed_ends_where_it_stood():
    async def loop():
        say("here")
        await anyio.sleep(100)

    async def kill():
        await anyio.sleep(1)
        task.kill()

    tasks = TaskSupervisor()
    async with recorded(tasks) as recorder:
        task = tasks.start_task(loop)
        await kill()
        await task.wait()
    at = Path(__file__).name, line_of(loop) + 2
    (killed,) = [event for event in recorder.events if event.kind == "loop_killed"]
    (ended,) = [event for event in recorder.events if event.kind == "loop_ended"]
    assert tuple(killed.data["at"]) == (ended.file, ended.line) == at
    assert killed.line == line_of(kill) + 2


async def test_what_is_emitted_outside_of_a_callback_has_the_line_where_the_stage_stood():
    class Own(Quiet):
        def __init__(self):
            self.heard = []

        def handle_cast(self, message):
            self.heard.append(message)
            return

    own = Own()

    async with recorded(own, Sink()) as recorder:
        cast(own, "hello")
        own.emit([1])
        await idle()
    (emitted,) = [event for event in recorder.events if event.kind == "emitted"]
    assert emitted.line == line_of(Own.handle_cast)
    (started,) = [event for event in recorder.events if event.kind == "started" and event.stage == "quiet"]
    assert started.line == line_of(Own.__init__)


async def test_who_waits_at_the_line_that_it_was_last_seen_at_is_not_told():
    async def task():
        await anyio.sleep(1 if say("and waits") is None else 0)
        say("then here")
        tasks.start_task(anyio.sleep, 2)  # it acts, while the one that starts it does not wait; no line of it is told
        await anyio.sleep(1)

    async def only_waits():
        await anyio.sleep(2)

    tasks = TaskSupervisor()
    async with recorded(tasks) as recorder:
        done, silent = tasks.start_task(task), tasks.start_task(only_waits)
        for _ in range(4):
            await anyio.sleep(0.4)
            say("another acts")
        await done.wait()
    waits = [(event.stage, event.line) for event in recorder.events if event.kind == "waits"]
    assert waits == [(silent.label, line_of(only_waits) + 1), (done.label, line_of(task) + 4)]


async def test_what_is_emitted_to_a_stage_that_has_ended_is_lost_right_after_it_with_the_accounts_of_the_end():
    class Dies(Sink):
        def handle_cast(self, message):
            raise ValueError(message)

    dies, noted = Dies(), []
    async with recorded(Quiet(), dies, Sink(name="stays", max_demand=1)) as recorder:
        recorder.on_note.append(lambda kind, events, data: noted.append((kind, events)))
        cast(dies, "die")
        await told("quiet", ["a", "b", "c"])
    events = [event for event in recorder.events if event.kind in ("emitted", "lost")]
    assert [(event.kind, event.stage, event.peer, event.ids, event.ledger["after"]) for event in events] == [
        ("emitted", "quiet", "sink", ("a", "b"), [0, 0, 0, 0]),
        ("lost", "sink", None, ("a", "b"), [0, 0, 0, 0]),
        ("emitted", "quiet", "stays", ("c",), [0, 0, 0, 0]),
    ]
    assert ("lost", ["a", "b"]) in noted


def test_the_same_function_of_two_files_returns_in_its_own():
    def code(file):
        names = {}
        exec(compile("def handle_demand(demand):\n    demand += 1\n    return demand\n", file, "exec"), names)
        return names["handle_demand"].__code__

    one, other = code("steps/step7.py"), code("steps/step9.py")
    assert one == other  # to Python, which does not compare their files
    assert [exit_of(one), exit_of(other)] == [("step7.py", 3), ("step9.py", 3)]
