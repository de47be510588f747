"""ConsumerSupervisor: a child for each event, never more than it may have, and none left behind."""

from __future__ import annotations

import anyio
import pytest

from palleto import Consumer, ConsumerSupervisor, Producer, Recorder, Supervisor, System, cast, child, running


class Jobs(Producer):
    name = "jobs"

    def __init__(self, *jobs):
        self.jobs, self.told = list(jobs), []

    def handle_demand(self, demand):
        self.told.append((anyio.current_time(), demand))
        events, self.jobs = self.jobs[:demand], self.jobs[demand:]
        return events

    def handle_cast(self, events):
        return events


class Crew(ConsumerSupervisor):
    """A job is how long it takes; one below 0 crashes after so long."""

    def __init__(self, **terms):
        self.terms, self.most, self.at_work, self.log = {"to": "jobs", **terms}, 0, 0, []

    def init(self):
        self.subscription = self.subscribe(**self.terms)

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


def run_with(go, source, crew, body, **child_settings):
    async def main():
        recorder, reported, lost = Recorder(strict=True), [], []
        top = Supervisor([child(lambda: source), child(lambda: crew, **child_settings)])
        async with running(top, recorder=recorder, report=reported.append):
            System.current().on_lost.append(lambda stage, events: lost.extend(events))
            await body()
        assert recorder.broken is None
        return reported, lost

    return go(main)


def test_never_more_children_than_max_demand(go):
    source, crew = Jobs(*range(1, 30)), Crew(max_demand=5, min_demand=2)

    async def body():
        await System.current().idle()

    assert run_with(go, source, crew, body) == ([], [])
    assert crew.most == 5
    assert sorted(job for _, job in crew.log) == list(range(1, 30))


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"max_demand": 4, "min_demand": 0}, [(0, 4), (1, 4), (2, 4)]),
        ({"max_demand": 4, "min_demand": 3}, [(0, 4), *[(1, 1)] * 4, *[(2, 1)] * 4]),
        ({"max_demand": 4}, [(0, 4), (1, 2), (1, 2), (2, 2), (2, 2)]),
    ],
)
def test_asks_when_max_minus_min_children_have_ended(go, terms, told):
    source, crew = Jobs(*[1] * 8), Crew(**terms)

    async def body():
        await System.current().idle()

    run_with(go, source, crew, body)
    assert source.told == told


def test_a_child_that_crashes_is_reported_and_done_with(go):
    source, crew = Jobs(-1, 2, -3, 4), Crew(max_demand=1, min_demand=0)

    async def body():
        await System.current().idle()
        assert crew.running
        assert crew.children == {}

    reported, _ = run_with(go, source, crew, body)
    assert [line.split(" ", 1)[1] for line in reported] == ["crashed: ValueError: -1", "crashed: ValueError: -3"]
    assert [job for _, job in crew.log] == [2, 4]
    assert crew.log[-1] == (10, 4)


def test_a_transient_child_runs_again(go):
    class Patient(Crew):
        restart = "transient"
        tries = 0

        async def run(self, job):
            self.tries += 1
            if self.tries < 4:
                raise ValueError(job)
            await super().run(job)

    source, crew = Jobs(1), Patient(max_demand=1)

    async def body():
        await System.current().idle()

    reported, _ = run_with(go, source, crew, body)
    assert (crew.tries, [job for _, job in crew.log]) == (4, [1])
    assert [line.split(" ", 1)[1] for line in reported] == ["is started again after ValueError: 1"]


@pytest.mark.parametrize("how", ["end", "kill"])
def test_stopping_it_stops_its_children_and_tells_what_is_lost(go, how):
    source, crew = Jobs(1, 10, 20, 30, 40), Crew(max_demand=3, min_demand=1)

    async def body():
        await anyio.sleep(5)
        if how == "end":
            await crew.end()
        else:
            crew.kill()
            await crew.wait()
        assert anyio.current_time() == 5
        assert (crew.at_work, crew.children) == (0, {})
        assert len(System.current().processes) == 2

    reported, lost = run_with(go, source, crew, body, restart="temporary")
    assert [job for _, job in crew.log] == [1]
    assert sorted(lost) == [10, 20]
    assert reported == ([] if how == "end" else [f"{crew.id} crashed: killed"])


def test_a_drain_waits_for_the_children(go):
    source, crew = Jobs(3, 7, 100, 100), Crew(max_demand=2, min_demand=1)

    async def body():
        await anyio.sleep(1)
        await System.current().drain()
        assert anyio.current_time() == 7
        assert [job for _, job in crew.log] == [3, 7]

    assert run_with(go, source, crew, body) == ([], [])
    assert source.jobs == [100, 100]


async def test_the_end_of_a_child_while_the_end_of_the_producer_is_on_its_way():
    source, crew = Jobs(1, 1), Crew(max_demand=2, min_demand=1, cancel="temporary")

    async def body():
        await anyio.sleep(0.5)
        await source.end()
        await System.current().idle()
        assert crew.running
        assert len(crew.log) == 2

    recorder, reported = Recorder(strict=True), []
    top = Supervisor([child(lambda: source, restart="temporary"), child(lambda: crew)])
    async with running(top, recorder=recorder, report=reported.append):
        await body()
    assert reported == []


async def test_two_producers_have_a_share_each():
    class Both(Crew):
        def init(self):
            self.subscribe("jobs", max_demand=1, min_demand=0)
            self.subscribe("more", max_demand=2, min_demand=0)

    source, more, crew = Jobs(*[1] * 3), Jobs(*[2] * 4), Both()
    more.name = "more"

    async with running(Supervisor([child(lambda: source), child(lambda: more), child(lambda: crew)])):
        await System.current().idle()
    assert crew.most == 3
    assert sorted(crew.log) == [(1, 1), (2, 1), (2, 2), (2, 2), (3, 1), (4, 2), (4, 2)]


def test_children_of_another_kind(go):
    class Reader(Consumer):
        def __init__(self, job):
            self.job = job

        def init(self):
            started.append(self.job)

        def handle_cast(self, message):
            self.stop()

    class Readers(Crew):
        def child_of(self, job):
            return Reader(job)

    started, source, crew = [], Jobs("a", "b", "c"), Readers(max_demand=2, min_demand=1)

    async def body():
        await System.current().idle()
        assert started == ["a", "b"]
        ((first, _, _), (second, _, _)) = crew.children.values()
        cast(first, "stop")
        await System.current().idle()
        assert started == ["a", "b", "c"]
        await crew.end()
        assert not second.running

    run_with(go, source, crew, body, restart="temporary")


async def test_without_run():
    class Lazy(ConsumerSupervisor):
        def init(self):
            self.subscribe("jobs")

    reported = []
    async with running(Supervisor([child(lambda: Jobs(1)), child(Lazy)]), report=reported.append):
        await System.current().idle()
    assert "expected Lazy to have an `async def run`" in reported[0]
