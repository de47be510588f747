"""Fork a moment: up to it the same, byte for byte; with nothing changed, the same to the end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from palleto import SettingError, Trace
from palleto.cloud import Simulation
from palleto.experiment import Repetition, fork
from palleto.lab import Experiment
from palleto.program import after_events, queue_empty
from palleto.trace import line_of
from steps import step5, step9


def pipelines(seed: int = 3, **options: Any) -> Experiment:
    return Experiment(
        step9.pipeline,
        **{
            "virtual": True,
            "seed": seed,
            "until": queue_empty,
            "seconds": 60,
            "files": 8,
            "rate": 2.0,
            "simulation": Simulation(receive=(0.0, 0.1), get_object=(0.5, 2.0)),
            **options,
        },
    )


def lines(trace: Any) -> list[str]:
    return [line_of(event) for event in trace]


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10_000), at=st.floats(0, 1), change=st.sampled_from([{}, {"pipelines": 3}, {"demand": 1}]))
def test_a_fork_that_changes_nothing_is_identical(seed: int, at: float, change: dict[str, int]) -> None:
    base = Repetition(pipelines(seed)).perform()
    index = int(at * (len(base) - 1))
    found = fork(pipelines(seed), index, **({} if base[index].t < 0.1 else change))  # not all has started at first
    assert lines(found.before) == lines(found.after) == lines(base)
    assert found.same
    assert found.headline.endswith("Nothing is different.")


@pytest.mark.parametrize("change", [{"pipelines": 6}, {"pipelines": 1}, {"demand": 3}, {"rate": 20.0},
                                    {"kill": "Pipeline1Consumer"}])  # fmt: skip
def test_a_change_is_made_at_its_moment(change: dict[str, Any]) -> None:
    found = fork(pipelines(), 3.0, **change)
    at = found.at.seq
    assert lines(found.before[: at + 1]) == lines(found.after[: at + 1])
    assert not found.same
    forked = next(event for event in found.after if event.kind == "forked")
    assert (forked.seq, forked.data["change"], forked.t) == (at + 1, found.change, found.at.t)
    assert found.after[-1].kind == "stopped"  # both come to their end, and lose nothing
    for trace in (found.before, found.after):
        assert {event.ids[0] for event in trace if event.kind == "written"} == {
            f"packrat/data/201607{day}.gz" for day in range(20, 28)
        }


def test_what_a_change_does() -> None:
    more = fork(pipelines(), 3.0, pipelines=6)
    assert more.comparison.findings[0].trait == "consumers"
    assert "In the run with 6 pipelines six consumers share the events" in more.headline
    killed = fork(pipelines(), 3.0, kill="Pipeline1Consumer")
    assert [event.kind for event in killed.after if event.stage == "Pipeline1Consumer" and event.kind == "crash"]
    assert not [event for event in killed.before if event.kind == "crash"]
    assert "Forked at trace event" in repr(killed)
    assert "<th>the run with Pipeline1Consumer killed</th>" in killed._repr_html_()


def test_a_killed_loop_finds_no_more() -> None:
    run = Experiment(step5.pipeline, virtual=True, seed=1, until=after_events(30), seconds=300)
    found = fork(run, 12.0, kill="loops")
    assert [event.kind for event in found.after[found.at.seq + 1 :]][:2] == ["forked", "loop_killed"]
    assert sum(event.kind == "handled" for event in found.before) > 0
    assert not [event for event in found.after if event.kind == "handled"]
    assert found.comparison.findings[0].trait in ("consumers", "patience", "kills", "amount")


def test_a_run_that_was_made_before_is_forked_as_it_was() -> None:
    run = pipelines()
    run.start().join(60)
    found = fork(run, run.trace.events[100])
    assert found.same
    assert lines(found.before) == lines(run.trace.events)


def test_inside_of_an_event_loop() -> None:
    async def notebook() -> bool:
        return fork(pipelines(), 50).same

    assert asyncio.run(notebook())


def test_what_cannot_be_forked() -> None:
    with pytest.raises(SettingError, match="expected an experiment, as only that can run again, got: <Trace"):
        fork(Trace(), 1)
    with pytest.raises(SettingError, match="expected an experiment that ends by itself"):
        fork(Experiment(step9.pipeline, virtual=True), 3)
    with pytest.raises(SettingError, match="make it virtual=True"):
        fork(pipelines(virtual=False), 3)
    with pytest.raises(SettingError, match="expected one change, got 2: demand, rate"):
        fork(pipelines(), 3, demand=2, rate=1.0)
    with pytest.raises(SettingError, match="expected demand to be 1 or more, got: 0"):
        fork(pipelines(), 3, demand=0)
    with pytest.raises(SettingError, match="expected rate to be above 0"):
        fork(pipelines(), 3, rate=-1)
    with pytest.raises(SettingError, match="expected a moment of this run"):
        fork(pipelines(), -1)
    with pytest.raises(SettingError, match="expected the name of a stage or the id of a loop of this run, got: 'Paul'"):
        fork(pipelines(), 3.0, kill="Paul")
    with pytest.raises(SettingError, match="expected a moment when the whole pipeline has started, got trace event 2"):
        fork(pipelines(), 2, kill="Pipeline1Consumer")
    with pytest.raises(SettingError, match="expected --virtual with --place simulated"):
        fork(pipelines(place="embedded"), 3)
    changing = iter(range(100))

    def odd() -> Any:
        top = step5.pipeline()
        return top if next(changing) == 0 else type(top)(top.children[:-1], strategy="rest_for_one")

    with pytest.raises(
        SettingError, match=r"expected a run that repeats itself, got another one\. They part at 0\.000 s"
    ):
        fork(Experiment(odd, virtual=True, until=after_events(10), seconds=300), 100)
