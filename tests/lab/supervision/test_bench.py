"""The bench of lab 3, without a front-end and with its widgets. What every bench does is tested with lab 1's."""

from __future__ import annotations

import pytest

from palleto import SettingError
from palleto.lab.supervision import bench, two_floors

PICKED = ("two in a row", "one floor", "one_for_one", "3 in 5 s", "permanent", "producer-consumer")


def test_every_setting_can_be_picked() -> None:
    one = bench(mine=two_floors)
    assert repr(one) == "Pick a fault, a tree and its settings, say what will come of it, and run."
    row, what, status, found = one._view.box.children
    *lists, word, run = row.children
    assert [each.description for each in lists] == ["Fault", "Tree", "Strategy", "Budget", "Cancel", "Who crashes"]
    picked = ("a crash once", "mine", "one_for_all", "0 in 5 s", "temporary", "consumer")
    for each, value in zip(lists, picked, strict=True):
        each.value = value
    word.value = "gives up"
    assert "over its third batch" in what.value
    run.click()
    assert "✓ right: two floors, a crash once, one_for_all, 0 in 5 s, temporary: gives up. 1 of 1" in status.value
    assert "<svg" in found.value


@pytest.mark.parametrize("wrong", [(*PICKED[:3], "5 in 5 s", *PICKED[4:], "goes on"), (*PICKED, "fine"), PICKED])
def test_what_there_is_not_is_refused_and_changes_nothing(wrong: tuple[str, ...]) -> None:
    one = bench()
    with pytest.raises(SettingError, match="expected "):
        one.try_it(*wrong)
    assert (one.tried, one.trial) == (0, None)
