"""The sliders: two numbers, a picture, and one of all to look at; without a front-end and with its widgets."""

from __future__ import annotations

from typing import Any

import pytest

from palleto import SettingError
from palleto.lab import figures
from palleto.lab.shutdown import Ladder, Sliders, ladder, sliders
from palleto.lab.shutdown.ladder import FILES

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def made() -> list[dict[str, float]]:
    """What was made, in its order."""
    return []


@pytest.fixture
def one(made: list[dict[str, float]]) -> Sliders:
    def drained(**numbers: float) -> Ladder:
        made.append(numbers)
        return ladder(**numbers, rungs=["drain"])

    return sliders(drained, figures.ends_side_by_side, deadline=[2, 10], seconds=[2, 4])


def test_numbers_are_moved_and_one_is_looked_at(one: Sliders, made: Any):
    assert repr(one).splitlines()[0] == "deadline 2, seconds 2"
    assert WIDGET in one._repr_mimebundle_()
    row, shown = one._view.box.children
    deadline, seconds, look = row.children
    assert "<svg" in shown.value
    deadline.value = 10
    assert one.numbers == {"deadline": 10, "seconds": 2}
    assert "drain none" in shown.value
    look.value = "drain"
    assert one.looked_at == "drain"
    assert "finishes what it has in hand" in shown.value
    assert "Show me the moment of its end" in shown.value
    seconds.value = 4
    assert f"{FILES} messages: " in shown.value
    one.look_at().set(seconds=2)
    assert (look.value, seconds.value) == ("", 2)
    assert "drain none" in shown.value
    assert made == [{"deadline": 2, "seconds": 2}, {"deadline": 10, "seconds": 2}, {"deadline": 10, "seconds": 4}]


def test_what_there_is_not_is_refused(one: Sliders):
    for call, words in (
        (lambda: one.set(deadline=3), r"expected deadline to be one of \[2, 10\], got: 3"),
        (lambda: one.set(length=3), r"expected length to be one of \[\], got: 3"),
        (lambda: one.look_at("cancel"), "expected one of: drain; got: 'cancel'"),
        (lambda: sliders(ladder, figures.ends_side_by_side, deadline=[]), "expected one or more values of deadline"),
    ):
        with pytest.raises(SettingError, match=words):
            call()
    assert one.numbers == {"deadline": 2, "seconds": 2}
