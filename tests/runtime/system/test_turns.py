"""In which order stages have their turns."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest
from stage_members import Numbers, Sink, idle, of

import palleto
from palleto import Consumer, Producer, TaskSupervisor, cast, running, whereis


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
            await idle()
            for consumer in consumers:
                cast(consumer, 1)
            await idle()

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
    greedy = Sink(max_demand=1, min_demand=0)
    turns = []

    async with running(of(Numbers(10**9), greedy)):
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
            turns.append(whereis("numbers").next)
    assert turns == sorted(turns)
    assert turns[-1] > 100


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_so_it_is_with_one_that_casts_to_itself_for_ever(kind):
    """It does all that in one turn."""

    class Plain(Consumer):
        heard = 0

        def handle_cast(self, message):
            self.heard += 1
            cast(self, message)

    class Async(Plain):
        async def handle_cast(self, message):
            super().handle_cast(message)

    again, heard = (Plain if kind == "plain" else Async)(), []
    async with running(of(again), max_turns=None):
        cast(again, 1)
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
            heard.append(again.heard)
    assert heard == sorted(heard)
    assert heard[-1] > 100


@pytest.mark.parametrize("seed", range(5))
def test_the_pump_rests_as_soon_as_nobody_is_ready(go, seed):
    """A turn of the event loop more, and what others do at the same time has another order, in traces too."""
    rests = []

    class Looks(Consumer):
        def handle_cast(self, message):
            self.system.tasks.start_soon(self.look)

        async def look(self):
            rests.append(self.system.pump.asleep is not None)

    async def main():
        looks = Looks()
        async with running(of(looks)):
            cast(looks, 1)
            await anyio.sleep(1)

    go(main, seed)
    assert rests == [True]


class Starts(Producer):
    """Starts a task for each cast."""

    def __init__(self):
        self.log, self.tasks = [], TaskSupervisor()

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
async def test_a_task_runs_to_its_first_await_before_its_stage_takes_another_message(kind, seed):
    stage = kind()
    async with running(of(stage.tasks, stage), seed=seed):
        await idle()
        for number in range(3):
            cast(stage, number)
        await idle()
        assert stage.log == ["cast 0", "task 0", "cast 1", "task 1", "cast 2", "task 2"]
        assert anyio.current_time() == 0
        await anyio.sleep(2)
        assert sorted(stage.log[6:]) == ["woke 0", "woke 1", "woke 2"]


@pytest.mark.parametrize("kind", [Starts, StartsAsync])
async def test_so_it_is_in_a_pause_and_after_it(kind):
    stage = kind()
    async with running(of(stage.tasks, stage)) as top:
        await idle()
        for _ in range(2):
            top.system.resume()  # in vain
        top.system.pause()
        top.system.pause()  # once is enough
        cast(stage, "pause")
        cast(stage, 1)
        stage.tasks.start_task(stage.task, "in the pause")
        await anyio.sleep(2)
        assert stage.log == ["task in the pause", "woke in the pause"]
        top.system.resume()
        await anyio.sleep(2)
        assert stage.log[2:] == ["cast pause", "task pause", "woke pause"]  # it has paused the run itself
        top.system.resume()
        await anyio.sleep(2)
        assert stage.log[5:] == ["cast 1", "task 1", "woke 1"]


async def test_a_pause_that_ends_at_once_takes_no_tasks_turn():
    stage = Starts()
    async with running(of(stage.tasks, stage)) as top:
        await idle()
        top.system.pause()
        cast(stage, 1)
        stage.tasks.start_task(stage.task, "first")
        top.system.resume()
        await idle()
        assert stage.log == ["task first", "cast 1", "task 1"]
