"""Starts: an `init` that fails, and children that are started and stopped while others are."""

# ruff: noqa: PT012 -- what raises here is a whole `async with` or `async for`

from __future__ import annotations

import anyio
import pytest
from workers import Worker, after, workers

from palleto import (
    Consumer,
    NameTakenError,
    NotFoundError,
    Producer,
    RestartError,
    Supervisor,
    System,
    cast,
    child,
    running,
    whereis,
)


class Fails(Worker):
    """Its init fails so many times, from the given start on."""

    starts = 0

    def __init__(self, log, fails):
        super().__init__(log)
        self.fails = fails

    def init(self):
        super().init()
        type(self).starts += 1
        if type(self).starts in self.fails:
            raise OSError(f"start {type(self).starts}")


@pytest.fixture
def fails():
    return type("Fails", (Fails,), {"starts": 0})


async def test_init_that_fails_at_the_start(fails):
    log = []

    children = [*workers(log, a="permanent"), child(fails, log, {1}, name="b"), *workers(log, c="permanent")]
    with pytest.raises(OSError, match="start 1"):
        async with running(Supervisor(children)):
            raise AssertionError("unreachable")
    assert log == ["+a", "+b", "-a"]


async def test_init_that_fails_at_the_start_of_a_tree(fails):
    log = []

    inner = child(Supervisor, [*workers(log, x="permanent"), child(fails, log, {1}, name="b")], name="inner")
    with pytest.raises(OSError, match="start 1"):
        async with running(Supervisor([*workers(log, a="permanent"), inner])):
            raise AssertionError("unreachable")
    assert log == ["+a", "+x", "+b", "-x", "-a"]


async def test_init_that_fails_at_a_restart_is_paid_from_the_budget(fails):
    log = []

    async with running(Supervisor([child(fails, log, {2, 3}, name="b")]), report=lambda line: None) as top:
        await after("b", "crash")
        assert whereis("b").running
        assert len(top.children) == 1
    fails.starts = 0
    with pytest.raises(RestartError, match="was b: OSError: start 4"):
        async with running(Supervisor([child(fails, [], {2, 3, 4}, name="b")]), report=lambda line: None):
            await after("b", "crash")
            await anyio.sleep_forever()
    assert log == ["+b", "-b", "+b", "+b", "+b", "-b"]


async def test_start_child_and_stop_child(fails):
    log, reported = [], []

    async with running(Supervisor(workers(log, a="permanent")), report=reported.append) as top:
        b = top.start_child(*workers(log, b="permanent"))
        assert whereis("b") is b
        with pytest.raises(NameTakenError):
            top.start_child(*workers(log, b="permanent"))
        with pytest.raises(OSError, match="start 1"):
            top.start_child(child(fails, log, {1}, name="c"))
        with pytest.raises(OSError, match="start 2"):
            top.start_child(
                child(Supervisor, [*workers(log, x="permanent"), child(fails, log, {2}, name="y")], name="z")
            )
        await System.current().idle()
        assert set(System.current().names) == {"a", "b"}
        await top.stop_child(whereis("a"))
        assert set(System.current().names) == {"b"}
        with pytest.raises(NotFoundError, match="expected a child of"):
            await top.stop_child(Worker(log))
        await System.current().idle()
        assert set(System.current().names) == {"b"}
    assert reported == []  # who starts one that fails is told by the error


async def test_a_child_that_starts_another_while_all_are_started():
    """The other is started once: by whom asked for it, and not again as one of the list."""

    class Asks(Worker):
        def init(self):
            super().init()
            top.start_child(*workers(log, b="permanent"))

    log = []
    top = Supervisor([child(Asks, log, name="a"), *workers(log, c="permanent")])

    async with running(top):
        assert log == ["+a", "+b", "+c"]
        assert [spec.name for spec in top.children] == ["a", "c", "b"]
    assert log[3:] == ["-b", "-c", "-a"]


async def test_a_child_that_is_stopped_while_it_waits_to_be_restarted():
    class Slow(Worker):
        async def terminate(self, reason):
            await anyio.sleep(1)

    top = Supervisor([*workers([], a="permanent"), child(Slow, [], name="b")], strategy="one_for_all", name="top")
    async with running(top, report=lambda line: None):
        cast("a", "crash")
        await anyio.sleep(0.5)
        await top.stop_child(whereis("b"))
        await System.current().idle()
        assert set(System.current().names) == {"a", "top"}


async def test_kill_in_the_middle_of_an_async_callback():
    class Slow(Worker):
        async def handle_cast(self, message):
            await anyio.sleep(100)

    log, reported = [], []

    async with running(Supervisor([child(Slow, log, name="a")]), report=reported.append):
        cast("a", 1)
        await anyio.sleep(1)
        before = whereis("a")
        before.kill()
        await before.wait()
        await System.current().idle()
        assert anyio.current_time() == 1
        assert whereis("a") is not before
    assert log == ["+a", "-a", "+a", "-a"]
    assert reported == ["a crashed: killed"]


async def test_two_that_end_at_once_and_one_needs_the_other():
    """The consumer's restart fails as its producer is not there; the producer's turn comes before the next try."""

    class Silent(Producer):
        name = "numbers"

        def handle_demand(self, demand):
            pass

    class Plain(Consumer):
        name = "plain"

        def init(self):
            self.subscribe("numbers")

    top = Supervisor([child(Silent), child(Plain)])
    async with running(top, report=lambda line: None):
        await System.current().idle()
        before = whereis("plain"), whereis("numbers")
        for process in before:
            process.kill()
        await System.current().idle()
        assert whereis("plain") not in before
        assert whereis("numbers") not in before


def test_a_process_that_a_restart_has_replaced_is_no_child_any_more(go):
    class Looks(Worker):
        def init(self):
            super().init()
            if old:
                with pytest.raises(NotFoundError, match="expected a child of"):
                    top.stop_child(old).send(None)
                looked.append(self)

    old, looked = None, []
    top = Supervisor([*workers([], a="permanent", b="permanent"), child(Looks, [], name="c")], strategy="one_for_all")

    async def main():
        nonlocal old
        async with running(top, report=lambda line: None):
            old = whereis("b")
            await after("a", "crash")
            assert looked == [whereis("c")]
            assert [spec.name for spec in top.children] == ["a", "b", "c"]

    go(main)


async def test_an_end_in_the_middle_of_a_restart_starts_nobody_again():
    class Slow(Worker):
        async def terminate(self, reason):
            await anyio.sleep(1)
            super().terminate(reason)

    log = []

    specs = [*workers(log, a="permanent"), child(Slow, log, name="b"), *workers(log, c="permanent")]
    top = Supervisor(specs, strategy="one_for_all", max_restarts=1)
    async with running(top, report=lambda line: None):
        cast("a", "crash")
        await anyio.sleep(0.5)
        await top.end()  # in its budget: that is no failure
    assert log == ["+a", "+b", "+c", "-a", "-c", "-b"]
