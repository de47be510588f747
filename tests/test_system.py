"""A run: its names, its order, idleness and drains, calls, what comes out of `running`, cancellation from outside."""

# ruff: noqa: PT012 -- what raises here is a whole `async with` or `async for`

from __future__ import annotations

import gc
from contextlib import aclosing

import anyio
import pytest

import palleto
from palleto import (
    Consumer,
    DemandError,
    NameTakenError,
    NotFoundError,
    PalletoError,
    Producer,
    ProducerConsumer,
    Recorder,
    Supervisor,
    System,
    TaskSupervisor,
    actor,
    call,
    cast,
    child,
    running,
    say,
    whereis,
)


@pytest.fixture
def go(backend):
    return lambda main, seed=0: palleto.run(main, backend=backend, time="virtual", seed=seed)


class Numbers(Producer):
    name = "numbers"

    def __init__(self):
        self.next, self.told = 0, []

    def handle_demand(self, demand):
        self.told.append(demand)
        self.next += demand
        return list(range(self.next - demand, self.next))

    def handle_call(self, message):
        if message == "crash":
            raise ValueError("asked to")
        return message, []

    def handle_cast(self, message):
        raise ValueError(message)


class Slow(Consumer):
    """Takes a second for each batch."""

    def __init__(self, to="numbers", **terms):
        self.to, self.terms, self.got, self.ended = to, {"max_demand": 4, **terms}, [], []

    def init(self):
        self.subscribe(self.to, **self.terms)

    async def handle_events(self, events):
        await anyio.sleep(1)
        self.got += events

    def terminate(self, reason):
        self.ended.append(reason)


class Copy(ProducerConsumer):
    name = "copy"

    def init(self):
        self.subscribe("numbers", max_demand=8)

    def handle_events(self, events):
        return events


def of(*stages):
    return Supervisor([child(lambda stage=stage: stage, restart="temporary") for stage in stages])


# ---- names


def test_names_are_found_unique_and_freed(go):
    async def main():
        async with running(of(Numbers())) as top:
            numbers = whereis("numbers")
            assert (numbers.name, numbers.label) == ("numbers", "numbers")
            with pytest.raises(NameTakenError, match="expected a name that is free, got: 'numbers', which <Numbers"):
                top.start_child(child(Numbers))
            assert whereis("numbers") is numbers
            assert len(System.current().processes) == 2
            with pytest.raises(NotFoundError, match=r"a running process \(numbers\), got: 'nobody'"):
                whereis("nobody")
            await numbers.end()
            with pytest.raises(NotFoundError, match=r"\(none\)"):
                whereis("numbers")
            again = top.start_child(child(Numbers))
            assert whereis("numbers") is again
            assert again.id != numbers.id

    go(main)


def test_a_duplicate_at_the_start(go):
    async def main():
        with pytest.raises(NameTakenError):
            async with running(of(Numbers(), Numbers())):
                raise AssertionError("unreachable")

    go(main)


def test_a_name_of_class_or_child(go):
    async def main():
        async with running(Supervisor([child(Numbers), child(Numbers, name="others")], name="top")):
            assert set(System.current().names) == {"top", "numbers", "others"}

    go(main)


def test_outside_of_a_run():
    for broken in (System.current, lambda: whereis("x"), lambda: cast("x", 1), lambda: say("x")):
        with pytest.raises(NotFoundError, match="expected to be inside a run"):
            broken()
    assert actor() is None


def test_a_run_after_a_run_and_a_run_in_a_run(go):
    async def main():
        async with running(of(Numbers())):
            outer = System.current()
            async with running(of(Numbers())):
                assert System.current() is not outer
                assert System.current().whereis("numbers") is not outer.whereis("numbers")
            assert System.current() is outer
        with pytest.raises(NotFoundError):
            System.current()

    go(main)


# ---- what the run says


def test_say_report_and_actor(go):
    class Talks(Numbers):
        def handle_cast(self, message):
            say(f"{actor().label} got {message}")

    class TalksAsync(Talks):
        async def handle_cast(self, message):
            await anyio.sleep(1)
            say(f"{actor().label} got {message}")

    async def task():
        say(f"a task: {actor()}")

    async def main():
        said, reported = [], []
        tasks = TaskSupervisor()
        first, second = Talks(), TalksAsync()
        second.name = "second"
        async with running(of(first, second, tasks), say=said.append, report=reported.append):
            say(f"the body: {actor()}")
            cast(second, 1)
            cast(first, 2)
            await System.current().idle()
            running_task = tasks.start_task(task)
            await running_task.wait()
            assert said == [
                "the body: None",
                "numbers got 2",
                "second got 1",
                f"a task: <Task {running_task.id} running>",
            ]
            assert repr(System.current()) == "<System 4 processes, 1.000 s>"

    go(main)


def test_without_settings_it_prints(go, capsys):
    async def main():
        async with running(of(Numbers())):
            say("hello")
            cast("numbers", "oh")
            await System.current().idle()

    go(main)
    assert capsys.readouterr() == ("hello\n", "numbers crashed: ValueError: oh\n")


# ---- idle and drain


def test_idle(go):
    slow = Slow(max_demand=2, min_demand=1)

    async def main():
        async with running(of(Numbers(), slow)):
            await anyio.sleep(0.5)
            assert not System.current().is_idle()
            whereis("numbers").demand("accumulate")
            await System.current().idle()
            assert System.current().is_idle()
            assert anyio.current_time() == 2
            await System.current().idle()
            assert anyio.current_time() == 2

    go(main)


def test_drain(go):
    """All in hand is done, and handle_demand hears nothing more."""
    numbers, slow, other = Numbers(), Slow("copy"), Slow("copy")

    async def main():
        recorder, lost = Recorder(strict=True), []
        async with running(of(numbers, Copy(), slow, other), recorder=recorder):
            System.current().on_lost.append(lambda stage, events: lost.extend(events))
            await anyio.sleep(3.5)
            told = list(numbers.told)
            await System.current().drain()
            assert numbers.told == told
            # The producer-consumer holds nothing back: the two below want more than they have got.
            assert sorted(slow.got + other.got) == list(range(numbers.next))
            assert slow.running
            await anyio.sleep(10)
            assert numbers.told == told
        assert lost == []
        assert recorder.broken is None

    go(main)


def test_a_run_that_ends_twice_notes_one_drain(go):
    async def main():
        recorder = Recorder(strict=True)
        async with running(of(Numbers(), Slow()), recorder=recorder):
            await anyio.sleep(0.5)
            System.current().quiet()
            await System.current().drain()
        assert [event.t for event in recorder.events if event.kind == "drain"] == [0.5]

    go(main)


def test_a_drain_tells_nothing_of_what_waits_in_the_mailbox(go):
    class SlowNumbers(Numbers):
        async def handle_demand(self, demand):
            await anyio.sleep(1)
            return super().handle_demand(demand)

    numbers, first, second = SlowNumbers(), Slow(), Slow()

    async def main():
        async with running(of(numbers, first, second)):
            await anyio.sleep(0.5)  # one is being told, the other waits
            await System.current().drain()
            assert numbers.told == [4]
            assert sorted(first.got + second.got) == [0, 1, 2, 3]

    go(main)


@pytest.mark.parametrize("ends", ["resumed", "in the pause"])
def test_pause_and_resume(go, ends):
    slow = Slow("copy")

    async def main():
        async with running(of(Numbers(), Copy(), slow)):
            system = System.current()
            await anyio.sleep(2.5)
            system.pause()
            await anyio.sleep(100)
            assert len(slow.got) == 6  # the batch that ran was finished
            if ends == "resumed":
                system.resume()
                await anyio.sleep(1.5)
                assert len(slow.got) >= 8
        assert anyio.current_time() < 130

    go(main)
    assert not slow.running


def test_resize(go):
    numbers, slow = Numbers(), Slow(max_demand=4, min_demand=0)

    async def main():
        async with running(of(numbers, slow)):
            await anyio.sleep(0.5)
            with pytest.raises(DemandError):
                slow.resize(0)
            slow.resize(10, 0)
            await anyio.sleep(2)
            # the second ask was due when the first four came; the third is by the new terms
            assert (numbers.told, slow.got) == ([4, 4, 10], list(range(8)))

    go(main)


# ---- calls


def test_call_timeout(go):
    class Late(Numbers):
        async def handle_call(self, message):
            await anyio.sleep(message)
            return message, []

    async def main():
        async with running(of(Late())):
            assert await call("numbers", 4.5) == 4.5
            with pytest.raises(TimeoutError):
                await call("numbers", 6)
            assert anyio.current_time() == 9.5
            assert await call("numbers", 1) == 1  # the answer that came too late disturbs nobody
            with pytest.raises(TimeoutError):
                await call("numbers", 1, timeout=0.5)

    go(main)


@pytest.mark.parametrize("how", ["ended", "crash", "crash before", "kill"])
def test_call_to_a_stage_that_dies(go, how):
    class Late(Numbers):
        async def handle_cast(self, message):
            await anyio.sleep(1)
            raise ValueError(message)

    async def main():
        reported, numbers = [], Late() if how in ("crash before", "kill") else Numbers()
        async with running(of(numbers), report=reported.append):
            if how == "ended":
                await numbers.end()
            if how in ("crash before", "kill"):
                cast(numbers, "before")
                await anyio.sleep(0.5)
            async with anyio.create_task_group() as tasks:
                if how == "kill":
                    tasks.start_soon(anyio.lowlevel.checkpoint)
                    numbers.kill()
                with pytest.raises(NotFoundError, match=r"expected <.*> to answer, but it has ended"):
                    await call(numbers, "crash")
            assert anyio.current_time() <= 1

    go(main)


def test_call_that_is_answered_before_the_crash(go):
    class Dies(Numbers):
        def handle_call(self, message):
            return "an answer", ["one event"]

        def handle_demand(self, demand):
            raise ValueError

    async def main():
        async with running(of(Dies()), report=lambda line: None):
            assert await call("numbers", 1) == "an answer"

    go(main)


# ---- what comes out of `running`


class OwnError(Exception):
    pass


@pytest.mark.parametrize("error", [OwnError("as it is"), PalletoError("one of ours"), TimeoutError()])
def test_an_error_of_the_body_arrives_as_itself(go, error):
    slow = Slow()

    async def main():
        async with running(of(Numbers(), slow)):
            await anyio.sleep(2.5)
            raise error

    with pytest.raises(type(error)) as caught:
        go(main)
    assert caught.value is error
    assert slow.ended == ["shutdown"]


def test_a_body_that_returns_or_breaks(go):
    async def inner():
        while True:
            async with running(of(Numbers(), Slow())):
                await anyio.sleep(1)
                break
        async with running(of(Numbers(), Slow())):
            return "returned"

    assert go(inner) == "returned"


def test_a_top_stage_that_crashes_ends_the_body(go):
    async def main():
        with pytest.raises(PalletoError, match=r"<Numbers numbers not running> crashed: ValueError\('oh'\)"):
            async with running(Numbers(), report=lambda line: None):
                cast("numbers", "oh")
                await anyio.sleep_forever()
        assert anyio.current_time() == 0

    go(main)


def test_a_top_stage_that_ends_normally_leaves_the_body_alone(go):
    async def main():
        async with running(Numbers()) as top:
            top.stop()
            await top.wait()
            await anyio.sleep(1)
        return "done"

    assert go(main) == "done"


# ---- cancelled from outside


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


def test_cancelled_from_outside_at_once(go):
    reported = []

    async def main():
        with anyio.CancelScope() as scope:
            async with running(of(Numbers(), Slow(), Slow()), report=reported.append):
                scope.cancel()

    go(main)
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


def test_processes_that_begin_while_the_run_closes_are_ended_too(go):
    class Starts(Numbers):
        def terminate(self, reason):
            late.start(self.system, self.system)

    late = Slow(to="copy")
    late.init = lambda: None

    async def main():
        async with running(of(Starts())):
            await anyio.sleep(1)

    go(main)
    assert not late.running
    assert late.ended == ["shutdown"]


# ---- order


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


def test_the_pump_lets_others_run(go):
    """Stages that never rest do not keep the event loop from a timer that is due, a signal, a cancellation."""

    class Greedy(Consumer):
        def init(self):
            self.subscribe("numbers", max_demand=1, min_demand=0)

        def handle_events(self, events):
            pass

    turns = []

    async def main():
        async with running(of(Numbers(), Greedy())):
            for _ in range(10):
                await anyio.lowlevel.checkpoint()
                turns.append(whereis("numbers").next)

    go(main)
    assert turns == sorted(turns)
    assert turns[-1] > 100


def test_call_to_a_stage_whose_init_failed(go):
    class Broken(Producer):
        def init(self):
            raise RuntimeError("no")

    async def main():
        async with running(Supervisor()) as top:
            broken = Broken()
            with pytest.raises(RuntimeError, match="no"):
                top.start_child(child(lambda: broken))
            with pytest.raises(NotFoundError, match="it has ended"):
                await call(broken, "anybody there?")
            assert anyio.current_time() == 0

    go(main)
