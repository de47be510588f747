"""The difference of two steps as a notebook shows it."""

from __future__ import annotations

import pytest
from html_page import Page

from palleto import SettingError
from palleto.lab.differences import difference
from palleto.replay import compare


def test_changed_lines_are_marked_as_text_and_what_is_the_same_is_folded():
    shown = difference("step4", "step5")
    html = shown._repr_html_()
    texts = Page(html).texts
    assert html.count("<details>") >= sum(change.kind == "unchanged" for change in shown.changes) >= 1
    assert any("self.owed = 0" in line for line in texts["ins"])
    assert texts["del"]
    assert all(line.startswith("-") for line in texts["del"])
    assert all(line.startswith("+") for line in texts["ins"])


@pytest.mark.parametrize("number", range(1, 9))
def test_neighbours_are_well_formed_and_escaped(number):
    html = difference(number, number + 1)._repr_html_()
    Page(html)
    assert "<script" not in html
    assert "-> list[" not in html
    assert "var(--jp-content-font-color1, inherit)" in html, "the theme's colours, with a fallback"


def test_what_two_runs_do_stands_beside_the_code(play):
    behaviour = compare(play(4).trace, play(5).trace)
    shown = difference("step4", "step5", beside=behaviour)
    html = shown._repr_html_()
    assert behaviour.headline in html
    assert any("self.owed = 0" in line for line in Page(html).texts["ins"])
    assert "<details open>" not in html
    assert behaviour.headline in repr(shown)


def test_as_text():
    shown = difference("step3", "step4")
    text = repr(shown)
    assert text.startswith("Step 3: ")
    assert "\nProducer: unchanged" in text
    assert any(line.startswith("+ ") for line in text.splitlines())
    assert shown._repr_mimebundle_()["text/plain"] == text


@pytest.mark.parametrize("name", ["step4", "STEP 4", "4", 4, " step_4 "])
def test_a_step_is_named_in_several_ways(name):
    assert difference(name, "step5").before.number == 4


@pytest.mark.parametrize("name", ["step10", "step0", "", "four", None, True, 4.5, "../step4", "٤"])
def test_another_name_is_one_clear_line(name):
    with pytest.raises(SettingError, match='expected a step, "step1" to "step9", got: ') as caught:
        difference(name, "step5")
    assert "\n" not in str(caught.value)


def test_code_in_the_reason_is_shown_as_code():
    html = difference(2, 3)._repr_html_()
    assert "<code>Producer.enqueue(events)</code>" in html
    assert "`" not in html.partition("<details")[0]


def test_why_is_told_of_neighbours_only():
    assert difference("step4", "step5").why.startswith("demand is asked once")
    assert difference("step4", "step7").why == ""
