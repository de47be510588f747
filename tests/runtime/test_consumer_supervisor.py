"""ConsumerSupervisor: a child for each event, never more than it may have, and none left behind."""

from __future__ import annotations

import re
from collections import Counter

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage_members import idle, of, stages

import palleto
from palleto import Consumer, ConsumerSupervisor, NotFoundError, Producer, System, cast, child, running


class Jobs(Producer):
    def __init__(self, *jobs, name="jobs"):
        self.jobs, self.name, self.told = list(jobs), name, []

    def handle_demand(self, demand):
        self.told.append((anyio.current_time(), demand))
        events, self.jobs = self.jobs[:demand], self.jobs[demand:]
        return events


class Crew(ConsumerSupervisor):
    """A job is how long it takes; one below 0 crashes after so long."""

    def __init__(self, **terms):
        self.terms, self.most, self.at_work, self.log = terms, 0, 0, []

    def init(self):
        self.subscribe("jobs", **self.terms)

    async def run(self, job):
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        try:
            await anyio.sleep(abs(job))
            if job < 0:
                raise ValueError(job)
            self.log.append((anyio.current_time(), job))
        finally:
            self.at_work -= 1


def texts(reported):
    """What was reported, without the ids of who it was about."""
    return [re.sub(r"^(\w+ )?#\d+ ", "", line) for line in reported]


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"max_demand": 4, "min_demand": 0}, [(0, 4), (1, 4), (2, 4)]),
        ({"max_demand": 4, "min_demand": 3}, [(0, 4), *[(1, 1)] * 4, *[(2, 1)] * 4]),
        ({"max_demand": 4}, [(0, 4), (1, 2), (1, 2), (2, 2), (2, 2)]),
    ],
)
async def test_never_more_than_max_demand_and_asks_when_max_minus_min_children_have_ended(terms, told):
    source, crew = Jobs(*[1] * 8), Crew(**terms)

    async with stages(source, crew):
        await idle()
    assert source.told == told
    assert crew.most == 4


async def test_a_child_that_crashes_is_reported_and_done_with():
    crew = Crew(max_demand=1, min_demand=0)

    async with stages(Jobs(-1, 2, -3, 4), crew) as world:
        await idle()
        assert crew.running
        assert crew.children == []
        assert texts(world.reported) == ["crashed: ValueError: -1", "crashed: ValueError: -3"]
        assert world.lost == [-1, -3]  # not done, and nobody tries again
    assert crew.log == [(3, 2), (10, 4)]


@pytest.mark.parametrize("how", ["end", "kill"])
async def test_stopping_it_stops_its_children_and_tells_what_is_lost(how):
    crew = Crew(max_demand=3, min_demand=1)

    async with stages(Jobs(1, 10, 20, 30, 40), crew) as world:
        await anyio.sleep(5)
        if how == "end":
            await crew.end()
        else:
            crew.kill()
            await crew.wait()
        assert anyio.current_time() == 5
        assert (crew.at_work, crew.children) == (0, [])
        assert len(System.current().processes) == 2
        assert sorted(world.lost) == [10, 20]
        assert world.reported == ([] if how == "end" else [f"Crew {crew.id} crashed: killed"])
    assert [job for _, job in crew.log] == [1]


async def test_a_drain_waits_for_the_children():
    source, crew = Jobs(3, 7, 100, 100), Crew(max_demand=2, min_demand=1)

    async with stages(source, crew) as world:
        await anyio.sleep(1)
        await System.current().drain()
        assert crew.log == [(3, 3), (7, 7)]
        assert world.reported == world.lost == []
    assert source.jobs == [100, 100]


async def test_the_end_of_a_child_while_the_end_of_the_producer_is_on_its_way():
    source, crew = Jobs(1, 1), Crew(max_demand=2, min_demand=1, cancel="temporary")

    async with stages(source, crew) as world:
        await anyio.sleep(0.5)
        await source.end()
        await idle()
        assert crew.running
        assert len(crew.log) == 2
        assert world.reported == []


async def test_two_producers_have_a_share_each():
    class Both(Crew):
        def init(self):
            self.subscribe("jobs", max_demand=1, min_demand=0)
            self.subscribe("more", max_demand=2, min_demand=0)

    crew = Both()

    async with stages(Jobs(*[1] * 3), Jobs(*[2] * 4, name="more"), crew):
        await idle()
    assert crew.most == 3
    assert sorted(crew.log) == [(1, 1), (2, 1), (2, 2), (2, 2), (3, 1), (4, 2), (4, 2)]


async def test_without_run():
    class Lazy(ConsumerSupervisor):
        def init(self):
            self.subscribe("jobs")

    async with stages(Jobs(1), Lazy()) as world:
        await idle()
        assert "expected Lazy to have an `async def run`" in world.reported[0]


class Cannot(Crew):
    """A child for "raises" cannot be made, one for "taken" has the name of a stage that runs, ..."""

    class Broken(Consumer):
        def init(self):
            raise ValueError("init")

    def child_of(self, job):
        match job:
            case "raises":
                raise ValueError("child_of")
            case "init":
                return self.Broken()
            case "taken":
                other = Consumer()
                other.name = "jobs"
                return other
            case "nothing":
                return job
            case "myself":
                return self
            case "ignored":
                return None
        return super().child_of(job)


@pytest.mark.parametrize(
    ("job", "why"),
    [
        ("raises", "ValueError: child_of"),
        ("init", "ValueError: init"),
        ("taken", "NameTakenError: expected a name that is free"),
        ("nothing", "ReturnError: expected child_of to return a process that has not begun or None, got: 'nothing'"),
        ("myself", "ReturnError: expected child_of to return a process that has not begun or None"),
    ],
)
async def test_an_event_whose_child_cannot_be_made_is_lost_and_done_with(job, why):
    crew = Cannot(max_demand=2, min_demand=0)

    async with stages(Jobs(1, job, 2, 3), crew) as world:
        await idle()
        assert crew.running
        assert world.lost == [job]
        assert len(world.reported) == 1
        assert texts(world.reported)[0].startswith(f"failed to start a child for {job!r}: {why}")
    assert crew.log == [(1, 1), (3, 2), (4, 3)]  # those of the same batch go on


class Failing(Consumer):
    """A stage as a child: its first `tries` lives end in a crash after a second, one in its init if `early`."""

    lives: Counter

    def __init__(self, job, tries, early):
        self.job, self.tries, self.early = job, tries, early

    def init(self):
        self.lives[self.job] += 1
        crash = self.lives[self.job] <= self.tries
        if crash and self.early and self.lives[self.job] > 1:
            raise ValueError("early")
        cast(self, crash)

    async def handle_cast(self, crash):
        await anyio.sleep(1)
        self.stop(ValueError("late") if crash else "normal")


class Again(Crew):
    restart, tries, early = "transient", 3, False

    def child_of(self, job):
        return type("Failing", (Failing,), {"lives": self.lives})(job, self.tries, self.early)

    lives: Counter


@pytest.mark.parametrize(("early", "at"), [(False, [1, 2, 3]), (True, [1])])
async def test_a_stage_as_a_transient_child_is_started_again(early, at):
    crew = Again(max_demand=1)
    crew.early, crew.lives = early, Counter()

    async with stages(Jobs("job"), crew) as world:
        await anyio.sleep(10)
        assert crew.running
        assert crew.lives["job"] == 4
        assert (crew.children, world.lost) == ([], [])
        assert [event.t for event in world.recorder.events if event.kind == "restart"] == at


@pytest.mark.parametrize("early", [False, True])
async def test_out_of_restarts_it_ends_and_each_event_is_lost_once(early):
    class Few(Again):
        max_restarts, max_seconds, tries = 2, 10, 100

    crew = Few(max_demand=3)
    crew.name, crew.early, crew.lives = "crew", early, Counter()

    async with stages(Jobs(*"abc"), crew) as world:
        await crew.wait()
        assert sorted(world.lost) == ["a", "b", "c"]
        assert world.reported[-1].startswith(
            "Few crew crashed: RestartError: expected at most 2 restarts in 10 s under crew, got one more; "
        )
        assert list(System.current().names) == ["jobs"]


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("restart", "permanent", "expected Crew.restart to be temporary or transient, got: 'permanent'"),
        ("shutdown", -1, r"expected Crew.shutdown to be seconds \(0 or more\) or 'kill', got: -1"),
        ("shutdown", "now", r"expected Crew.shutdown to be seconds \(0 or more\) or 'kill', got: 'now'"),
        ("max_restarts", -1, "expected max_restarts to be a whole number of 0 or more, got: -1"),
    ],
)
async def test_settings_that_are_none(setting, value, message):
    crew = Crew()
    setattr(crew, setting, value)

    with pytest.raises(palleto.PalletoError, match=message):
        async with running(of(Jobs(1), crew)):
            pass
    assert not crew.running


async def test_children_that_come_from_no_producer():
    crew = Crew(max_demand=1, min_demand=0)

    async with stages(Jobs(5, 5), crew) as world:
        await anyio.sleep(1)
        first = crew.start_child(2)
        crew.start_child(-3)
        assert len(crew.children) == 3
        assert crew.children[1] is first
        assert crew.count_children() == {"specs": 1, "active": 3, "workers": 3, "supervisors": 0}
        await idle()
        assert world.lost == [-3]
        assert [job for _, job in crew.log] == [2, 5, 5]
        assert crew.log[-1] == (10, 5)  # the demand was not touched
        await crew.end()
        with pytest.raises(NotFoundError, match="to start a child under it; it has ended"):
            crew.start_child(1)


async def test_a_supervisor_as_a_child_is_counted_as_one_and_one_that_cannot_start_is_lost_once():
    class Supervisors(Crew):
        def child_of(self, job):
            return of(Consumer(), Cannot.Broken() if job == "broken" else Consumer())

    crew = Supervisors(max_demand=3)

    async with stages(Jobs(1, "broken", 2), crew) as world:
        await idle()
        assert crew.running
        assert world.lost == ["broken"]
        assert crew.count_children() == {"specs": 1, "active": 2, "workers": 0, "supervisors": 2}


async def test_a_child_that_is_stopped_is_done_with():
    crew = Crew(max_demand=2, min_demand=1)

    async with stages(Jobs(10, 20, 1), crew) as world:
        await anyio.sleep(5)
        first, _ = crew.children
        await crew.stop_child(first)
        with pytest.raises(NotFoundError, match="expected a child of"):
            await crew.stop_child(first)
        await idle()
        assert world.lost == [10]
        assert world.reported == []
    assert crew.log == [(6, 1), (20, 20)]


@pytest.mark.parametrize(
    ("shutdown", "ended", "lost"), [(None, 1, [3, 20]), ("kill", 1, [3, 20]), (0, 1, [3, 20]), (4, 5, [20])]
)
async def test_the_time_that_a_task_has_when_it_is_shut_down(shutdown, ended, lost):
    crew = Crew(max_demand=2)
    crew.shutdown = shutdown

    async with stages(Jobs(3, 20), crew) as world:
        await anyio.sleep(1)
        await crew.end()
        assert anyio.current_time() == ended
        assert sorted(world.lost) == lost
        assert world.reported == []


@pytest.mark.parametrize(("shutdown", "ended"), [(None, 6), ("kill", 1), (2, 3), (60, 21)])
async def test_the_time_that_a_stage_has_when_it_is_shut_down(shutdown, ended):
    class Busy(Consumer):
        def init(self):
            cast(self, "work")

        async def handle_cast(self, message):
            await anyio.sleep(21)

    class Stages(Crew):
        def child_of(self, job):
            return Busy()

    crew = Stages(max_demand=2)
    crew.shutdown = shutdown

    async with stages(Jobs(1), crew) as world:
        await anyio.sleep(1)
        await crew.end()
        assert anyio.current_time() == ended
        assert world.lost == [1]


@given(
    jobs=st.lists(st.sampled_from([1, 2, -1, -2, "raises", "init", "ignored"]), max_size=12),
    restart=st.sampled_from(["temporary", "transient"]),
    most=st.integers(1, 4),
    stops=st.lists(st.sampled_from(["kill", "stop", "end"]), max_size=3),
    backend=st.sampled_from(["asyncio", "trio"]),
)
def test_each_event_is_done_or_told_as_lost_once(jobs, restart, most, stops, backend):
    """Whatever crashes or is stopped: an event is done, ignored or told as lost, and only one of these, once."""
    jobs = list(enumerate(jobs))
    done, lost, left = [], [], []

    class Numbered(Cannot):
        def child_of(self, event):
            if event[1] == "ignored":
                done.append(event)
            return Cannot.child_of(self, event[1]) if isinstance(event[1], str) else super().child_of(event)

        async def run(self, event):
            await super().run(event[1])
            done.append(event)

    async def main():
        source = Jobs(*jobs)

        def crew():
            made = Numbered(max_demand=most)
            made.name, made.restart, made.max_restarts = "crew", restart, 2
            return made

        top = palleto.Supervisor([child(lambda: source), child(crew)], max_restarts=1000)
        async with running(top, report=lambda line: None):
            System.current().on_lost.append(lambda process, events: lost.extend(events))
            for stop in stops:
                await anyio.sleep(0.5)
                crew = palleto.whereis("crew")
                if stop == "stop" and crew.children:
                    await crew.stop_child(crew.children[0])
                elif stop == "kill":
                    crew.kill()
                elif stop == "end":
                    await crew.end()
            await idle()
            left.extend(source.jobs)
        assert not left

    palleto.run(main, backend=backend, time="virtual")
    told = Counter(done + lost)
    assert set(jobs) - set(told) == set()
    assert max(told.values(), default=1) == 1
