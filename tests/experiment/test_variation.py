"""A run for each value of a number."""

from __future__ import annotations

import pytest

from palleto import SettingError
from palleto.experiment import Experiment, Variation
from palleto.lab import evidence
from steps import step5


def test_each_value_has_its_run_and_keeps_it() -> None:
    made: list[float] = []

    def run(seconds: float) -> Experiment:
        made.append(seconds)
        return Experiment(step5.pipeline, virtual=True, seconds=seconds)

    runs = Variation("seconds", [40, 80], run)
    short, long = runs.at(40), runs.at(80)
    assert not short.running
    assert 0 < evidence.consumed(short).value < evidence.consumed(long).value
    assert runs.at(40) is short
    assert made == [40, 80]


def test_no_values() -> None:
    with pytest.raises(SettingError, match="expected one or more values of n, got: none"):
        Variation("n", [], lambda n: Experiment(step5.pipeline))
