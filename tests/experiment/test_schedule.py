"""The unlucky schedule: what fails once in a while is found, told with its odds, and fails again with its seed."""

from __future__ import annotations

from typing import Any

import pytest

from palleto import SettingError
from palleto.cloud import Simulation
from palleto.experiment import Repetition, unlucky
from palleto.lab import Experiment
from palleto.program import queue_empty
from palleto.replay import standstill
from steps import step9


def pipelines(**options: Any) -> Experiment:
    jitter = Simulation(receive=(0.0, 0.05), get_object=(0.0, 0.1))
    return Experiment(
        step9.pipeline,
        **{"virtual": True, "until": queue_empty, "seconds": 29, "files": 12, "simulation": jitter, **options},
    )


def test_the_originals_lost_demand_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def below_zero(self: step9.Producer, message: tuple[str, list[Any]]) -> list[Any]:
        self.owed -= len(message[1])
        return message[1]

    monkeypatch.setattr(step9.Producer, "handle_cast", below_zero)
    found = unlucky(pipelines(), seeds=1000, first=True)
    assert found.trace is not None
    assert found.explanation is not None
    assert found.explanation.cause == "lost demand"
    assert "SQS.Producer counts wrong: with demand for " in found.explanation.sentence
    assert "unmet it asked for 0 events" in found.explanation.sentence
    assert found.headline.startswith(f"1 of {found.tried} schedules stall; the shortest is that of seed {found.seed}, ")
    again = Repetition(pipelines(), seed=found.seed).perform()
    assert again == found.trace

    few = unlucky(pipelines(), seeds=range(found.seed or 0, (found.seed or 0) + 12))
    assert found.seed in few.failed
    assert 1 <= len(few.failed) < few.tried == 12
    lengths = {seed: len(standstill(Repetition(pipelines(), seed=seed).perform())) for seed in few.failed}
    assert few.seed == min(lengths, key=lambda seed: lengths[seed])


def test_ours_has_no_unlucky_schedule() -> None:
    found = unlucky(pipelines(), seeds=10)
    assert (found.failed, found.trace, found.explanation) == ([], None, None)
    assert repr(found) == "None of 10 schedules stall."


def test_another_failure_than_a_standstill() -> None:
    found = unlucky(pipelines(), seeds=6, fails=lambda trace: any(event.kind == "loop_killed" for event in trace))
    assert found.failed
    assert f"{len(found.failed)} of 6 schedules fail" in found._repr_html_()


def test_what_cannot_be_tried() -> None:
    with pytest.raises(SettingError, match="expected an experiment, as only that can run again, got: None"):
        unlucky(None)
    with pytest.raises(SettingError, match="make it virtual=True"):
        unlucky(pipelines(virtual=False))
    with pytest.raises(SettingError, match="expected seeds to be 1 or more, got: 0"):
        unlucky(pipelines(), seeds=0)
    with pytest.raises(SettingError, match=r"until=\.\.\. and seconds=\.\.\., or fails=\.\.\."):
        unlucky(pipelines(seconds=None))
