"""A load against a setting: what is measured adds up, is the same again, and follows what the load says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palleto import Supervisor
from palleto.errors import SettingError
from palleto.lab import evidence
from palleto.lab.capacity import Load, Measured, Setting, Trial, TunedWarehouse, pollers, processes
from palleto.replay import verdict
from steps import step9

FEW = Load(rate=4, waits=(0.5, 1.5), files=12)


@settings(max_examples=12)
@given(
    rate=st.none() | st.floats(0.3, 20),
    pipelines=st.integers(1, 4),
    demand=st.sampled_from([1, 3, 10]),
    workers=st.integers(1, 3),
    seed=st.integers(0, 9),
)
def test_the_numbers_are_those_of_the_traces_and_of_the_queue(
    rate: float | None, pipelines: int, demand: int, workers: int, seed: int
):
    load = Load(rate, waits=(0, 1), files=9, seed=seed)
    trial = Trial(load, Setting(pipelines, demand, workers=workers))
    it = trial.measured
    assert trial.error is None
    assert (it.sent, it.done) == (9, 9)
    done = [name for trace in trial.traces for event in evidence.every(trace, kind="written") for name in event.ids]
    assert len(done) == len({*done}) == 9, "each once, by one of the workers"
    deleted = sum(event.data["deleted"] for trace in trial.traces for event in evidence.every(trace, kind="delete"))
    assert deleted == 9
    assert it.requests["download"] == 9
    assert it.requests["receive"] >= 1
    assert it.requests["delete"] <= 9
    assert len(it.latency) == 9
    assert it.latency == sorted(it.latency)
    assert 0 <= it.latency[0] <= it.p50 <= it.p99 <= it.latency[-1]
    assert 0 <= it.idle <= 1
    assert 1 <= it.held <= workers * pipelines * demand * 2, "a pipeline has two stages"
    assert it.in_hand <= it.latency[-1] + 1.1, "a deletion waits for others at most a second"


@pytest.mark.parametrize("pipeline", [step9.pipeline, pollers, processes])
def test_the_same_seed_makes_the_same_traces(pipeline: Any):
    few = Load(waits=(0.5, 1.5), files=6)
    one, other = (Trial(few, Setting(2, workers=2), pipeline) for _ in range(2))
    assert repr(one.measured) == repr(other.measured)  # as nobody is idle without pipelines: nan is not nan
    assert [[*trace.events] for trace in one.traces] == [[*trace.events] for trace in other.traces]
    assert Trial(replace(few, seed=1), Setting(2, workers=2), pipeline).measured.latency != one.measured.latency


@pytest.mark.parametrize("pipeline", [pollers, processes])
def test_nothing_is_lost_or_done_twice(pipeline: Any):
    trial = Trial(FEW, Setting(3), pipeline)
    assert trial.measured.done == 12
    assert {one.fate for one in verdict(trial).files} == {"done once"}


@pytest.mark.parametrize("pipelines", [1, 4])
def test_a_backlog_is_done_by_all_pipelines_side_by_side(pipelines: int):
    it = Trial(Load(rate=None, waits=1.0, files=4 * pipelines), Setting(pipelines)).measured
    assert it.throughput == pytest.approx(pipelines, rel=0.06)
    assert it.idle < 0.05


def test_what_a_core_does_is_not_done_side_by_side_by_one_worker():
    load = Load(rate=None, waits=0.0, works=0.5, files=12)
    one, many, workers = (Trial(load, Setting(*chosen)).measured for chosen in ((1,), (4,), (1, 1, 2, 30, 4)))
    assert one.throughput == pytest.approx(2, rel=0.1)
    assert many.throughput == pytest.approx(2, rel=0.1), "pipelines share a core"
    assert workers.throughput == pytest.approx(8, rel=0.1), "workers do not"


def test_one_loop_polls_for_all_pipelines_and_a_poller_each_does_not():
    night = Load(rate=0.3, waits=0.5, files=5)
    ours = [Trial(night, Setting(number)).measured.each("receive") for number in (1, 6)]
    theirs = [Trial(night, Setting(number), pollers).measured.each("receive") for number in (1, 6)]
    assert ours[1] <= ours[0]
    assert theirs[1] > 4 * theirs[0]


def test_each_worker_polls():
    night = Load(rate=0.3, waits=0.5, files=3)
    one, many = (Trial(night, Setting(1, workers=workers)).measured for workers in (1, 12))
    assert many.each("receive") > 3 * one.each("receive")


def test_the_first_worker_is_told_of_the_queues_messages_and_no_other():
    trial = Trial(FEW, Setting(1, workers=3))
    assert trial.measured.done == 12
    told = [evidence.count(trace, kind="message") for trace in trial.traces]
    assert told[0] >= 12 * 2
    assert told[1:] == [0, 0]
    assert evidence.count(trial, kind="message", state="deleted") == 12, "whoever has deleted it"


def test_the_wait_and_the_visibility_timeout_are_those_of_the_setting():
    trial = Trial(FEW, Setting(2, wait=7, visibility=3))
    assert trial.measured.requests["visibility"] > 0, "a heartbeat each second"
    receives = evidence.every(trial, kind="receive")
    assert {event.data["wait"] for event in receives} == {7}
    assert {event.data["visibility"] for event in receives if event.ids} == {3}
    assert Trial(FEW, Setting(2, visibility=3000)).measured.requests["visibility"] == 0


def test_a_pipeline_that_does_nothing_comes_to_an_end():
    trial = Trial(FEW, Setting(), lambda warehouse: Supervisor([]))
    assert (trial.measured.sent, trial.measured.done) == (12, 0)
    assert not trial.keeps_up
    assert repr(trial) == "3 x 1, wait 2 s, visibility 30 s: 0.00 files a second, 0 of 12 done"


@pytest.mark.timeout(30)
def test_what_makes_no_pipeline_is_told_in_one_line():
    def broken(warehouse: Any) -> Supervisor:
        raise SettingError("expected something else")

    trials = [Trial(FEW, Setting(), make) for make in (broken, lambda warehouse: None)]  # type: ignore[arg-type, list-item]
    assert [repr(trial).partition("failed: ")[2] for trial in trials] == [
        *("expected something else", "expected a stage or a supervisor to run, got: None"),
    ]
    assert not any(trial.keeps_up for trial in trials)
    with pytest.raises(SettingError, match="expected a function that makes a pipeline, got: None"):
        Trial(FEW, Setting(), None)  # type: ignore[arg-type]


def test_who_computes_has_the_core_alone(go: Any):
    async def main() -> list[float]:
        warehouse, ends = TunedWarehouse(Nothing(), 2, 0), []  # type: ignore[arg-type]

        async def compute(seconds: float) -> None:
            await warehouse.compute(seconds)
            ends.append(anyio.current_time())

        async with anyio.create_task_group() as tasks:
            for seconds in (1, 0, 2, 3):
                tasks.start_soon(compute, seconds)
        return sorted(ends)

    ends = go(main)
    assert ends[0] == 0, "who works for no time needs no core"
    assert ends[-1] == 6
    assert len({*ends}) == 4


class Nothing:
    sqs = None


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Load(rate=0), "the rate to be above 0, or None, got: 0"),
        (lambda: Load(waits=-1), r"waits of 0 s or more, or a pair \(shortest, longest\), got: -1"),
        (lambda: Load(waits=(2, 1)), r"got: \(2, 1\)"),
        (lambda: Load(works=-1), "works to be 0 s or more, got: -1"),
        (lambda: Load(waits=(1, 2, 3)), r"got: \(1, 2, 3\)"),
        (lambda: Load(waits="1"), "got: '1'"),
        (lambda: Load(size=(2, 1)), r"a size of 0 bytes or more, or a pair \(smallest, largest\), got: \(2, 1\)"),
        (lambda: Load(bandwidth=0), "the bandwidth to be above 0 bytes a second, got: 0"),
        (lambda: Load(files=0), "files to be a whole number, 1 or more, got: 0"),
        (lambda: Trial(FEW, Setting(pipelines=0)), "pipelines to be a whole number, 1 or more, got: 0"),
        (lambda: Trial(FEW, Setting(max_demand=1.5)), "max_demand to be a whole number, 1 or more, got: 1.5"),
        (lambda: Trial(FEW, Setting(wait=21)), "wait to be a whole number, 0 to 20, got: 21"),
        (lambda: Trial(FEW, Setting(visibility=0)), "visibility to be a whole number, 1 to 43200, got: 0"),
        (lambda: Trial(FEW, Setting(workers=True)), "workers to be a whole number, 1 or more, got: True"),
    ],
)
def test_a_load_or_a_setting_that_cannot_be(make: Callable[[], object], said: str):
    with pytest.raises(SettingError, match=said):
        make()


def test_bytes_take_time_and_the_pair_of_sizes_is_a_range():
    small, large = Load(waits=0.5, size=0), Load(waits=0.5, size=(20_000_000, 60_000_000), bandwidth=20e6)
    assert small.downloads == (0.5, 0.5)
    assert large.downloads == (1.5, 3.5)
    assert (large.seconds, large.mean_size) == (2.5, 40_000_000)
    load = Load(rate=None, waits=0.0, size=40_000_000, bandwidth=20e6, files=6)
    assert Trial(load, Setting(2)).measured.throughput == pytest.approx(1, rel=0.06), "two at a time, two seconds each"


def test_ones_own_function_is_measured():
    calls: list[str] = []

    def plain(path: Any) -> None:
        calls.append(path.read_text()[:5])

    async def waiting(path: Any) -> None:
        await anyio.sleep(0.01)

    load = Load(waits=0.1)
    worked, waited = load.doing(plain), load.doing(waiting)
    assert calls == ['{"at"'] * 6
    assert worked.works > 0
    assert isinstance(waited.waits, tuple)
    assert 0.1 + 0.01 <= waited.waits[0] <= waited.waits[1]
    assert load.works == 0, "it is another load"
    with pytest.raises(ZeroDivisionError):
        load.doing(lambda path: 1 / 0)


def later(path: Any) -> Any:
    yield path


@pytest.mark.parametrize("bad", ["words", lambda: 1, lambda one, other: 1, later])
def test_what_is_no_function_of_a_path(bad: Any):
    with pytest.raises(SettingError, match="expected a function of a file's path, plain or async, got: "):
        Load().doing(bad)


def test_numbers_of_nothing():
    nothing = Measured.of([])
    assert (nothing.sent, nothing.done, nothing.throughput) == (0, 0, 0.0)
    assert nothing.sqs != nothing.sqs, "not a number"
    assert Measured.slope([1.0]) == 0
    assert Measured.slope([1.0, 1.0]) == float("inf")
    assert Measured.slope([1, 1, 2, 2, 3, 3, 4, 4]) == pytest.approx(2)
