"""An async callback begins in the pump and, if it waits, goes on in its stage's task: it must not be able to tell."""

import asyncio
from contextlib import suppress
from contextvars import ContextVar

import anyio
import pytest

from palleto import Consumer, Producer, Supervisor, actor, child, clock, running
from palleto.runtime import Eager, asyncio_loop, eager

EVENTS = 6


@pytest.fixture(params=["asyncio", "trio", "asyncio, all in the task", "trio, all in the task"])
def backend(request, monkeypatch):
    """Each backend, and each as if its tasks could be stepped by nobody else."""
    name, _, task = request.param.partition(", ")
    if task:
        monkeypatch.setattr("palleto.runtime.tasked.eager", lambda aborted: None)
    return name


mark: ContextVar[str] = ContextVar("mark", default="none")


class Numbers(Producer):
    """0, 1, 2, ... up to EVENTS."""

    name = "numbers"

    def init(self):
        self.next = 0

    def handle_demand(self, demand):
        events = [*range(self.next, min(EVENTS, self.next + demand))]
        self.next += len(events)
        return events


class Taker(Consumer):
    """Does `what` with each event, at a demand of 1."""

    def __init__(self, what):
        self.what, self.got = what, []

    def init(self):
        self.subscribe("numbers", max_demand=1, min_demand=0, cancel="temporary")

    async def handle_events(self, events):
        for event in events:
            self.got.append(await self.what(self, event))


def play(backend, *whats, body=None, **settings):
    """Run a taker for each of `whats`, one after the other started, until all is idle."""
    takers = [Taker(what) for what in whats]
    reported = []

    async def main():
        children = [child(Numbers), *(child(lambda one=one: one, restart="temporary") for one in takers)]
        async with running(Supervisor(children), report=reported.append, **settings) as top:
            if body is not None:
                await body(takers)
            await top.system.idle()

    clock.run(main, backend=backend, time="virtual")
    return takers, reported


def test_a_callback_that_waits_now_and_then(backend):
    async def what(taker, event):
        if event % 2:
            await anyio.sleep(1)
        return event, anyio.current_time()

    ((taker,), _) = play(backend, what)
    assert taker.got == [(0, 0), (1, 1), (2, 1), (3, 2), (4, 2), (5, 3)]


def test_it_is_one_task_before_and_after_the_wait(backend):
    async def what(taker, event):
        before = anyio.get_current_task()
        acting = actor()
        await anyio.sleep(event % 2)
        return before == anyio.get_current_task(), acting is actor() is taker

    ((taker, other), _) = play(backend, what, what)
    assert {*taker.got, *other.got} == {(True, True)}
    assert len(taker.got) + len(other.got) == EVENTS


def test_a_deadline_entered_before_the_first_wait(backend):
    async def what(taker, event):
        with anyio.move_on_after(1) as scope:
            await anyio.sleep(0.5 + event % 2)
        return event % 2 == scope.cancelled_caught or anyio.current_time()

    async def failing(taker, event):
        with suppress(TimeoutError), anyio.fail_after(0.5):
            await anyio.sleep(1)
        return True

    ((first, second), reported) = play(backend, what, failing)
    assert {*first.got, *second.got} == {True}
    assert reported == []


def test_a_task_group_entered_before_the_first_wait(backend):
    async def what(taker, event):
        slept = []

        async def nap(seconds):
            await anyio.sleep(seconds)
            slept.append(seconds)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(nap, 2)
            tasks.start_soon(nap, 1)
        return slept

    ((taker,), _) = play(backend, what)
    assert taker.got == [[1, 2]] * EVENTS


def test_context_variables_are_the_stages_own(backend):
    async def what(taker, event):
        before = mark.get()
        token = mark.set(f"{taker.id} {event}")
        if event % 2:
            await anyio.sleep(1)
            inside = mark.get()
            mark.reset(token)
        else:
            inside = mark.get()
        return before, inside

    ((one, other), _) = play(backend, what, what)
    assert one.got
    assert other.got
    for taker in (one, other):
        assert all(inside.startswith(f"{taker.id} ") for _, inside in taker.got)
        assert all(before == "none" or before.startswith(f"{taker.id} ") for before, _ in taker.got)
    assert mark.get() == "none"


@pytest.mark.parametrize("waits", [False, True])
def test_a_crash_before_or_after_the_wait(backend, waits):
    async def what(taker, event):
        if event == 2:
            if waits:
                await anyio.sleep(1)
            raise RuntimeError("broken")
        return event

    ((taker,), reported) = play(backend, what)
    assert taker.got == [0, 1]
    assert not taker.running
    assert reported == [f"{taker.label} crashed: RuntimeError: broken"]


@pytest.mark.parametrize("after", [0, 0.5])
def test_killed_where_it_waits(backend, after):
    ended = []

    async def what(taker, event):
        try:
            await anyio.sleep(100)
        finally:
            ended.append(anyio.current_time())

    async def body(takers):
        await anyio.sleep(after)
        takers[0].kill()
        await takers[0].wait()

    ((taker,), _) = play(backend, what, body=body)
    assert ended in ([after], [])  # killed at once, it may not have begun
    assert taker.got == []


def test_it_may_kill_itself(backend):
    async def what(taker, event):
        taker.kill()
        return event

    ((taker,), _) = play(backend, what)
    assert taker.got == [0]
    assert not taker.running


def test_two_that_wait_for_one_future():
    futures = []

    async def what(taker, event):
        if not futures:
            futures.append(asyncio.ensure_future(asyncio.sleep(1, "slept")))
        return await futures[0]

    (takers, reported) = play("asyncio", what, what)
    assert [result for taker in takers for result in taker.got] == ["slept"] * EVENTS
    assert reported == []


def test_pause_holds_the_next_message_back(backend):
    seen = []

    async def what(taker, event):
        if event == 1:
            taker.system.pause()
        return event

    async def body(takers):
        await anyio.sleep(1)
        seen.append(list(takers[0].got))
        takers[0].system.resume()

    ((taker,), _) = play(backend, what, body=body)
    assert seen == [[0, 1]]
    assert taker.got == [*range(EVENTS)]


def test_who_is_woken_before_its_task_has_run(backend):
    """The wait of a first step may be ended at once, by the first step of another."""
    doors = []

    async def what(taker, event):
        doors.extend([] if doors else [anyio.Semaphore(0)])
        if event % 2:
            doors[0].release()
        else:
            await doors[0].acquire()
        return event

    (takers, reported) = play(backend, what, what)
    assert sorted(event for taker in takers for event in taker.got) == [*range(EVENTS)]
    assert reported == []


@pytest.mark.parametrize("how", ["deadline", "cancelled"])
def test_a_scope_that_is_over_before_the_first_wait(backend, how):
    async def what(taker, event):
        with anyio.CancelScope(deadline=-1 if how == "deadline" else float("inf")) as scope:
            if how == "cancelled":
                scope.cancel()
            await anyio.sleep(1)
        return scope.cancelled_caught, anyio.current_time()

    ((taker,), _) = play(backend, what)
    assert taker.got == [(True, 0)] * EVENTS


def test_a_bare_checkpoint(backend):
    async def what(taker, event):
        before = anyio.get_current_task()
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.cancel_shielded_checkpoint()
        return before == anyio.get_current_task()

    ((taker,), _) = play(backend, what)
    assert taker.got == [True] * EVENTS


def test_a_thread(backend):
    async def what(taker, event):
        return await anyio.to_thread.run_sync(lambda: (event, mark.get()))

    ((taker,), _) = play(backend, what)
    assert taker.got == [(event, "none") for event in range(EVENTS)]


def test_the_run_is_cancelled_by_a_callback(backend):
    ended = []

    async def what(taker, event):
        taker.system.tasks.cancel_scope.cancel()
        try:
            await anyio.sleep(1)
        finally:
            ended.append(event)

    ((taker,), _) = play(backend, what)
    assert ended == [0]
    assert taker.got == []
    assert not taker.running


def test_a_task_group_left_open_from_callback_to_callback(backend):
    """As of an async generator with one around its `yield`: all callbacks are in one task."""
    numbers = []

    async def count():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep, 1)
            for number in range(EVENTS - 1):
                yield number
                await anyio.sleep(number % 2)

    async def what(taker, event):
        numbers.extend([] if numbers else [count()])
        return await anext(numbers[0], "end")

    ((taker,), reported) = play(backend, what)
    assert taker.got == [*range(EVENTS - 1), "end"]
    assert reported == []


def test_what_the_backend_knows_nothing_of_is_a_crash(backend):
    class Strange:
        def __await__(self):
            yield "strange"

    async def what(taker, event):
        await Strange()

    ((taker,), reported) = play(backend, what)
    assert not taker.running
    assert len(reported) == 1
    assert "strange" in reported[0]


@pytest.mark.parametrize("name", ["asyncio", "trio"])
def test_both_backends_allow_it(name):
    async def main():
        return asyncio_loop() is not None, isinstance(eager(lambda: None), Eager)

    assert clock.run(main, backend=name) == (name == "asyncio", True)
    assert asyncio_loop() is None


def test_a_trio_that_is_not_as_we_know_it():
    async def main():
        with pytest.MonkeyPatch.context() as patch:
            patch.delattr("trio._core._traps.WaitTaskRescheduled")
            return eager(lambda: None)

    assert clock.run(main, backend="trio") is None
