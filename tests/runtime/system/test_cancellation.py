"""A run that is cancelled from outside, or fails in its middle."""

# ruff: noqa: PT012 -- what raises here is a whole `async with`

from __future__ import annotations

import gc
from contextlib import aclosing

import anyio
import pytest
from stage_members import Numbers, Passing, Slow, of

import palleto
from palleto import Producer, Recorder, Supervisor, System, TaskSupervisor, cast, child, running, whereis


class OwnError(Exception):
    pass


def warnings_of_the_collector():
    for _ in range(3):
        gc.collect()


async def forever():
    while True:
        await anyio.sleep(0.3)
        yield 1


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("how", ["scope", "sibling", "deadline"])
def test_cancelled_from_outside(go, how, seed):
    """Every process ends, nobody is restarted, nothing is reported, and no coroutine is left (warnings are errors)."""
    reported, recorder = [], Recorder(strict=True)
    readers = [Slow("passing"), Slow("passing")]
    first = [Numbers(10**9), Producer.from_iterable(forever(), name="async"), Passing(max_demand=8)]
    last = Slow("async")

    def specs(stages):
        return [child(lambda stage=stage: stage) for stage in stages]

    async def body():
        inner = child(Supervisor, specs(readers), strategy="one_for_all")
        top = Supervisor([*specs(first), inner, child(TaskSupervisor, name="tasks"), *specs([last])], name="top")
        async with running(top, recorder=recorder, report=reported.append, seed=seed):
            whereis("tasks").start_task(anyio.sleep_forever)
            if how == "sibling":
                await anyio.sleep(2.5)
                raise OwnError
            async with aclosing(palleto.stream("passing", max_demand=1)) as events:
                async for _ in events:
                    await anyio.sleep(0.7)

    async def main():
        if how == "scope":
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(body)
                await anyio.sleep(2.5)
                tasks.cancel_scope.cancel()
        elif how == "deadline":
            with anyio.move_on_after(2.5):
                await body()
        else:
            with pytest.raises(OwnError):
                await body()

    go(main, seed)
    warnings_of_the_collector()
    assert reported == []
    assert not any(stage.running for stage in (*first, *readers, last))
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


async def test_a_run_whose_main_fails_while_a_callback_is_in_its_middle():
    class Stubborn(Slow):
        async def handle_events(self, events):
            try:
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(2)
                    self.got.append("cleaned")

    stubborn = Stubborn()
    with pytest.raises(OwnError):
        async with running(of(Numbers(), stubborn)):
            await anyio.sleep(1)
            raise OwnError
    assert stubborn.got == ["cleaned"]


async def test_processes_that_begin_while_the_run_closes_are_ended_too():
    class Starts(Numbers):
        def terminate(self, reason):
            late.start(self.system, self.system)

    late = Slow()
    late.init = lambda: None

    async with running(of(Starts())):
        await anyio.sleep(1)
    assert not late.running
    assert late.ended == ["shutdown"]


async def test_a_cast_that_was_handled_is_not_refused_when_the_run_is_cancelled():
    hears, refused = Slow(manual=True), []
    hears.handle_cast = hears.got.append
    with anyio.move_on_after(1):
        async with running(of(Numbers(), hears)):
            System.current().on_refused.append(refused.append)
            cast(hears, "hello")
            await anyio.sleep_forever()
    assert (hears.got, hears.ended, refused) == (["hello"], ["shutdown"], [])
