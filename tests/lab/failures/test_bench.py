"""The bench: a fault, a step, a prediction and a run, without a front-end and with its widgets."""

from __future__ import annotations

from typing import Any

import pytest

from palleto import SettingError
from palleto.lab.bench import Bench
from palleto.lab.failures import bench

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def one() -> Bench:
    return bench()


def parts(one: Bench) -> dict[str, Any]:
    """The widgets, by what they are."""
    assert WIDGET in one._repr_mimebundle_()
    row, what, status, found = one._view.box.children
    fault, step, word, run = row.children
    return {"fault": fault, "step": step, "word": word, "run": run, "what": what, "status": status, "found": found}


def test_a_prediction_is_compared_with_the_run(one: Bench) -> None:
    assert repr(one) == "Pick a fault and a step, say what will come of it, and run."
    assert one.try_it("TestEvent", "talk 8", "lost").word == "stuck"
    assert one.line == "✗ not lost: TestEvent, step talk 8: stuck. 0 of 1 predictions were right."
    one.try_it("TestEvent", "8", "done once")
    assert repr(one).splitlines() == [
        "✓ right: TestEvent, step 8: done once. 1 of 2 predictions were right.",
        "7 messages: 7 done once; 6 files: 6 done once",
    ]


def test_its_widgets_do_the_same(one: Bench) -> None:
    shown = parts(one)
    shown["fault"].value, shown["step"].value = "a crash before the delete", "talk 8"
    assert "between the write and the delete" in shown["what"].value
    shown["run"].click()
    assert "choose one of the words" in shown["status"].value
    assert one.trial is None
    shown["word"].value = "wrong"
    shown["run"].click()
    assert "✓ right: a crash before the delete, step talk 8: wrong." in shown["status"].value
    assert "done 2 times, with different results" in shown["found"].value
    assert f'data-at="{one.trial.event.seq}"' in shown["found"].value
    assert shown["word"].value == "", "the next one is predicted anew"
    assert not shown["run"].disabled


@pytest.mark.parametrize(("step", "word"), [("10", "lost"), ("9", "fine")])
def test_what_there_is_not_is_refused_and_changes_nothing(one: Bench, step: str, word: str) -> None:
    with pytest.raises(SettingError, match="expected one of: "):
        one.try_it("TestEvent", step, word)
    assert (one.tried, one.trial) == (0, None)


def test_it_needs_something_to_choose_from() -> None:
    with pytest.raises(SettingError, match="expected a fault and a step or more, got 0 and 8"):
        bench([])
