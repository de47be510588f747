"""An observer of one's own: each method is called when its docstring says so, in this order."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest
from stage_members import Numbers, Passing, Quiet, Sink, idle

from palleto import Supervisor, System, TaskSupervisor, cast, child, running, say
from palleto.core import ASK, CANCEL, CAST, DOWN, EVENTS, SUBSCRIBE
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


def test_tasks_restarts_losses_and_what_is_said(go):
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

    hearer, error = Hears(), ValueError("oh")

    async def main():
        tasks = child(TaskSupervisor, name="tasks")
        async with running(Supervisor([child(Weak), tasks], name="top"), **silent(hearer)):
            cast("quiet", [1, 2])
            cast("quiet", "crash")
            await idle()
            task = System.current().whereis("tasks").start_task(loop, restart="transient")
            await anyio.sleep(1)
            task.kill()
            await task.wait()
            dies = System.current().whereis("tasks").start_task(loop)
            await anyio.sleep(1)
            System.current().quiet()
            await dies.wait()
        return task.label, dies.label

    task, dies = go(main)
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


def test_both_tests_hear_every_method():
    """A method that is new here belongs into one of them."""
    assert [
        *("attached", "ending", "turns", "started", "ended", "restarted", "task_started", "task_killed"),
        *("task_crashed", "task_ended", "took", "called", "awaits", "returned", "sent", "dropped", "settled", "lost"),
        *("cast", "note"),
    ] == METHODS


async def test_an_observer_that_hears_nothing_changes_nothing():
    sink = Sink("passing", cancel="temporary")

    top = Supervisor([child(Numbers, 10), child(Passing, 2), child(lambda: sink)])
    async with running(top, **silent(Observer())):
        await idle()
    assert sink.got == [number for number in range(10) for _ in range(2)]


@pytest.mark.parametrize("method", ["took", "called", "returned", "settled", "sent"])
async def test_what_an_observer_raises_is_a_crash_of_the_stage_that_it_was_told_of(method):
    def fails(self, stage, *told):
        if stage is source and System.current().now() > 0.5 and not failed:
            failed.append(True)
            raise KeyError(method)

    source, sink, reported, failed = Quiet(), Sink("quiet", cancel="temporary"), [], []

    observer = type("Fails", (Observer,), {method: fails})()
    top = Supervisor([child(lambda: source, restart="temporary"), child(lambda: sink)])
    async with running(top, recorder=observer, report=reported.append):
        await anyio.sleep(1)
        cast(source, [1])
        await idle()
        assert sink.running
    assert reported == [f"quiet crashed: KeyError: '{method}'"]
    assert sink.heard[0][0] == "down"


async def test_a_cancelled_subscription_is_told_both_ways():
    hearer, source, sink = Hears(), Numbers(0), Sink(cancel="temporary")
    sink.name = "sink"

    async with running(Supervisor([child(lambda: source), child(lambda: sink)]), **silent(hearer)):
        await idle()
        sink.cancel(sink.subscription, "enough")
        await idle()
        sent = [entry for entry in hearer.about("sent") if entry[3][0] == CANCEL]
        message = (CANCEL, sink.subscription, "enough")
        assert sent == [("sent", "sink", "numbers", message), ("sent", "numbers", "sink", message)]
