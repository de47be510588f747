"""An observer of one's own: each method is called when its docstring says so, in this order."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest
from stage_members import Numbers, Quiet, Sink, idle, of

from palleto import (
    ConsumerSupervisor,
    Recorder,
    SettingError,
    Supervisor,
    System,
    TaskSupervisor,
    cast,
    child,
    running,
    say,
)
from palleto.core import ASK, CAST, DOWN, EVENTS, SUBSCRIBE
from palleto.runtime import Observer, Process

METHODS = [name for name in vars(Observer) if not name.startswith("_")]


class Hears(Observer):
    """Writes down each method, and who it was told of."""

    def __init__(self):
        self.told = []

    def about(self, *names):
        return [entry for entry in self.told if entry[0] in names]


def hears(name):
    def method(self, *arguments, **data):
        entry = [argument.label if isinstance(argument, Process) else argument for argument in arguments]
        self.told.append((name, *entry, *data.items()))

    return method


for method in METHODS:
    setattr(Hears, method, hears(method))


def silent(recorder):
    return {"recorder": recorder, "say": lambda line: None, "report": lambda line: None}


async def test_a_stage_takes_messages_calls_and_sends():
    hearer, source, sink = Hears(), Quiet(), Sink("quiet", max_demand=2, min_demand=0)
    sink.name, source.handle_cancel = "sink", lambda reason, subscription: None

    async with running(Supervisor([child(lambda: source), child(lambda: sink)], name="top"), **silent(hearer)):
        await idle()
        cast("quiet", ["a"])
        await idle()
    at = sink.subscription
    do = hearer.about("took")[0][2]
    assert do[0] == "do"
    assert [entry for entry in hearer.told if entry[0] != "turns"] == [
        ("attached", hearer.told[0][1]),
        ("started", "top"),
        ("started", "quiet"),
        ("started", "sink"),
        ("took", "sink", do),
        ("called", "sink", "handle_subscribe", ("producer", at)),
        ("sent", "sink", "quiet", (SUBSCRIBE, at, None)),
        ("sent", "sink", "quiet", (ASK, at, 2)),
        ("returned", "sink", "handle_subscribe", ("producer", at)),
        ("settled", "sink"),
        ("took", "quiet", (SUBSCRIBE, at, None)),
        ("called", "quiet", "handle_subscribe", ("consumer", at)),
        ("returned", "quiet", "handle_subscribe", ("consumer", at)),
        ("settled", "quiet"),
        ("took", "quiet", (ASK, at, 2)),
        ("called", "quiet", "handle_demand", 2),
        ("returned", "quiet", "handle_demand", 2),
        ("settled", "quiet"),
        ("cast", None, "quiet", ["a"]),
        ("took", "quiet", (CAST, None, ["a"])),
        ("called", "quiet", "handle_cast", ["a"]),
        ("sent", "quiet", "sink", (EVENTS, at, ["a"])),
        ("returned", "quiet", "handle_cast", ["a"]),
        ("settled", "quiet"),
        ("took", "sink", (EVENTS, at, ["a"])),
        ("called", "sink", "handle_events", ["a"]),
        ("returned", "sink", "handle_events", ["a"]),
        ("settled", "sink"),
        ("ending",),
        ("took", "sink", ("stop", None, "shutdown")),
        ("sent", "sink", "quiet", (DOWN, at, "shutdown")),
        ("ended", "sink", "shutdown"),
        ("took", "quiet", (DOWN, at, "shutdown")),
        ("called", "quiet", "handle_cancel", (("down", "shutdown"), at)),
        ("returned", "quiet", "handle_cancel", (("down", "shutdown"), at)),
        ("settled", "quiet"),
        ("took", "quiet", ("stop", None, "shutdown")),
        ("ended", "quiet", "shutdown"),
        ("ended", "top", "shutdown"),
    ]
    told = [entry[0] for entry in hearer.told]
    assert told.index("turns") < told.index("took")


async def test_tasks_restarts_losses_and_what_is_said():
    class Weak(Quiet):
        buffer_size = 1

        async def handle_cast(self, events):
            await anyio.lowlevel.checkpoint()
            if events == "crash":
                raise error
            return events

    async def loop():
        say("hello")
        if not hearer.about("task_crashed"):
            raise error
        await anyio.sleep_forever()

    hearer, error, tasks = Hears(), ValueError("oh"), TaskSupervisor()
    tasks.name = "tasks"
    async with running(Supervisor([child(Weak), child(lambda: tasks)], name="top"), **silent(hearer)) as top:
        cast("quiet", [1, 2])
        cast("quiet", "crash")
        await idle()
        first = tasks.start_task(loop, restart="transient")
        await anyio.sleep(1)
        first.kill()
        await first.wait()
        second = tasks.start_task(loop)
        await anyio.sleep(1)
        top.system.quiet()
        await second.wait()
    task, dies = first.label, second.label
    assert hearer.about("dropped", "lost") == [
        ("dropped", "quiet", [1]),
        ("lost", "quiet", [1]),
        ("lost", "quiet", [2]),
    ]
    assert hearer.about("restarted") == [("restarted", "quiet", "top", error)]
    assert hearer.about("ended")[0] == ("ended", "quiet", error)
    assert [entry[1] for entry in hearer.about("awaits")] == ["quiet", "quiet", task, task, dies]
    of_task = [entry for entry in hearer.told if entry[1:2] == (task,)]
    assert [entry[0] for entry in of_task] == [
        *("started", "task_started", "awaits", "task_crashed", "awaits", "task_killed", "ended", "task_ended")
    ]
    assert of_task[1] == ("task_started", task, "tasks")
    assert of_task[3][2] is error
    assert 0.05 <= of_task[3][3] <= 0.1
    assert of_task[-1] == ("task_ended", task, "tasks", "shutdown")
    assert hearer.about("note") == [("note", "said", process, ("text", "hello")) for process in (task, task, dies)]
    told = [entry[0] for entry in hearer.told]
    assert told.index("ending") < told.index("task_killed", told.index("ending"))


async def test_what_a_consumer_supervisor_s_children_are_through_with():
    class Crew(ConsumerSupervisor):
        name = "crew"

        def init(self):
            self.subscribe("quiet")

        async def run(self, event):
            await anyio.sleep(event)
            if event == 2:
                raise ValueError(event)

    hearer = Hears()
    async with running(of(Quiet(), Crew()), **silent(hearer)):
        await idle()
        cast("quiet", [1, 2, 3])
        await idle()
    assert hearer.about("handled", "lost") == [
        ("handled", "crew", [1]),
        ("lost", "crew", [2]),
        ("handled", "crew", [3]),
    ]


def test_these_tests_hear_every_method():
    """A method that is new here belongs into one of them."""
    assert [
        *("attached", "ending", "turns", "started", "ended", "restarted", "task_started", "task_killed"),
        *("task_crashed", "task_ended", "took", "called", "awaits", "returned", "handled", "sent", "dropped"),
        *("settled", "lost", "cast", "note"),
    ] == METHODS


@pytest.mark.parametrize("method", ["took", "called", "returned", "settled", "sent"])
async def test_what_an_observer_raises_is_a_crash_of_the_stage_that_it_was_told_of(method):
    def fails(self, stage, *told):
        if stage is source and System.current().now() > 0.5 and not failed:
            failed.append(True)
            raise KeyError(method)

    source, sink, reported, failed = Quiet(), Sink("quiet", cancel="temporary"), [], []

    observer = type("Fails", (Observer,), {method: fails})()
    async with running(of(source, sink), recorder=observer, report=reported.append):
        await anyio.sleep(1)
        cast(source, [1])
        await idle()
        assert sink.running
    assert reported == [f"quiet crashed: KeyError: '{method}'"]
    assert sink.heard[0][0] == "down"


@pytest.mark.parametrize("method", ["sent", "lost", "ended"])
async def test_what_an_observer_raises_over_a_stage_that_ends_is_its_crash_and_keeps_nothing_back(method):
    """It ends all the same: its peers, `on_lost` and its supervisor hear of it, and the others go on."""

    def fails(self, stage, *told):
        if stage is source:
            raise KeyError(method)

    source, sinks = Quiet(), [Sink("quiet", cancel="temporary") for _ in range(2)]
    observer, reported, lost = type("Fails", (Observer,), {method: fails})(), [], []
    async with running(of(source, *sinks), recorder=observer, report=reported.append) as top:
        top.system.on_lost.append(lambda stage, events: lost.extend(events))
        await idle()
        source.emit([1])
        source.kill()
        await source.wait()
        await idle()
        assert [sink.heard for sink in sinks] == [[("down", "killed")]] * 2
        assert [sink.running for sink in sinks] == [True, True]
        assert [spec.process for spec in top.children] == sinks
    assert lost == [1]
    assert reported == [f"quiet crashed: KeyError: '{method}'"]


@pytest.mark.parametrize("method", ["ended", "task_ended"])
async def test_what_an_observer_raises_over_a_task_that_ends_is_its_crash(method):
    def fails(self, task, *told):
        if task is not top:
            raise KeyError(method)

    observer, reported = type("Fails", (Observer,), {method: fails})(), []
    top = TaskSupervisor()
    async with running(top, recorder=observer, report=reported.append):
        task = top.start_task(anyio.sleep, 1)
        await task.wait()
        assert (top.running, top.tasks) == (True, [])
    assert reported == [f"{task.label} crashed: KeyError: '{method}'"]


class Orderly(Observer):
    """Tells a common list who has heard of which method."""

    def __init__(self, name, told, fails=()):
        self.name, self.told, self.fails = name, told, fails

    def tell(self, method):
        self.told.append((self.name, method))
        if method in self.fails:
            raise KeyError(self.name)

    def attached(self, system):
        self.tell("attached")

    def returned(self, stage, callback, argument):
        self.tell("returned")

    def ended(self, process, reason):
        self.tell("ended")


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("recorded", [False, True])
async def test_any_number_of_observers_hear_of_everything_in_their_order(count, recorded):
    several, alone = [Hears() for _ in range(count)], Hears()
    told, recorder = [], Recorder(strict=True)
    order = [Orderly(number, told) for number in range(count)]
    for observers in ([*several, *order], [alone]):
        source, sink = Numbers(3), Sink(cancel="temporary")
        async with running(of(source, sink), recorder=recorder if recorded else None, observers=iter(observers)):
            await idle()
        assert sink.got == [0, 1, 2]
    told_of = [[entry[0] for entry in hearer.told] for hearer in (*several, alone)]
    assert told_of == [told_of[0]] * (count + 1)
    assert told[: 2 * count] == [(number, method) for method in ("attached", "returned") for number in range(count)]
    if recorded:
        assert recorder.broken is None
        assert len([event for event in recorder.events if event.kind == "handled"]) == 2


async def test_what_one_observer_raises_keeps_nothing_back_from_the_others_and_is_a_crash():
    """The recorder is told first."""
    told, reported = [], []
    first, second = (Orderly(name, told, fails=["returned"]) for name in ("first", "second"))
    observed = {"observers": [second, Orderly("third", told)], "recorder": first}
    async with running(of(Quiet(), Sink("quiet", cancel="temporary")), report=reported.append, **observed):
        await idle()
    assert [line.partition(" crashed: ")[2] for line in reported] == ["KeyError: 'first'"] * 2
    returned = [name for name, method in told if method == "returned"]
    assert returned[:3] == ["first", "second", "third"]
    assert [name for name, method in told if method == "ended"] == ["first", "second", "third"] * 3


async def test_what_several_do_not_hear_is_told_to_none_of_them():
    async with running(of(Numbers(1)), observers=[Observer(), Orderly("one", [])]) as top:
        observer = top.system.observer
        assert "took" not in vars(observer)
        assert vars(observer)["ended"] == observer.observers[1].ended
        assert repr(observer).startswith("<Observers [<palleto.runtime.observer.Observer")


@pytest.mark.parametrize("wrong", [Hears, "Hears()", None])
async def test_what_is_no_observer_is_refused(wrong):
    with pytest.raises(SettingError, match=r"expected an observer, such as Recorder\(\), got: "):
        async with running(of(Numbers(1)), observers=[Hears(), wrong]):
            raise AssertionError("unreachable")


class Keeps(Observer):
    """Keeps a number of its own under a name that is a method's."""

    def __init__(self, name):
        setattr(self, name, 5)


async def test_an_attribute_called_like_a_method_is_refused_before_it_crashes_a_stage():
    for name in METHODS:
        keeps = Keeps(name)
        for told in ({"observers": iter([Hears(), keeps])}, {"recorder": keeps}):
            with pytest.raises(SettingError, match=f"^expected Keeps to keep .* name than {name!r}: an observer hears"):
                async with running(of(Numbers(1)), **told):
                    raise AssertionError("unreachable")


async def test_a_method_of_an_instance_is_one():
    hearer, told = Observer(), []
    hearer.started = lambda process: told.append(process.label)
    async with running(of(Numbers(1)), observers=[hearer]):
        assert told == ["#1", "numbers"]
