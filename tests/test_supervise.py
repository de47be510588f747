"""Supervisors and their tasks: order, restarts, budgets, trees, and what a kill or a crash leaves behind."""

# ruff: noqa: PT012 -- what raises here is a whole `async with` or `async for`

from __future__ import annotations

import random

import anyio
import pytest

import palleto
from palleto import (
    Consumer,
    NameTakenError,
    NotFoundError,
    Producer,
    Recorder,
    RestartError,
    SettingError,
    Supervisor,
    System,
    Task,
    TaskSupervisor,
    cast,
    child,
    running,
    whereis,
)


@pytest.fixture
def go(backend):
    return lambda main, seed=0: palleto.run(main, backend=backend, time="virtual", seed=seed)


class Worker(Producer):
    """Writes down when it starts and ends; a cast of "crash" or "stop" ends it."""

    log: list[str]

    def __init__(self, log, **settings):
        self.log = log

    def init(self):
        self.log.append(f"+{self.name}")

    def handle_cast(self, message):
        if message == "crash":
            raise ValueError("a real crash")
        self.stop("normal")

    def terminate(self, reason):
        self.log.append(f"-{self.name}")


def workers(log, **restarts):
    return [child(Worker, log, name=name, restart=restart) for name, restart in restarts.items()]


async def after(name, message):
    """Send it, and wait until all that comes of it is done."""
    cast(name, message)
    await System.current().idle()


FOUR = dict.fromkeys("abcd", "permanent")


# ---- order and strategies


def test_started_in_order_and_stopped_in_reverse(go):
    log = []

    async def main():
        inner = child(Supervisor, workers(log, x="permanent", y="permanent"), name="inner")
        first, *others = workers(log, **FOUR)
        async with running(Supervisor([first, inner, *others])):
            assert log == ["+a", "+x", "+y", "+b", "+c", "+d"]
            log.clear()

    go(main)
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
def test_strategies(go, strategy, expected, how):
    log = []

    async def main():
        async with running(Supervisor(workers(log, **FOUR), strategy=strategy), report=lambda line: None):
            before = {name: whereis(name) for name in "abcd"}
            log.clear()
            await after("b", how)
            assert log == expected
            assert {name for name in "abcd" if whereis(name) is not before[name]} == {
                entry[1] for entry in log if entry[0] == "+"
            }

    go(main)


@pytest.mark.parametrize(
    ("restart", "after_crash", "after_stop"),
    [("permanent", True, True), ("transient", True, False), ("temporary", False, False)],
)
@pytest.mark.parametrize("strategy", ["one_for_one", "rest_for_one", "one_for_all"])
def test_restart_terms(go, restart, after_crash, after_stop, strategy):
    async def main():
        for message, expected in (("crash", after_crash), ("stop", after_stop)):
            top = Supervisor(workers([], a=restart), strategy=strategy)
            async with running(top, report=lambda line: None):
                await after("a", message)
                assert ("a" in System.current().names) == expected
                assert len(top.children) == (0 if restart == "temporary" else 1)

    go(main)


@pytest.mark.parametrize("strategy", ["rest_for_one", "one_for_all"])
def test_a_temporary_child_is_not_restarted_for_anothers_sake(go, strategy):
    log = []

    async def main():
        top = Supervisor(workers(log, a="permanent", b="temporary", c="permanent"), strategy=strategy)
        async with running(top, report=lambda line: None):
            log.clear()
            await after("a", "crash")
            assert log == ["-a", "-c", "-b", "+a", "+c"]
            assert len(top.children) == 2

    go(main)


def test_a_restart_is_reported_and_recorded(go):
    reported = []

    async def main():
        recorder = Recorder(strict=True)
        async with running(Supervisor(workers([], a="permanent")), recorder=recorder, report=reported.append):
            await after("a", "crash")
        kinds = [event.kind for event in recorder.events if event.stage == "a"]
        # the second crash of the trace is none: the run ends
        assert kinds == ["started", "handle_cast", "crash", "started", "restart", "stopped"]

    go(main)
    assert reported == ["a crashed: ValueError: a real crash"]


# ---- budgets and trees


def test_the_budget(go):
    async def crash(times, pause):
        for _ in range(times):
            await after("a", "crash")
            await anyio.sleep(pause)

    async def main():
        async with running(Supervisor(workers([], a="permanent")), report=lambda line: None):
            await crash(3, 0.0)
            await anyio.sleep(5)
            await crash(9, 1.7)  # never more than three in five seconds
        with pytest.raises(RestartError) as caught:
            async with running(Supervisor(workers([], a="permanent"), name="top"), report=lambda line: None):
                await crash(4, 1)
                await anyio.sleep_forever()
        assert str(caught.value) == (
            "expected at most 3 restarts in 5 s under top, got one more; "
            "the last to end was a: ValueError: a real crash"
        )

    go(main)


def test_giving_up_stops_the_other_children_in_reverse_order(go):
    log = []

    async def main():
        with pytest.raises(RestartError):
            async with running(Supervisor(workers(log, **FOUR), max_restarts=0), report=lambda line: None):
                log.clear()
                cast("b", "crash")
                await anyio.sleep_forever()

    go(main)
    assert log == ["-b", "-d", "-c", "-a"]


def test_a_tree_that_gives_up(go):
    """The inner supervisor gives up, the outer one restarts it, again and again, and then gives up, too."""
    log, reported = [], []

    async def main():
        recorder = Recorder(strict=True)
        inner = child(Supervisor, workers(log, a="permanent"), name="inner", max_restarts=1)
        outer = Supervisor([inner], name="outer", max_restarts=2)
        with pytest.raises(RestartError, match=r"2 restarts in 5 s under outer, .* was inner: RestartError"):
            async with running(outer, recorder=recorder, report=reported.append):
                while True:
                    await after("a", "crash")
        restarts = [event.stage for event in recorder.events if event.kind == "restart"]
        assert restarts == ["a", "inner", "a", "inner", "a"]

    go(main)
    assert log == ["+a", "-a"] * 6
    assert [line.split(":")[0] for line in reported] == [
        *["a crashed", "a crashed", "inner crashed"] * 3,
        "outer crashed",
    ]


@pytest.mark.parametrize("settings", [{"max_restarts": -1}, {"max_seconds": 0}, {"strategy": "some_for_all"}])
def test_broken_settings(settings):
    with pytest.raises((SettingError, palleto.DemandError), match="expected "):
        Supervisor([], **settings)
    with pytest.raises(SettingError, match="expected restart to be permanent"):
        child(Worker, [], restart="always")


# ---- init that fails


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


def test_init_that_fails_at_the_start(go, fails):
    log = []

    async def main():
        children = [*workers(log, a="permanent"), child(fails, log, {1}, name="b"), *workers(log, c="permanent")]
        with pytest.raises(OSError, match="start 1"):
            async with running(Supervisor(children)):
                raise AssertionError("unreachable")

    go(main)
    assert log == ["+a", "+b", "-a"]


def test_init_that_fails_at_the_start_of_a_tree(go, fails):
    log = []

    async def main():
        inner = child(Supervisor, [*workers(log, x="permanent"), child(fails, log, {1}, name="b")], name="inner")
        with pytest.raises(OSError, match="start 1"):
            async with running(Supervisor([*workers(log, a="permanent"), inner])):
                raise AssertionError("unreachable")

    go(main)
    assert log == ["+a", "+x", "+b", "-x", "-a"]


def test_init_that_fails_at_a_restart_is_paid_from_the_budget(go, fails):
    log = []

    async def main():
        async with running(Supervisor([child(fails, log, {2, 3}, name="b")]), report=lambda line: None) as top:
            await after("b", "crash")
            assert whereis("b").running
            assert len(top.children) == 1
        fails.starts = 0
        with pytest.raises(RestartError, match="was b: OSError: start 4"):
            async with running(Supervisor([child(fails, [], {2, 3, 4}, name="b")]), report=lambda line: None):
                await after("b", "crash")
                await anyio.sleep_forever()

    go(main)
    assert log == ["+b", "-b", "+b", "+b", "+b", "-b"]


def test_start_child_and_stop_child(go, fails):
    log = []

    async def main():
        async with running(Supervisor(workers(log, a="permanent"))) as top:
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

    go(main)


def test_a_child_that_is_stopped_while_it_waits_to_be_restarted(go):
    class Slow(Worker):
        async def terminate(self, reason):
            await anyio.sleep(1)

    async def main():
        top = Supervisor([*workers([], a="permanent"), child(Slow, [], name="b")], strategy="one_for_all", name="top")
        async with running(top, report=lambda line: None):
            cast("a", "crash")
            await anyio.sleep(0.5)
            await top.stop_child(whereis("b"))
            await System.current().idle()
            assert set(System.current().names) == {"a", "top"}

    go(main)


def test_kill_in_the_middle_of_an_async_callback(go):
    class Slow(Worker):
        async def handle_cast(self, message):
            await anyio.sleep(100)

    log, reported = [], []

    async def main():
        async with running(Supervisor([child(Slow, log, name="a")]), report=reported.append):
            cast("a", 1)
            await anyio.sleep(1)
            before = whereis("a")
            before.kill()
            await before.wait()
            await System.current().idle()
            assert anyio.current_time() == 1
            assert whereis("a") is not before

    go(main)
    assert log == ["+a", "-a", "+a", "-a"]
    assert reported == ["a crashed: killed"]


def test_two_that_end_at_once_and_one_needs_the_other(go):
    """The consumer's restart fails as its producer is not there; the producer's turn comes before the next try."""

    class Silent(Producer):
        name = "numbers"

        def handle_demand(self, demand):
            pass

    class Plain(Consumer):
        name = "plain"

        def init(self):
            self.subscribe("numbers")

    async def main():
        top = Supervisor([child(Silent), child(Plain)])
        async with running(top, report=lambda line: None):
            await System.current().idle()
            before = whereis("plain"), whereis("numbers")
            for process in before:
                process.kill()
            await System.current().idle()
            assert whereis("plain") not in before
            assert whereis("numbers") not in before

    go(main)


# ---- pipelines under supervisors


class Numbers(Producer):
    name = "numbers"
    next = 0

    def handle_demand(self, demand):
        self.next += demand
        return list(range(self.next - demand, self.next))

    def handle_cast(self, message):
        raise ValueError(message)


class Reader(Consumer):
    def __init__(self, got):
        self.got = got

    def init(self):
        self.subscribe("numbers", max_demand=4)

    async def handle_events(self, events):
        if -1 in self.got:
            self.got.remove(-1)
            raise ValueError("a reader")
        await anyio.sleep(1)
        self.got += events


def test_a_crashed_consumer_subscribes_anew_and_its_demand_is_forgotten(go):
    got = []

    async def main():
        recorder, lost = Recorder(strict=True), []
        async with running(
            Supervisor([child(Numbers), child(Reader, got)]), recorder=recorder, report=lambda line: None
        ):
            System.current().on_lost.append(lambda stage, events: lost.extend(events))
            await anyio.sleep(2.5)
            assert got == [0, 1, 2, 3]
            got.append(-1)
            await anyio.sleep(3)
            outlet = whereis("numbers").core.outlet
            assert list(outlet.dispatcher.outstanding.values()) == [0]
            assert len(outlet.dispatcher.outstanding) == 1
            # the batch that crashed and the one behind it; then the flow goes on
            assert lost == [6, 7, 8, 9]
            assert got == [0, 1, 2, 3, 4, 5, 10, 11, 12, 13]
        assert recorder.broken is None

    go(main)


@pytest.mark.parametrize(("strategy", "budget"), [("one_for_one", 4), ("rest_for_one", 3), ("one_for_all", 3)])
def test_a_producer_that_crashes_under_permanent_consumers(go, strategy, budget):
    """All come back, and the flow goes on."""
    gots = [[], [], []]

    async def main():
        recorder = Recorder(strict=True)
        children = [child(Numbers), *(child(Reader, got) for got in gots)]
        async with running(
            Supervisor(children, strategy=strategy, max_restarts=budget), recorder=recorder, report=lambda line: None
        ):
            await anyio.sleep(2.5)
            before = list(map(len, gots))
            cast("numbers", "crash")
            await anyio.sleep(10)
            assert len(whereis("numbers").core.outlet.dispatcher.outstanding) == 3
            assert all(len(got) - count >= 16 for got, count in zip(gots, before, strict=True))
        assert recorder.broken is None

    go(main)


# ---- tasks


class Log:
    """An async function that writes down when it runs, and crashes as often as it is told."""

    def __init__(self, *crashes):
        self.crashes, self.times, self.ended = list(crashes), [], False

    async def __call__(self, nap=100.0):
        self.times.append(anyio.current_time())
        if self.crashes:
            raise ValueError(self.crashes.pop(0))
        await anyio.sleep(nap)
        self.ended = True


def test_tasks_start_list_and_kill(go):
    async def main():
        recorder = Recorder(strict=True)
        async with running(TaskSupervisor(), recorder=recorder) as top:
            first, second = Log(), Log()
            one, two = top.start_task(first), top.start_task(second, 2.0)
            assert top.tasks == [one, two]
            await anyio.sleep(1)
            one.kill()
            assert top.tasks == [two]  # killed, and not ended yet
            assert one.running
            await one.wait()
            await anyio.sleep(2)
            assert (first.ended, second.ended, top.tasks) == (False, True, [])
            one.kill()  # in vain
        kinds = [(event.kind, event.stage) for event in recorder.events if event.kind.startswith("loop")]
        assert kinds == [
            ("loop_started", one.id),
            ("loop_started", two.id),
            ("loop_killed", one.id),
            ("loop_ended", one.id),
            ("loop_ended", two.id),
        ]

    go(main)


def test_a_task_that_is_killed_before_it_began_never_runs(go):
    async def main():
        async with running(TaskSupervisor()) as top:
            log = Log()
            task = top.start_task(log)
            task.kill()
            await task.wait()
            assert log.times == []

    go(main)


def test_a_temporary_task_that_crashes_is_reported(go):
    reported = []

    async def main():
        async with running(TaskSupervisor(), report=reported.append) as top:
            task = top.start_task(Log("oh"))
            await task.wait()
            assert top.tasks == []
            assert top.running
            assert reported == [f"{task.id} crashed: ValueError: oh"]

    go(main)


def test_a_transient_task_runs_again_with_backoff_and_is_reported_once(go):
    log, reported = Log(*["oh"] * 12, "another", "another"), []

    async def main():
        async with running(TaskSupervisor(), report=reported.append, seed=7) as top:
            task = top.start_task(log, 0.0, restart="transient")
            await task.wait()
            assert reported == [
                f"{task.id} is started again after ValueError: oh",
                f"{task.id} is started again after ValueError: another",
            ]

    go(main)
    waits = [after - before for before, after in zip(log.times, log.times[1:], strict=False)]
    longest = [min(30, 0.1 * 2**at) for at in range(14)]
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, longest, strict=True))
    chance = random.Random(7)
    assert waits == pytest.approx([most * (1 - chance.random() / 2) for most in longest])
    assert log.ended


def test_a_transient_task_is_killed_while_it_waits(go):
    log = Log("oh", "oh")

    async def main():
        async with running(TaskSupervisor(), report=lambda line: None) as top:
            task = top.start_task(log, restart="transient")
            await anyio.sleep(0.01)
            task.kill()
            await task.wait()

    go(main)
    assert len(log.times) == 1


def test_the_end_of_a_task_supervisor_ends_its_tasks(go):
    log, cleaned = Log(), []

    async def careful():
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(3)
                cleaned.append(anyio.current_time())

    async def main():
        async with running(TaskSupervisor()) as top:
            top.start_task(log)
            top.start_task(careful)
            await anyio.sleep(1)
        assert cleaned == [4]
        assert anyio.current_time() == 4

    go(main)


def test_a_drain_kills_tasks_and_starts_no_more(go):
    async def main():
        async with running(TaskSupervisor()) as top:
            log, late = Log(), Log()
            task = top.start_task(log)
            await anyio.sleep(1)
            await top.system.drain()
            assert not task.running
            assert (anyio.current_time(), top.tasks) == (1, [])
            await top.start_task(late).wait()
            assert late.times == []

    go(main)


def test_a_task_that_catches_its_cancellation_and_crashes(go):
    reported = []

    async def stubborn():
        try:
            await anyio.sleep_forever()
        except BaseException:
            raise ValueError("stubborn") from None

    async def main():
        async with running(TaskSupervisor(), report=reported.append) as top:
            task = top.start_task(stubborn)
            await anyio.sleep(1)
            task.kill()
            await task.wait()
            assert reported == [f"{task.id} crashed: ValueError: stubborn"]

    go(main)


def test_repr(go):
    async def main():
        async with running(Supervisor(workers([], a="permanent"), name="top")) as top:
            assert repr(top) == "<Supervisor top one_for_one, 1 children>"
            assert repr(top.children) == "[<Child a, permanent: <Worker a running>>]"
            assert repr(Task(main, (), "temporary")) == "<Task #0 not running>"

    go(main)
