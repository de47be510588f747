"""Threads for calls that block: results, errors and contexts come back, as many run as are called, none stay."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import anyio
import pytest
from anyio import CapacityLimiter
from opened import Opened, Test

from palleto import clock
from palleto.cloud.clients.threads import Threads, turn

name: ContextVar[str] = ContextVar("name", default="nobody")


@pytest.fixture
def threads(backend: str) -> Opened:
    """`Threads` that are closed at the test's end."""

    def play(test: Test) -> None:
        async def main() -> None:
            threads = Threads()
            try:
                await test(threads)
            finally:
                threads.close()

        clock.run(main, backend=backend)

    return Opened(play)


class Work:
    """A function that blocks until it may go on; `begun` when `count` threads are in it."""

    def __init__(self, count: int = 1) -> None:
        self.begun, self.go_on, self.done = threading.Barrier(count + 1), threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.begun.wait(20)
        self.go_on.wait(20)
        self.done.set()


@pytest.fixture
def left() -> Iterator[Callable[[], set[threading.Thread]]]:
    """`left()`: our threads that the test started and that still run. At its end there must be none."""

    def ours() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name == "palleto blocking"} - before

    before: set[threading.Thread] = set()
    before |= ours()
    yield ours
    for thread in ours():
        thread.join(20)
    assert ours() == set()


async def test_a_call_gives_back_what_its_function_returns_or_raises(threads: Threads) -> None:
    assert await threads.call(threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        await threads.call(lambda: 1 / 0)
    with pytest.raises(KeyboardInterrupt):  # not an Exception; it must not end the thread unheard
        await threads.call(raises(KeyboardInterrupt()))
    assert await threads.call(lambda: "after an error") == "after an error"


def raises(error: BaseException) -> Callable[[], None]:
    def function() -> None:
        raise error

    return function


async def test_a_call_sees_its_callers_context_and_changes_none(threads: Threads) -> None:
    def rename() -> str:
        before = name.get()
        name.set("somebody else")
        return before

    name.set("caller")
    assert await threads.call(rename) == "caller"
    assert name.get() == "caller"


async def test_as_many_run_at_once_as_are_called(threads: Threads) -> None:
    meeting = threading.Barrier(50)  # more than anyio's own limit of 40, and than asyncio's of cores + 4
    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(threads.call, lambda: meeting.wait(20))


async def test_each_of_many_calls_that_end_together_is_answered(threads: Threads) -> None:
    """One wake of the loop serves all that are done by then; none may fall between two wakes."""
    answers: list[int] = []

    async def caller(number: int) -> None:
        for _ in range(100):
            answers.append(await threads.call(lambda: number))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for number in range(16):
                tasks.start_soon(caller, number)
    assert sorted(answers) == [number for number in range(16) for _ in range(100)]


async def test_one_thread_serves_calls_that_follow_one_another(threads: Threads) -> None:
    assert len({await threads.call(threading.get_ident) for _ in range(20)}) == 1


async def test_who_is_cancelled_leaves_the_call_behind_and_the_thread_serves_others(threads: Threads) -> None:
    work = Work()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(threads.call, work)
        await threads.call(lambda: work.begun.wait(20))
        tasks.cancel_scope.cancel()
    assert not work.done.is_set()  # nobody waited for it
    work.go_on.set()
    assert await threads.call(lambda: work.done.wait(20))
    assert await threads.call(lambda: "and more") == "and more"


async def test_a_call_after_the_end_is_answered(threads: Threads) -> None:
    """Its caller gets what the function raises, of a connection that is closed, say; nothing hangs."""
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(threads.call, time.monotonic)
    threads.close()
    with anyio.fail_after(20):
        for number in range(5):
            assert await threads.call(lambda number=number: number) == number  # type: ignore[misc]


def test_all_that_are_left_behind_end_in_silence_though_the_loop_has_closed(
    left: Callable[[], set[threading.Thread]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of them finds the loop closed; the others must not count on the wake that it never sent."""
    failed: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    threads, work = Threads(), Work(3)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(threads.call, work)
            await anyio.to_thread.run_sync(work.begun.wait, 20)
            tasks.cancel_scope.cancel()
        threads.close()

    clock.run(main)
    still = left()
    assert len(still) == 3  # at it, for a loop that has closed
    work.go_on.set()
    for thread in still:
        thread.join(10)
    assert left() == set()
    assert failed == []


def test_closed_threads_end_each_when_it_has_nothing_to_do(left: Callable[[], set[threading.Thread]]) -> None:
    threads, work = Threads(), Work()

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(threads.call, work)
            await threads.call(lambda: work.begun.wait(20))
            assert repr(threads) == "<Threads 1 idle>"
            threads.close()
            assert repr(threads) == "<Threads 0 idle>"
            work.go_on.set()

    clock.run(main)


async def test_a_turn_is_waited_for_and_given_on(backend: str) -> None:
    limiter = CapacityLimiter(1)
    order: list[str] = []

    async def second() -> None:
        async with turn(limiter):
            order.append("second")

    async with anyio.create_task_group() as tasks, turn(limiter):
        tasks.start_soon(second)
        await anyio.wait_all_tasks_blocked()
        order.append("first")
    assert order == ["first", "second"]
    assert limiter.borrowed_tokens == 0
    with pytest.raises(ZeroDivisionError):
        async with turn(limiter):
            raise ZeroDivisionError
    assert limiter.borrowed_tokens == 0


async def test_who_is_cancelled_already_gets_no_turn(backend: str) -> None:
    limiter = CapacityLimiter(1)
    had = False
    with anyio.CancelScope() as scope:
        scope.cancel()
        async with turn(limiter):
            had = True
    assert not had
    assert limiter.borrowed_tokens == 0
