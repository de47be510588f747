"""Starts: an `init` that fails, and children that are started and stopped while others are."""

# ruff: noqa: PT012 -- what raises here is a whole `async with` or `async for`

from __future__ import annotations

import anyio
import pytest
from stage_members import Numbers, Slow
from workers import EndsLate, Worker, after, workers

from palleto import (
    NameTakenError,
    NotFoundError,
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


async def test_init_that_fails_at_the_start_ends_the_tree_that_was_started(fails):
    log = []
    specs = [*workers(log, x="permanent"), child(fails, log, {1}, name="b"), *workers(log, c="permanent")]
    with pytest.raises(OSError, match="start 1"):
        async with running(Supervisor([*workers(log, a="permanent"), child(Supervisor, specs, name="inner")])):
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


@pytest.mark.parametrize("also", ["", "c"])
async def test_rest_for_one_keeps_the_order_of_start_where_a_restart_fails(fails, also):
    """Those after it wait until it runs, those too that crashed meanwhile."""
    log = []
    b = child(fails, log, {2}, name="b")
    specs = [*workers(log, a="permanent"), b, *workers(log, c="permanent", d="temporary")]
    async with running(Supervisor(specs, strategy="rest_for_one"), report=lambda line: None) as top:
        log.clear()
        for name in ["b", *also]:
            cast(name, "crash")
        await System.current().idle()
        assert [entry for entry in log if entry[0] == "+"] == ["+b", "+b", "+c"]
        assert [spec.name for spec in top.children] == ["a", "b", "c"]


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
    top = Supervisor([*workers([], a="permanent"), child(EndsLate, [], name="b")], strategy="one_for_all", name="top")
    async with running(top, report=lambda line: None):
        cast("a", "crash")
        await anyio.sleep(0.5)
        await top.stop_child(whereis("b"))
        await System.current().idle()
        assert set(System.current().names) == {"a", "top"}


async def test_two_that_end_at_once_and_one_needs_the_other():
    """The consumer's restart fails as its producer is not there; the producer's turn comes before the next try."""
    top = Supervisor([child(Numbers), child(Slow, name="slow")])
    async with running(top, report=lambda line: None):
        await System.current().idle()
        before = whereis("slow"), whereis("numbers")
        for process in before:
            process.kill()
        await System.current().idle()
        assert whereis("slow") not in before
        assert whereis("numbers") not in before


async def test_a_process_that_a_restart_has_replaced_is_no_child_any_more():
    class Looks(Worker):
        def init(self):
            super().init()
            if old:
                with pytest.raises(NotFoundError, match="expected a child of"):
                    top.stop_child(old[0]).send(None)
                looked.append(self)

    old, looked = [], []
    top = Supervisor([*workers([], a="permanent", b="permanent"), child(Looks, [], name="c")], strategy="one_for_all")

    async with running(top, report=lambda line: None):
        old.append(whereis("b"))
        await after("a", "crash")
        assert looked == [whereis("c")]
        assert [spec.name for spec in top.children] == ["a", "b", "c"]


async def test_an_end_in_the_middle_of_a_restart_starts_nobody_again():
    log = []

    specs = [*workers(log, a="permanent"), child(EndsLate, log, name="b"), *workers(log, c="permanent")]
    top = Supervisor(specs, strategy="one_for_all", max_restarts=1)
    async with running(top, report=lambda line: None):
        cast("a", "crash")
        await anyio.sleep(0.5)
        await top.end()  # in its budget: that is no failure
    assert log == ["+a", "+b", "+c", "-a", "-c", "-b"]
