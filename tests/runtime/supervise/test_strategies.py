"""What a supervisor restarts, in which order, how often, and what a tree of them does."""

# ruff: noqa: PT012 -- what raises here is a whole `async with` or `async for`

from __future__ import annotations

import anyio
import pytest
from workers import FOUR, EndsLate, Worker, after, workers

import palleto
from palleto import Recorder, RestartError, SettingError, Supervisor, System, cast, child, running, whereis


async def test_started_in_order_and_stopped_in_reverse():
    log = []

    inner = child(Supervisor, workers(log, x="permanent", y="permanent"), name="inner")
    first, *others = workers(log, **FOUR)
    async with running(Supervisor([first, inner, *others])):
        assert log == ["+a", "+x", "+y", "+b", "+c", "+d"]
        log.clear()
    assert log == ["-d", "-c", "-b", "-y", "-x", "-a"]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("one_for_one", ["-b", "+b"]),
        ("rest_for_one", ["-b", "-d", "-c", "+b", "+c", "+d"]),
        ("one_for_all", ["-b", "-d", "-c", "-a", "+a", "+b", "+c", "+d"]),
    ],
)
@pytest.mark.parametrize("how", ["crash", "stop"])
async def test_strategies(strategy, expected, how):
    log = []

    async with running(Supervisor(workers(log, **FOUR), strategy=strategy), report=lambda line: None):
        before = {name: whereis(name) for name in "abcd"}
        log.clear()
        await after("b", how)
        assert log == expected
        assert {name for name in "abcd" if whereis(name) is not before[name]} == {
            entry[1] for entry in log if entry[0] == "+"
        }


@pytest.mark.parametrize(
    ("restart", "after_crash", "after_stop"),
    [("permanent", True, True), ("transient", True, False), ("temporary", False, False)],
)
@pytest.mark.parametrize("strategy", ["one_for_one", "rest_for_one", "one_for_all"])
async def test_restart_terms(restart, after_crash, after_stop, strategy):
    for message, expected in (("crash", after_crash), ("stop", after_stop)):
        top = Supervisor(workers([], a=restart), strategy=strategy)
        async with running(top, report=lambda line: None):
            await after("a", message)
            assert ("a" in System.current().names) == expected
            assert len(top.children) == (0 if restart == "temporary" else 1)


@pytest.mark.parametrize("strategy", ["rest_for_one", "one_for_all"])
async def test_a_temporary_child_is_not_restarted_for_anothers_sake(strategy):
    log = []

    top = Supervisor(workers(log, a="permanent", b="temporary", c="permanent"), strategy=strategy)
    async with running(top, report=lambda line: None):
        log.clear()
        await after("a", "crash")
        assert log == ["-a", "-c", "-b", "+a", "+c"]
        assert len(top.children) == 2


async def crash_of_a(times, pause):
    for _ in range(times):
        await after("a", "crash")
        await anyio.sleep(pause)


async def test_the_budget():
    async with running(Supervisor(workers([], a="permanent")), report=lambda line: None):
        await crash_of_a(3, 0.0)
        await anyio.sleep(5)
        await crash_of_a(9, 1.7)  # never more than three in five seconds
    with pytest.raises(RestartError) as caught:
        async with running(Supervisor(workers([], a="permanent"), name="top"), report=lambda line: None):
            await crash_of_a(4, 1)
            await anyio.sleep_forever()
    assert str(caught.value) == (
        "expected at most 3 restarts in 5 s under top, got one more; the last to end was a: ValueError: a real crash"
    )


async def test_giving_up_stops_the_other_children_in_reverse_order():
    log = []

    with pytest.raises(RestartError):
        async with running(Supervisor(workers(log, **FOUR), max_restarts=0), report=lambda line: None):
            log.clear()
            cast("b", "crash")
            await anyio.sleep_forever()
    assert log == ["-b", "-d", "-c", "-a"]


async def test_a_tree_that_gives_up():
    """The inner supervisor gives up, the outer one restarts it, again and again, and then gives up, too."""
    log, reported = [], []

    recorder = Recorder(strict=True)
    inner = child(Supervisor, workers(log, a="permanent"), name="inner", max_restarts=1)
    outer = Supervisor([inner], name="outer", max_restarts=2)
    with pytest.raises(RestartError, match=r"2 restarts in 5 s under outer, .* was inner: RestartError"):
        async with running(outer, recorder=recorder, report=reported.append):
            while True:
                await after("a", "crash")
    restarts = [event.stage for event in recorder.events if event.kind == "restart"]
    assert restarts == ["a", "inner", "a", "inner", "a"]
    assert log == ["+a", "-a"] * 6
    assert [line.split(":")[0] for line in reported] == [
        *["Worker a crashed", "Worker a crashed", "inner crashed"] * 3,
        "outer crashed",
    ]


@pytest.mark.parametrize("settings", [{"max_restarts": -1}, {"max_seconds": 0}, {"strategy": "some_for_all"}])
def test_broken_settings(settings):
    with pytest.raises((SettingError, palleto.DemandError), match="expected "):
        Supervisor([], **settings)
    with pytest.raises(SettingError, match="expected restart to be permanent"):
        child(Worker, [], restart="always")


def test_one_child_named_twice_is_refused():
    """It would start two processes and know one of them: the other was never restarted."""
    with pytest.raises(SettingError, match="of its own for each of 3 children, got one twice"):
        Supervisor([child(Worker, [])] * 3)


async def test_an_end_does_not_hide_that_it_gave_up():
    """It is asked to end while it still stops its children after one restart too many."""
    top = Supervisor([*workers([], a="permanent"), child(EndsLate, [], name="b")], max_restarts=0)
    with pytest.raises(RestartError, match="at most 0 restarts"):
        async with running(top, report=lambda line: None):
            cast("a", "crash")
            await anyio.sleep(0.5)
            await top.end()
            assert anyio.current_time() == 1
