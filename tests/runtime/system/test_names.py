"""The names in a run, and what it says."""

from __future__ import annotations

import anyio
import pytest
from stage_members import Numbers, idle, of

from palleto import (
    NameTakenError,
    NotFoundError,
    Supervisor,
    System,
    TaskSupervisor,
    actor,
    cast,
    child,
    running,
    say,
    whereis,
)


async def test_names_are_found_unique_and_freed():
    specs = [child(Numbers, restart="temporary"), child(Numbers, name="others", restart="temporary")]
    async with running(Supervisor(specs)) as top:
        numbers = whereis("numbers")
        assert set(System.current().names) == {"numbers", "others"}  # of the class, or given to `child`
        await whereis("others").end()
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


def test_outside_of_a_run():
    for broken in (System.current, lambda: whereis("x"), lambda: cast("x", 1), lambda: say("x")):
        with pytest.raises(NotFoundError, match="expected to be inside a run"):
            broken()
    assert actor() is None


async def test_a_run_after_a_run_and_a_run_in_a_run():
    async with running(of(Numbers())):
        outer = System.current()
        async with running(of(Numbers())):
            assert System.current() is not outer
            assert System.current().whereis("numbers") is not outer.whereis("numbers")
        assert System.current() is outer
    with pytest.raises(NotFoundError):
        System.current()


async def test_say_report_and_actor():
    class Talks(Numbers):
        def handle_cast(self, message):
            say(f"{actor().label} got {message}")

    class TalksAsync(Talks):
        async def handle_cast(self, message):
            await anyio.sleep(1)
            say(f"{actor().label} got {message}")

    async def task():
        say(f"a task: {actor()}")

    said, tasks = [], TaskSupervisor()
    first, second = Talks(), TalksAsync(name="second")
    async with running(of(first, second, tasks), say=said.append):
        say(f"the body: {actor()}")
        cast(second, 1)
        cast(first, 2)
        await idle()
        running_task = tasks.start_task(task)
        await running_task.wait()
        assert said == [
            "the body: None",
            "numbers got 2",
            "second got 1",
            f"a task: <Task {running_task.id} running>",
        ]
        assert repr(System.current()) == "<System 4 processes, 1.000 s>"


async def test_a_task_that_a_stage_started_by_itself_acts_for_nobody():
    class Starts(Numbers):
        def handle_cast(self, message):
            said.append(actor())
            self.system.tasks.start_soon(self.later)

        async def later(self):
            await anyio.sleep(1)
            said.append(actor())

    said, stage = [], Starts()

    async with running(of(stage)):
        cast(stage, 1)
        await anyio.sleep(2)
    assert said == [stage, None]


async def test_without_settings_it_prints(capsys):
    async with running(of(Numbers())):
        say("hello")
        cast("numbers", "oh")
        await idle()
    assert capsys.readouterr() == ("hello\n", "numbers crashed: ValueError: oh\n")
