"""A run that is cancelled from outside, or fails in its middle."""

from __future__ import annotations

import gc
from contextlib import aclosing

import anyio
import pytest
from run_members import Copy, Numbers, OwnError, Slow, of

import palleto
from palleto import Producer, Recorder, Supervisor, System, TaskSupervisor, cast, child, running, whereis


def warnings_of_the_collector():
    for _ in range(3):
        gc.collect()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("how", ["scope", "sibling", "deadline"])
def test_cancelled_from_outside(go, how, seed):
    """Every process ends, nobody is restarted, nothing is reported, and no coroutine is left (warnings are errors)."""
    reported, lost, stages, recorder = [], [], [], Recorder(strict=True)

    def kept(stage):
        stages.append(stage)
        return stage

    def top():
        inner = child(
            Supervisor, [child(lambda: kept(Slow("copy"))), child(lambda: kept(Slow("copy")))], strategy="one_for_all"
        )
        numbers = Producer.from_iterable(forever(), name="async")
        return Supervisor(
            [
                child(lambda: kept(Numbers())),
                child(lambda: kept(numbers)),
                child(lambda: kept(Copy())),
                inner,
                child(TaskSupervisor, name="tasks"),
                child(lambda: kept(Slow("async"))),
            ],
            name="top",
        )

    async def forever():
        while True:
            await anyio.sleep(0.3)
            yield 1

    async def body():
        async with running(top(), recorder=recorder, report=reported.append, seed=seed):
            System.current().on_lost.append(lambda stage, events: lost.extend(events))
            whereis("tasks").start_task(anyio.sleep_forever)
            if how == "sibling":
                await anyio.sleep(2.5)
                raise OwnError
            async with aclosing(palleto.stream("copy", max_demand=1)) as events:
                async for _ in events:
                    await anyio.sleep(0.7)

    async def main():
        if how == "scope":
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(body)
                    await anyio.sleep(2.5)
                    scope.cancel()
        elif how == "deadline":
            with anyio.move_on_after(2.5):
                await body()
        else:
            with pytest.raises(OwnError):
                await body()

    go(main, seed)
    warnings_of_the_collector()
    assert reported == []
    assert len(stages) == 6
    assert not any(stage.running for stage in stages)
    kinds = [event.kind for event in recorder.events]
    assert "restart" not in kinds
    assert "crash" not in kinds
    assert kinds.count("started") == kinds.count("stopped")


async def test_cancelled_from_outside_at_once():
    reported = []

    with anyio.CancelScope() as scope:
        async with running(of(Numbers(), Slow(), Slow()), report=reported.append):
            scope.cancel()
    warnings_of_the_collector()
    assert reported == []


def test_a_run_whose_main_fails_while_a_callback_is_in_its_middle(go):
    class Stubborn(Slow):
        async def handle_events(self, events):
            try:
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(2)
                    self.got.append("cleaned")

    stubborn = Stubborn()

    async def main():
        async with running(of(Numbers(), stubborn)):
            await anyio.sleep(1)
            raise OwnError

    with pytest.raises(OwnError):
        go(main)
    assert stubborn.got == ["cleaned"]


async def test_processes_that_begin_while_the_run_closes_are_ended_too():
    class Starts(Numbers):
        def terminate(self, reason):
            late.start(self.system, self.system)

    late = Slow(to="copy")
    late.init = lambda: None

    async with running(of(Starts())):
        await anyio.sleep(1)
    assert not late.running
    assert late.ended == ["shutdown"]


async def test_a_cast_that_was_handled_is_not_refused_when_the_run_is_cancelled():
    class Hears(Slow):
        def handle_cast(self, message):
            self.got.append(message)

    hears, refused = Hears(manual=True), []
    with anyio.move_on_after(1):
        async with running(of(Numbers(), hears)):
            System.current().on_refused.append(refused.append)
            cast(hears, "hello")
            await anyio.sleep_forever()
    assert (hears.got, hears.ended, refused) == (["hello"], ["shutdown"], [])
