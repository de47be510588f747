"""A question as it is shown: text, widgets, and the player that opens below. Nothing is in them before it is shown."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from palleto.lab import ask
from palleto.lab.questions import Question

HELPS = ["Look at the `loops`.", "The first finds none."]


def test_as_text(five, kills):
    asked = kills(five, text="How many loops?")
    options = "  ( ) 0\n  ( ) 1\n  (x) 2\n  ( ) 3\n"
    assert repr(asked.answer(2)) == (
        f"Question: How many loops?\n{options}"
        "○ open: answered: 2; not checked yet\nAnswer with .check(0); .show() shows the answer."
    )
    asked.check()
    assert repr(asked) == f"Question: How many loops?\n{options}✓ right: 2."
    asked.reset()
    assert repr(asked).splitlines()[-2:] == ["  ( ) 3", "Answer with .check(0); .show() shows the answer."]


def test_a_number_as_text(asked):
    question = asked(5, unit="s")
    assert repr(question).splitlines()[1:] == ["  [] a number (s)", "Answer with .check(1); .show() shows the answer."]
    assert repr(question.answer(5.5)).splitlines()[1] == "  [5.5 s] a number (s)"
    assert question.how() == "a number (s)"
    assert asked(5).how() == "a number"


def widgets(asked: Question) -> SimpleNamespace:
    """The parts of a question that is shown: its text, its input, the buttons, the status line, the player."""
    asked._repr_mimebundle_()
    text, given, buttons, status, player = asked._view.box.children
    check, show = buttons.children
    return SimpleNamespace(text=text, given=given, status=status, player=player, check=check, show=show)


def saved(asked: Question) -> str:
    """What a notebook keeps of the question's widgets."""
    from ipywidgets.embed import dependency_state

    return json.dumps(dependency_state([asked._view.box], drop_defaults=False), ensure_ascii=False)


def visible(widget) -> bool:
    return widget.layout.display != "none"


def test_it_is_shown_by_its_widgets_and_told_by_its_text(five, kills):
    asked = kills(five, name="step5.kills", text="How many `loops` <are> killed?")
    bundle = asked._repr_mimebundle_()
    assert bundle["text/plain"] == repr(asked)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert widgets(asked).text.value == (
        '<b id="question-step5.kills">How many <code>loops</code> &lt;are&gt; killed?</b>'
    )


def test_one_without_a_name_has_no_anchor(kills):
    assert widgets(kills(None)).text.value == "<b>How many?</b>"


def test_the_way_of_a_wrong_answer(five, kills):
    asked = kills(five, helps=HELPS, why="Each demand kills.")
    shown = widgets(asked)
    assert "○" not in shown.status.value  # nothing is said to who has not tried it
    assert not visible(shown.show)
    shown.given.value = 3
    assert asked.given == 3
    assert not visible(shown.show)
    shown.check.click()
    assert "✗ wrong</b>: not 3. Look at the <code>loops</code>.</div>" in shown.status.value
    assert visible(shown.show)
    assert not visible(shown.player)
    shown.given.value = 0
    shown.check.click()
    assert "The first finds none." in shown.status.value
    shown.show.click()
    assert "The answer is 2: at 0 s loop #8 is killed" in shown.status.value
    assert "wrong" not in shown.status.value
    assert "palleto-player" in shown.player.value
    assert visible(shown.player)
    assert shown.show.description == "Hide"
    shown.show.click()
    assert shown.player.value == ""
    assert not visible(shown.player)
    assert shown.show.description == "Show me"


def test_a_right_answer_says_why_and_can_be_shown(five, kills):
    asked = kills(five, why="Each demand kills.")
    shown = widgets(asked)
    shown.given.value = 2
    shown.check.click()
    assert "✓ right</b>: 2. Each demand kills." in shown.status.value
    shown.show.click()
    assert visible(shown.player)
    shown.given.value = 1  # another answer closes it
    assert not visible(shown.player)
    assert not visible(shown.show)


def test_what_was_answered_elsewhere_is_shown_too(five, kills, asked):
    choice, number = kills(five), asked(46, unit="s")
    shown, box = widgets(choice), widgets(number)
    choice.check(1)
    number.check("45 s")
    assert (shown.given.value, box.given.value) == (1, "45")
    choice.reset()
    number.reset()
    assert (shown.given.value, box.given.value) == (None, "")


def test_the_box_for_a_number(asked):
    question = asked(46, unit="s")
    shown = widgets(question)
    shown.given.value = "soon"
    assert "expected a number (s)" in shown.status.value
    assert shown.given.value == "soon"
    shown.given.value = "46 s"
    shown.check.click()
    assert question.state == "right"
    assert shown.given.value == "46"


def test_without_a_run_nothing_opens(kills):
    asked = kills(None, helps=HELPS)
    shown = widgets(asked)
    shown.given.value = 3
    shown.check.click()
    assert "run the cell under “Run” first" in shown.status.value
    asked.state = "wrong"  # as of a run before
    shown.show.click()
    assert shown.player.value == ""
    assert shown.show.description == "Show me"


def test_a_saved_notebook_has_only_what_was_shown(five):
    asked = ask("step5.kills", of=five)
    asked._repr_mimebundle_()
    look, hint, why = (*asked.definition.help, asked.definition.why)
    assert [text in saved(asked) for text in (asked.text, look, hint, why)] == [True, False, False, False]
    asked.check(3)
    assert [text in saved(asked) for text in (look, hint, why)] == [True, False, False]
    asked.check(0)
    assert [text in saved(asked) for text in (hint, why)] == [True, False]
    assert "loop_killed" not in saved(asked)
    assert "palleto-player" not in saved(asked)
    asked.check(2)
    assert why in saved(asked)


def test_without_widgets_the_text_has_all_of_it(five, kills, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "ipywidgets", None)
    asked = kills(five)
    assert asked._repr_mimebundle_() == {"text/plain": repr(asked)}
