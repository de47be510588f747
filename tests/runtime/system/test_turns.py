"""In which order stages have their turns."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest
from run_members import Numbers, of

import palleto
from palleto import Consumer, ConsumerSupervisor, Producer, System, TaskSupervisor, cast, running, whereis


def order(seed, backend):
    got = []

    class Plain(Consumer):
        def __init__(self, number):
            self.number = number

        def handle_cast(self, message):
            got.append(self.number)

    async def main():
        consumers = [Plain(number) for number in range(8)]
        async with running(of(*consumers), seed=seed):
            await System.current().idle()
            for consumer in consumers:
                cast(consumer, 1)
            await System.current().idle()

    palleto.run(main, backend=backend, time="virtual", seed=seed)
    return got


def test_plain_stages_are_served_in_order_or_by_the_seeds_chance(backend):
    assert order(None, backend) == list(range(8))
    orders = [tuple(order(seed, backend)) for seed in range(5)]
    assert len(set(orders)) == 5
    assert all(sorted(served) == list(range(8)) for served in orders)
    assert [tuple(order(seed, backend)) for seed in range(5)] == orders


async def test_the_pump_lets_others_run():
    """Stages that never rest do not keep the event loop from a timer that is due, a signal, a cancellation."""

    class Greedy(Consumer):
        def init(self):
            self.subscribe("numbers", max_demand=1, min_demand=0)

        def handle_events(self, events):
            pass

    turns = []

    async with running(of(Numbers(), Greedy())):
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
            turns.append(whereis("numbers").next)
    assert turns == sorted(turns)
    assert turns[-1] > 100


class Starts(Producer):
    """Starts a task for each cast."""

    def __init__(self, log, tasks):
        self.log, self.tasks = log, tasks

    def handle_cast(self, number):
        self.log.append(f"cast {number}")
        self.tasks.start_task(self.task, number)
        if number == "pause":
            self.system.pause()

    async def task(self, number):
        self.log.append(f"task {number}")
        await anyio.sleep(1)
        self.log.append(f"woke {number}")


class StartsAsync(Starts):
    async def handle_cast(self, number):
        super().handle_cast(number)


class StartsAndWaits(Starts):
    async def handle_cast(self, number):
        super().handle_cast(number)
        await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("kind", [Starts, StartsAsync, StartsAndWaits])
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_a_task_runs_to_its_first_await_before_its_stage_takes_another_message(go, kind, seed):
    log = []

    async def main():
        stage, tasks = kind(log, TaskSupervisor()), TaskSupervisor()
        stage.tasks = tasks
        async with running(of(tasks, stage), seed=seed):
            await System.current().idle()
            for number in range(3):
                cast(stage, number)
            await System.current().idle()
            assert log == ["cast 0", "task 0", "cast 1", "task 1", "cast 2", "task 2"]
            assert anyio.current_time() == 0
            await anyio.sleep(2)
            assert sorted(log[6:]) == ["woke 0", "woke 1", "woke 2"]

    go(main, seed or 0)


@pytest.mark.parametrize("kind", [Starts, StartsAsync])
async def test_so_it_is_in_a_pause_and_after_it(kind):
    log = []

    tasks = TaskSupervisor()
    stage = kind(log, tasks)
    async with running(of(tasks, stage)) as top:
        await System.current().idle()
        for _ in range(2):
            top.system.resume()  # in vain
        top.system.pause()
        top.system.pause()  # once is enough
        cast(stage, "pause")
        cast(stage, 1)
        tasks.start_task(stage.task, "in the pause")
        await anyio.sleep(2)
        assert log == ["task in the pause", "woke in the pause"]
        top.system.resume()
        await anyio.sleep(2)
        assert log[2:] == ["cast pause", "task pause", "woke pause"]  # it has paused the run itself
        top.system.resume()
        await anyio.sleep(2)
        assert log[5:] == ["cast 1", "task 1", "woke 1"]


def test_so_it_is_with_the_children_of_a_consumer_supervisor(go):
    log = []

    class Crew(ConsumerSupervisor):
        def init(self):
            self.subscribe("numbers", max_demand=2, min_demand=1)

        async def run(self, event):
            log.append(f"run {event}")
            await anyio.sleep(1)

        def handle_cast(self, message):
            log.append(message)

    async def main():
        crew = Crew()
        async with running(of(Few(), crew)):
            cast(crew, "before")
            await System.current().idle()

    class Few(Numbers):
        def handle_demand(self, demand):
            cast(self.system.processes["#3"], f"told {demand}")
            events = super().handle_demand(demand)
            return [event for event in events if event < 4]

    go(main)
    log[2:4] = sorted(log[2:4])  # the children of one batch begin in any order
    assert log == [*("before", "told 2", "run 0", "run 1"), *("told 1", "run 2", "told 1", "run 3", "told 1", "told 1")]


async def test_a_pause_that_ends_at_once_takes_no_tasks_turn():
    log = []

    tasks = TaskSupervisor()
    stage = Starts(log, tasks)
    async with running(of(tasks, stage)) as top:
        await System.current().idle()
        top.system.pause()
        cast(stage, 1)
        tasks.start_task(stage.task, "first")
        top.system.resume()
        await System.current().idle()
        assert log == ["task first", "cast 1", "task 1"]
