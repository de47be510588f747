"""What is asked of a stage that does not run, or that cannot begin: one clear line."""

from __future__ import annotations

import pytest
from stage_members import Numbers, Passing, Sink, idle, of, stages

from palleto import (
    BroadcastDispatcher,
    Consumer,
    NotFoundError,
    Producer,
    ProducerConsumer,
    ReturnError,
    SettingError,
    Supervisor,
    System,
    TaskSupervisor,
    call,
    child,
    running,
)


def one_line(caught):
    assert "\n" not in str(caught.value)
    return str(caught.value)


ASKED = {
    "subscribe": lambda stage, subscription: stage.subscribe("numbers"),
    "ask": lambda stage, subscription: stage.ask(subscription, 3),
    "resize": lambda stage, subscription: stage.resize(5),
    "cancel": lambda stage, subscription: stage.cancel(subscription),
}


@pytest.mark.parametrize("what", ASKED)
async def test_a_consumer_that_has_ended(what):
    sink = Sink()
    async with stages(Numbers(), sink) as world:
        await sink.end()
        with pytest.raises(NotFoundError) as caught:
            ASKED[what](sink, sink.subscription)
        assert one_line(caught).startswith(f"expected <Sink {sink.id} not running> to run when it is to {what}")
        assert one_line(caught).endswith("but it has ended")
    assert world.reported == []


async def test_a_producer_that_has_ended():
    numbers, passing = Numbers(0), Passing()
    async with stages(numbers, passing) as world:
        await numbers.end()
        with pytest.raises(NotFoundError, match="let it through, but it has ended"):
            numbers.demand("forward")
        with pytest.raises(NotFoundError, match="to have a rate, but it has ended"):
            numbers.rate(5)
        for stage in numbers, passing:
            with pytest.raises(NotFoundError, match="to run when it is to emit 2 events, but it has ended"):
                stage.emit([1, 2])
        assert world.lost == [1, 2, 1, 2]  # whoever does not catch it has them told all the same


@pytest.mark.parametrize("kind", [Producer, ProducerConsumer])
async def test_emit_and_subscribe_before_the_start(kind):
    class Early(kind):
        def __init__(self):
            self.emit([1])

    with pytest.raises(NotFoundError, match="to emit 1 events, but it has not begun: do it in init, or later"):
        Early()
    async with running(Supervisor()):
        with pytest.raises(NotFoundError, match="to subscribe, but it has not begun"):
            Consumer().subscribe("numbers")
        with pytest.raises(NotFoundError, match="to have a rate, but it has not begun"):
            Producer().rate(5)


@pytest.mark.parametrize("ended", [True, False])
async def test_a_supervisor_that_does_not_run_starts_nothing(ended):
    """It would be a process that nobody restarts or ends."""

    async def work():
        raise AssertionError("unreachable")

    tasks, others = TaskSupervisor(), Supervisor()
    async with running(of(tasks, others) if ended else of()):
        if ended:
            await tasks.end()
            await others.end()
        why = "it has ended$" if ended else "it has not begun: "
        with pytest.raises(NotFoundError, match=f"to run when it is to start a task, but {why}"):
            tasks.start_task(work)
        with pytest.raises(NotFoundError, match=f"to run when it is to start a child, but {why}"):
            others.start_child(child(Numbers))
        await idle()
        assert len(System.current().processes) == 1


@pytest.mark.parametrize("kind", [Producer, ProducerConsumer, Consumer, Supervisor])
async def test_an_async_init(kind):
    class Own(kind):
        async def init(self):
            raise AssertionError

    with pytest.raises(ReturnError) as caught:
        async with running(Own()):
            raise AssertionError
    assert one_line(caught) == (
        "expected Own.init to be a plain function, got an `async def`: what awaits goes into a callback or a task"
    )


@pytest.mark.parametrize("wrong", [BroadcastDispatcher(), "broadcast", lambda: None, lambda: BroadcastDispatcher])
@pytest.mark.parametrize("kind", [Producer, ProducerConsumer])
async def test_what_is_no_dispatchers_class(kind, wrong):
    class Own(kind):
        dispatcher = wrong

    with pytest.raises(SettingError) as caught:
        async with running(Own()):
            raise AssertionError
    assert one_line(caught).startswith("expected Own.dispatcher to be a dispatcher's class, or a function")
    with pytest.raises(NotFoundError):
        System.current()


def test_emit_and_call_after_the_run(go):
    async def main():
        async with running(numbers := Numbers()):
            pass
        with pytest.raises(NotFoundError, match="but it has ended"):
            numbers.emit([1])
        with pytest.raises(NotFoundError, match="expected to be inside a run"):
            await call(numbers, 1)

    go(main)
