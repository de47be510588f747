"""Tasks: they are listed and killed, and run again."""

from __future__ import annotations

import random
from itertools import pairwise

import anyio
import pytest
from workers import workers

from palleto import Recorder, Supervisor, Task, TaskSupervisor, running


class Log:
    """An async function that writes down when it runs, and crashes as often as it is told."""

    def __init__(self, *crashes):
        self.crashes, self.times, self.ended = list(crashes), [], False

    async def __call__(self, nap=100.0):
        self.times.append(anyio.current_time())
        if self.crashes:
            raise ValueError(self.crashes.pop(0))
        await anyio.sleep(nap)
        self.ended = True


async def test_tasks_start_list_and_kill():
    recorder = Recorder(strict=True)
    async with running(TaskSupervisor(), recorder=recorder) as top:
        first, second, never = Log(), Log(), Log()
        one, two = top.start_task(first), top.start_task(second, 2.0)
        assert top.tasks == [one, two]
        await anyio.sleep(1)
        one.kill()
        one.kill()  # told of once
        assert top.tasks == [two]  # killed, and not ended yet
        assert one.running
        await one.wait()
        await anyio.sleep(2)
        assert (first.ended, second.ended, top.tasks) == (False, True, [])
        one.kill()  # in vain
        three = top.start_task(never)
        three.kill()  # before it began
        await three.wait()
        assert never.times == []
    told = [(event.kind, event.stage) for event in recorder.events if event.kind.startswith("loop")]
    kinds = [(kind, stage) for kind, stage in told if stage != three.id]
    assert kinds == [
        ("loop_started", one.id),
        ("loop_started", two.id),
        ("loop_killed", one.id),
        ("loop_ended", one.id),
        ("loop_ended", two.id),
    ]


async def test_a_temporary_task_that_crashes_is_reported_and_logged(caplog):
    reported = []

    async with running(TaskSupervisor(), report=reported.append) as top:
        task = top.start_task(Log("oh"))
        await task.wait()
        assert top.tasks == []
        assert top.running
        assert reported == [f"{task.id} crashed: ValueError: oh"]
    assert [(record.name, record.exc_info[1].args) for record in caplog.records] == [("palleto.Task", ("oh",))]


async def test_a_transient_task_runs_again_with_backoff_and_is_reported_and_logged_once(caplog):
    log, reported = Log(*["oh"] * 12, "another", "another"), []

    async with running(TaskSupervisor(), report=reported.append, seed=7) as top:
        task = top.start_task(log, 0.0, restart="transient")
        await task.wait()
        assert reported == [f"{task.id} is started again after ValueError: {text}" for text in ("oh", "another")]
    logged = [(record.name, record.exc_info[1].args) for record in caplog.records]
    assert logged == [("palleto.Task", ("oh",)), ("palleto.Task", ("another",))]
    waits = [after - before for before, after in pairwise(log.times)]
    longest = [min(30, 0.1 * 2**at) for at in range(14)]
    chance = random.Random(7)
    assert waits == pytest.approx([most * (1 - chance.random() / 2) for most in longest])
    assert log.ended


async def test_the_end_of_a_task_supervisor_ends_its_tasks():
    cleaned = []

    async def careful():
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(3)
                cleaned.append(anyio.current_time())

    async with running(TaskSupervisor()) as top:
        task = top.start_task(careful)
        await anyio.sleep(1)
        await top.end()
        assert (cleaned, task.running, top.running) == ([4], False, False)
    assert anyio.current_time() == 4


async def test_a_drain_kills_tasks_and_starts_no_more():
    async with running(TaskSupervisor()) as top:
        log, late = Log(), Log()
        task = top.start_task(log)
        await anyio.sleep(1)
        await top.system.drain()
        assert not task.running
        assert (anyio.current_time(), top.tasks) == (1, [])
        await top.start_task(late).wait()
        assert late.times == []


@pytest.mark.parametrize("restart", ["temporary", "transient"])
async def test_a_task_that_catches_its_cancellation_and_crashes(restart):
    """It was killed: one that would run again after a crash does not, and nobody is told that it will."""
    recorder, reported, runs = Recorder(), [], []

    async def stubborn():
        runs.append(anyio.current_time())
        try:
            await anyio.sleep_forever()
        except BaseException:
            raise ValueError("stubborn") from None

    async with running(TaskSupervisor(), recorder=recorder, report=reported.append) as top:
        task = top.start_task(stubborn, restart=restart)
        await anyio.sleep(1)
        task.kill()
        await task.wait()
        assert (anyio.current_time(), runs) == (1, [0])
        assert reported == ([f"{task.id} crashed: ValueError: stubborn"] if restart == "temporary" else [])
    (ended,) = [event for event in recorder.events if event.kind == "loop_ended"]
    assert ended.data["reason"] == ("ValueError: stubborn" if restart == "temporary" else "shutdown")
    assert "loop_crashed" not in {event.kind for event in recorder.events}


async def test_a_task_may_be_crashed_and_tells_that_it_goes_well_again():
    """Its wait doubles with each crash in a row, up to 30 s; what goes well ends the row."""
    log, reported = Log(), []

    async with running(TaskSupervisor(), report=reported.append) as top:
        task = top.start_task(log, 1e9, restart="transient")
        for at in range(1100):
            await anyio.sleep(31)
            task.crash()
            if at == 1050:
                task.progressed()
        await anyio.sleep(31)
        task.crash()
        await anyio.sleep(0.01)
        task.kill()  # while it waits to run again
        await task.wait()
        assert reported == [f"{task.id} is started again after PalletoError: crashed on purpose"]
    waits = [after - 31 * at for at, after in enumerate(log.times)][1:]
    longest = [min(30, 0.1 * 2 ** min(at, 20)) for at in [*range(1050), *range(50)]]
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, longest, strict=True))


async def test_a_failed_request_is_one_kind_of_crash_whatever_its_text():
    class Refused(Exception):
        operation, code = "ReceiveMessage", "Throttled"

    ports, reported = iter(range(3)), []

    async def asks():
        for port in ports:
            raise Refused(f"port {port}")

    async with running(TaskSupervisor(), report=reported.append) as top:
        await top.start_task(asks, restart="transient").wait()
    assert [line.split(" ", 1)[1] for line in reported] == ["is started again after Refused: port 0"]


async def test_repr():
    async with running(Supervisor(workers([], a="permanent"), name="top")) as top:
        assert repr(top) == "<Supervisor top one_for_one, 1 children>"
        assert repr(top.children) == "[<Child a, permanent: <Worker a running>>]"
        assert repr(Task(anyio.sleep, (), "temporary")) == "<Task #0 not running>"
