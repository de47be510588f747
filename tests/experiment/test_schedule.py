"""The unlucky schedule: what fails once in a while is found, told with its odds, and fails again with its seed."""

from __future__ import annotations

import pytest
from lost_demand import BelowZero, two_readers

from palleto import SettingError
from palleto.experiment import Repetition, unlucky
from palleto.replay import standstill
from steps import step6


def test_the_originals_lost_demand_is_found() -> None:
    found = unlucky(two_readers(BelowZero), seeds=range(10, 1000), first=True)
    assert found.trace is not None
    assert found.explanation.cause == "lost demand"
    assert found.headline.startswith(f"1 of {found.tried} schedules stall; the shortest is that of seed {found.seed}, ")
    assert Repetition(two_readers(BelowZero), seed=found.seed).perform() == found.trace


def test_of_several_failures_the_shortest_is_shown() -> None:
    few = unlucky(two_readers(BelowZero), seeds=[13, 16, 17, 19])
    assert (few.failed, few.tried) == ([13, 17, 19], 4)
    runs = {seed: Repetition(two_readers(BelowZero), seed=seed).perform() for seed in few.failed}
    assert few.seed == min(runs, key=lambda seed: len(standstill(runs[seed])))


def test_the_steps_own_producer_has_no_unlucky_schedule() -> None:
    found = unlucky(two_readers(step6.Producer), seeds=10)
    assert (found.failed, found.trace, found.explanation) == ([], None, None)
    assert repr(found) == "None of 10 schedules stall."


def test_another_failure_than_a_standstill() -> None:
    kills = lambda trace: any(event.kind == "loop_killed" for event in trace)  # noqa: E731
    assert "2 of 2 schedules fail" in unlucky(two_readers(step6.Producer), seeds=2, fails=kills)._repr_html_()


def test_what_cannot_be_tried() -> None:
    with pytest.raises(SettingError, match="expected an experiment, as only that can run again, got: None"):
        unlucky(None)
    with pytest.raises(SettingError, match="make it virtual=True"):
        unlucky(two_readers(step6.Producer, virtual=False))
    with pytest.raises(SettingError, match="expected seeds to be 1 or more, got: 0"):
        unlucky(two_readers(step6.Producer), seeds=0)
    with pytest.raises(SettingError, match=r"until=\.\.\. and seconds=\.\.\., or fails=\.\.\."):
        unlucky(two_readers(step6.Producer, seconds=None))
