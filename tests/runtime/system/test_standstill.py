"""A run that stands says who waits for whom, once; one that moves, or is about to, says nothing."""

from __future__ import annotations

import logging

import anyio
import pytest
from stage_members import Numbers, Passing, Sink, Slow, of

from palleto import (
    Consumer,
    Producer,
    Recorder,
    StandstillError,
    Supervisor,
    System,
    TaskSupervisor,
    cast,
    child,
    clock,
    running,
    whereis,
)
from palleto.replay import explain

FORGETS = (
    "standstill at 0.000 s: sink waits for 8 events of passing; passing waits for 8 events of numbers; "
    "numbers remembers demand for 8 events, and nothing that runs gives them"
)


class Forgets(Producer):
    """Gives two events, and forgets the rest."""

    name = "numbers"

    def handle_demand(self, demand):
        return [1, 2]

    def handle_cast(self, events):
        return events


def forgetful():
    sink = Sink("passing", max_demand=10)
    sink.name = "sink"
    return of(Forgets(), Passing(max_demand=10), sink)


async def test_it_is_told_before_time_moves_and_once():
    told = []
    async with running(forgetful(), on_standstill=told.append):
        await anyio.sleep(1)
        assert told == [FORGETS]
        await anyio.sleep(100)
        cast("numbers", [3])
        await anyio.sleep(100)
        assert told == [FORGETS]


async def test_explain_begins_with_the_same_words():
    told, recorder = [], Recorder()
    async with running(forgetful(), on_standstill=told.append, recorder=recorder):
        await anyio.sleep(1)
    (line,) = told
    chain = line.removeprefix("standstill at 0.000 s: ").removesuffix(", and nothing that runs gives them")
    assert explain(recorder).sentence.startswith(chain)


async def test_the_default_is_a_warning_that_is_logged(caplog):
    async with running(forgetful()):
        await anyio.sleep(1)
    (record,) = caplog.records
    assert (record.name, record.levelno, record.getMessage()) == ("palleto", logging.WARNING, FORGETS)


def test_where_time_stands_for_ever(go):
    """It is told first, and then the run fails."""
    told = []

    async def main():
        async with running(forgetful(), on_standstill=told.append):
            await anyio.sleep_forever()

    with pytest.raises(StandstillError):
        go(main)
    assert told == [FORGETS]


async def test_who_hears_of_it_may_mend_it():
    heard, sink = [], Sink(max_demand=3)

    class Silent(Forgets):
        def handle_demand(self, demand):
            """Gives nothing."""

    def mend(line):
        heard.append(System.current().now())
        cast("numbers", [3])

    async with running(of(Silent(), sink), on_standstill=mend):
        await anyio.sleep(1)
        assert (heard, sink.got) == ([0], [3])


class Looking(Forgets):
    """A task looks for events, for three seconds."""

    def handle_demand(self, demand):
        if not hasattr(self, "task"):
            self.task = whereis("loops").start_task(anyio.sleep, 3)


class Later(Forgets):
    """A timer is to come, after three seconds."""

    def handle_demand(self, demand):
        self.after(3, [])


@pytest.mark.parametrize("source", [Looking, Later])
async def test_a_task_that_looks_for_events_is_expected_to_find_some_and_so_is_a_timer(source):
    told, loops = [], TaskSupervisor()
    loops.name = "loops"
    async with running(of(loops, source(), Sink("numbers")), on_standstill=told.append):
        await anyio.sleep(2.9)
        assert told == []
        await anyio.sleep(1)
        (line,) = told
        assert line.startswith("standstill at 3.000 s: #")
        assert line.endswith("numbers remembers demand for 1000 events, and nothing that runs gives them")


async def slow_events():
    for number in range(3):
        await anyio.sleep(1)
        yield number
    await anyio.sleep_forever()


class Thinks(Forgets):
    async def handle_demand(self, demand):
        await anyio.sleep(60)


@pytest.mark.parametrize(
    "members",
    [
        lambda: (Producer.from_iterable(slow_events(), name="numbers"), Sink()),
        lambda: (Thinks(), Sink("numbers")),
        lambda: (Numbers(), Slow()),
        lambda: (Producer.from_iterable(range(3), name="numbers"), Sink(cancel="temporary")),
        lambda: (Numbers(3),),
    ],
    ids=["an async iterable is read", "a callback awaits", "it moves", "its source has ended", "nobody asks"],
)
async def test_nothing_is_said_where_somebody_is_at_work_or_nobody_is_owed_anything(members):
    told = []
    async with running(of(*members()), on_standstill=told.append):
        await anyio.sleep(30)
        assert told == []


async def test_nothing_is_said_of_a_run_that_is_paused_or_has_drained():
    told = []
    async with running(of(Numbers(5), Sink(max_demand=5, min_demand=0)), on_standstill=told.append):
        System.current().pause()
        await anyio.sleep(10)
        System.current().resume()
        await System.current().drain()
        await anyio.sleep(10)
    assert told == []


async def test_demand_that_is_kept_back():
    told, numbers = [], Numbers(5)

    class First(Consumer):
        name = "first"

        def init(self):
            numbers.demand("accumulate")
            self.subscribe(numbers, max_demand=5)

        def handle_events(self, events):
            """Never."""

    top = Supervisor([child(lambda: numbers, restart="temporary"), child(First)])
    async with running(top, on_standstill=told.append):
        await anyio.sleep(1)
    assert [line.split(";")[0] for line in told] == ["standstill at 0.000 s: first waits for 5 events of numbers"]


@pytest.mark.parametrize("time", ["real", 1000.0])
def test_where_time_is_not_virtual(backend, time, monkeypatch):
    monkeypatch.setattr("palleto.runtime.standstill.WAIT", 0.01)
    told = []

    async def main():
        heard = anyio.Event()

        def hear(line):
            told.append(line)
            heard.set()

        async with running(forgetful(), on_standstill=hear):
            await heard.wait()

    clock.run(main, backend=backend, time=time)
    (line,) = told
    assert line.split(": ")[1:] == FORGETS.split(": ")[1:]
