"""Threads for calls that block: results, errors and contexts come back, as many run as are called, none stay."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import anyio
import pytest
from anyio import CapacityLimiter

from palleto import clock
from palleto.cloud.clients.threads import Threads, turn

name: ContextVar[str] = ContextVar("name", default="nobody")


@pytest.fixture
def play(backend: str) -> Callable[[Callable[[Threads], Awaitable[None]]], None]:
    """Run a test with `Threads` that are closed at its end."""

    def run(test: Callable[[Threads], Awaitable[None]]) -> None:
        async def main() -> None:
            threads = Threads()
            try:
                await test(threads)
            finally:
                threads.close()

        clock.run(main, backend=backend)

    return run


def ours() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "palleto blocking"]


def test_a_call_gives_back_what_its_function_returns_or_raises(play: Any) -> None:
    async def test(threads: Threads) -> None:
        assert await threads.call(threading.get_ident) != threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            await threads.call(lambda: 1 / 0)
        with pytest.raises(KeyboardInterrupt):  # not an Exception; it must not end the thread unheard
            await threads.call(raises(KeyboardInterrupt()))
        assert await threads.call(lambda: "after an error") == "after an error"

    play(test)


def raises(error: BaseException) -> Callable[[], None]:
    def function() -> None:
        raise error

    return function


def test_a_call_sees_its_callers_context_and_changes_none(play: Any) -> None:
    def rename() -> str:
        before = name.get()
        name.set("somebody else")
        return before

    async def test(threads: Threads) -> None:
        name.set("caller")
        assert await threads.call(rename) == "caller"
        assert name.get() == "caller"

    play(test)


def test_as_many_run_at_once_as_are_called(play: Any) -> None:
    meeting = threading.Barrier(50)  # more than anyio's own limit of 40, and than asyncio's of cores + 4

    async def test(threads: Threads) -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(threads.call, lambda: meeting.wait(20))

    play(test)


def test_each_of_many_calls_that_end_together_is_answered(play: Any) -> None:
    """One wake of the loop serves all that are done by then; none may fall between two wakes."""
    answers: list[int] = []

    async def caller(threads: Threads, number: int) -> None:
        for _ in range(100):
            answers.append(await threads.call(lambda: number))

    async def test(threads: Threads) -> None:
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                for number in range(16):
                    tasks.start_soon(caller, threads, number)

    play(test)
    assert sorted(answers) == [number for number in range(16) for _ in range(100)]


def test_one_thread_serves_calls_that_follow_one_another(play: Any) -> None:
    async def test(threads: Threads) -> None:
        assert len({await threads.call(threading.get_ident) for _ in range(20)}) == 1

    play(test)


def test_who_is_cancelled_leaves_the_call_behind_and_the_thread_serves_others(play: Any) -> None:
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(20)
        done.set()

    async def test(threads: Threads) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(threads.call, work)
            assert await threads.call(lambda: begun.wait(20))
            tasks.cancel_scope.cancel()
        assert not done.is_set()  # nobody waited for it
        go_on.set()
        assert await threads.call(lambda: done.wait(20))
        assert await threads.call(lambda: "and more") == "and more"

    play(test)


def test_a_call_after_the_end_is_answered(play: Any) -> None:
    """Its caller gets what the function raises, of a connection that is closed, say; nothing hangs."""

    async def test(threads: Threads) -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(threads.call, time.monotonic)
        threads.close()
        with anyio.fail_after(20):
            for number in range(5):
                assert await threads.call(lambda number=number: number) == number  # type: ignore[misc]

    play(test)


def test_all_that_are_left_behind_end_though_the_loop_has_closed() -> None:
    """The first of them finds the loop closed; the others must not count on the wake that it never sent."""
    before = set(ours())
    begun, go_on = threading.Barrier(4), threading.Event()
    threads = Threads()

    def work() -> None:
        begun.wait(20)
        go_on.wait(20)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(threads.call, work)
            await anyio.to_thread.run_sync(begun.wait, 20)
            tasks.cancel_scope.cancel()
        threads.close()

    clock.run(main)
    left = set(ours()) - before
    assert len(left) == 3
    go_on.set()
    for thread in left:
        thread.join(10)
    assert [thread for thread in left if thread.is_alive()] == []


def test_closed_threads_end_each_when_it_has_nothing_to_do() -> None:
    before = set(ours())
    begun, go_on = threading.Event(), threading.Event()
    threads = Threads()

    def work() -> None:
        begun.set()
        go_on.wait(20)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(threads.call, work)
            assert await threads.call(lambda: begun.wait(20))
            assert repr(threads) == "<Threads 1 idle>"
            threads.close()
            assert repr(threads) == "<Threads 0 idle>"
            go_on.set()

    clock.run(main)
    for thread in set(ours()) - before:
        thread.join(20)
    assert set(ours()) <= before


def test_a_call_that_outlives_its_loop_ends_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(ours())
    failed: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    begun, go_on = threading.Event(), threading.Event()
    threads = Threads()

    def work() -> None:
        begun.set()
        go_on.wait(20)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(threads.call, work)
            assert await threads.call(lambda: begun.wait(20))
            tasks.cancel_scope.cancel()
        threads.close()

    clock.run(main)
    left = set(ours()) - before
    assert left  # still at it, in a loop that has closed
    go_on.set()
    for thread in left:
        thread.join(20)
    assert set(ours()) <= before
    assert failed == []


def test_a_turn_is_waited_for_and_given_on(backend: str) -> None:
    async def main() -> None:
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

    clock.run(main, backend=backend)


def test_who_is_cancelled_already_gets_no_turn(backend: str) -> None:
    async def main() -> None:
        limiter = CapacityLimiter(1)
        had = False
        with anyio.CancelScope() as scope:
            scope.cancel()
            async with turn(limiter):
                had = True
        assert not had
        assert limiter.borrowed_tokens == 0

    clock.run(main, backend=backend)
