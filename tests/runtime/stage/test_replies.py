"""Answers that come later, and a push that waits for demand."""

from __future__ import annotations

import random

import anyio
import pytest
from stage_members import Quiet, Sink, idle, stages

import palleto
from palleto import (
    BroadcastDispatcher,
    DemandError,
    NotFoundError,
    Reply,
    Supervisor,
    System,
    call,
    cast,
    child,
    running,
    whereis,
)


class Queue(Quiet):
    """GenStage's QueueBroadcaster: a call is answered when its event is dispatched."""

    name, dispatcher = "numbers", BroadcastDispatcher

    def __init__(self):
        self.waiting, self.owed = [], 0

    def handle_call(self, event):
        self.waiting.append((reply := Reply(), event))
        return reply, self.give()

    def handle_demand(self, demand):
        self.owed += demand
        return self.give()

    def give(self):
        count = min(self.owed, len(self.waiting))
        given, self.waiting = self.waiting[:count], self.waiting[count:]
        self.owed -= count
        for reply, _ in given:
            reply.answer("ok")
        return [event for _, event in given]


async def test_a_call_that_is_answered_when_its_event_is_dispatched(style):
    class Styled(Queue):
        handle_call = style(Queue.handle_call)

    sink, answers = Sink(max_demand=2), []

    async def notify(event):
        answers.append((event, await call("numbers", event), anyio.current_time()))

    async with stages(Styled()) as world, anyio.create_task_group() as tasks:
        tasks.start_soon(notify, "hello")
        await anyio.sleep(2)
        assert answers == []
        world.top.start_child(palleto.child(lambda: sink))
        await anyio.sleep(1)
        assert answers == [("hello", "ok", 2.0)]
        await notify("again")
        assert [answer[:2] for answer in answers] == [("hello", "ok"), ("again", "ok")]
    assert sink.got == ["hello", "again"]


async def test_whoever_waits_hears_of_the_end_of_the_stage_and_may_lose_patience():
    async with stages(queue := Queue()):
        with pytest.raises(TimeoutError, match=r"^expected Queue numbers .* 'hello' within 3 s, but it has not; "):
            await call(queue, "hello", timeout=3)
        assert anyio.current_time() == 3
        queue.waiting.pop()[0].answer("too late")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fails_with, "has ended: killed", call(queue, "hello"))
            await anyio.sleep(1)
            queue.kill()
        assert anyio.current_time() == 4


async def fails_with(text, awaitable):
    with pytest.raises(NotFoundError, match=text):
        await awaitable


async def test_the_first_answer_counts():
    class Twice(Quiet):
        def handle_call(self, message):
            reply = Reply()
            reply.answer(1)
            reply.answer(2)
            return reply, []

    async with stages(Twice()):
        assert await call("quiet", "?") == 1


@pytest.mark.parametrize("size", [0, 1, 10_000])
async def test_emit_and_wait_waits_for_demand_and_drops_nothing(size):
    class Source(Quiet):
        buffer_size = size

    source, sink, pushed = Source(), Sink("quiet", manual=True), []

    async def push():
        for event in range(0, 6, 2):
            await source.emit_and_wait([event, event + 1])
            pushed.append(anyio.current_time())

    async with stages(source, sink) as world, anyio.create_task_group() as tasks:
        tasks.start_soon(push)
        for _ in range(5):
            await anyio.sleep(1)
            sink.ask(sink.subscription, 1)
        await anyio.sleep(1)
        assert (sink.got, pushed) == ([0, 1, 2, 3, 4], [2.0, 4.0])
        assert source.buffered == 0
        sink.ask(sink.subscription, 1)
        await idle()
        assert world.lost == []
    assert sink.got == [0, 1, 2, 3, 4, 5]


async def test_what_a_stage_that_ends_has_not_dispatched_is_lost_and_its_pusher_hears_of_it():
    async with stages(source := Quiet()) as world, anyio.create_task_group() as tasks:
        tasks.start_soon(fails_with, "has ended: killed", source.emit_and_wait([1, 2]))
        await anyio.sleep(1)
        source.kill()
        await source.wait()
        assert world.lost == [1, 2]
        await fails_with("expected a stage that runs to emit", source.emit_and_wait([3]))


async def test_a_callback_that_would_wait_for_itself_is_told():
    class Source(Quiet):
        async def handle_cast(self, events):
            await self.emit_and_wait(events)

    async with stages(source := Source()) as world:
        cast(source, [1])
        await source.wait()
        assert "expected emit_and_wait to be called by a task, not in a callback of" in world.reported[0]
        assert DemandError.__name__ in world.reported[0]


@pytest.mark.parametrize("seed", range(4))
def test_with_random_crashes_each_event_that_was_pushed_arrives_or_is_told_as_lost_once(go, seed):
    """And of those whose push came back, none was lost before it had been dispatched."""
    chance, got, lost, told_by = random.Random(seed), [], [], {}
    pushed, refused = [], []

    class Weak(Sink):
        name = "weak"

        async def handle_events(self, events):
            await anyio.sleep(0.1)
            self.got += events

        def handle_cast(self, message):
            raise ValueError(message)

    async def push(first):
        for number in range(first, 10_000, 3):
            events = [(number, part) for part in range(chance.randint(1, 5))]
            try:
                await whereis("quiet").emit_and_wait(events)
                pushed.extend(events)
            except NotFoundError:  # it was not there, or has ended meanwhile
                refused.extend(events)
            await anyio.sleep(chance.random())

    class Fragile(Quiet):
        buffer_size = 2

        def handle_cast(self, events):
            raise ValueError(events)

    def lose(stage, events):
        lost.extend(events)
        told_by.update(dict.fromkeys(events, stage.label))

    async def main():
        def sink():
            one = Weak("quiet", max_demand=chance.randint(1, 6), resubscribe=0.1)
            one.got = got
            return one

        top = Supervisor([child(Fragile), child(sink)], max_restarts=1000)
        async with running(top, report=lambda line: None, seed=seed):
            System.current().on_lost.append(lose)
            async with anyio.create_task_group() as tasks:
                for first in range(3):
                    tasks.start_soon(push, first)
                for _ in range(30):
                    await anyio.sleep(chance.random())
                    cast(chance.choice(["quiet", "weak"]), "oh")
                tasks.cancel_scope.cancel()
            await System.current().drain()

    go(main, seed)
    every = {*got, *lost}
    assert len(got) + len(lost) == len(every)
    assert {*pushed} <= every
    assert {told_by[event] for event in pushed if event in told_by} <= {"weak"}
    assert len(got) > len(every) / 4
    assert refused
