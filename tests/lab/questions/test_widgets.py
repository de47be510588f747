"""A question as it is shown: text, widgets, and the player that opens below."""

from __future__ import annotations

from palleto.lab.questions import question


def test_as_text(five, kills):
    asked = kills(five).answer(2)
    assert repr(asked) == (
        "Question: How many loops are killed at the start?\n"
        "  ( ) 0\n  ( ) 1\n  (x) 2\n  ( ) 3\n"
        "○ not tried: answered: 2; not checked yet\n"
        "Answer with .check(0); there are .hint() and .solution() too."
    )


def test_the_widgets_do_the_same(five, kills):
    asked = kills(five, hint="Look.")
    bundle = asked._repr_mimebundle_()
    assert bundle["text/plain"] == repr(asked)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    view = asked._view
    assert view is not None
    text, choices, buttons, status, _ = view.box.children
    assert "How many loops" in text.value
    check, hint, solution, _ = buttons.children
    choices.value = 3
    assert asked.given == 3
    check.click()
    assert asked.state == "wrong"
    assert "✗ wrong" in status.value
    assert "<code>task.kill()</code>" in status.value
    hint.click()
    assert "Look." in status.value
    solution.click()
    assert "the answer is 2" in status.value
    asked.check(2)
    assert choices.value == 2
    assert "✓ right" in status.value
    asked.reset()
    assert choices.value is None


def test_a_wrong_answer_opens_the_player_where_it_is_decided(five, kills):
    asked = kills(five)
    bundle = asked.check(3)._repr_mimebundle_()
    assert bundle["text/plain"] == str(asked.check(3))
    assert bundle["text/html"].startswith("<p>✗ wrong: not 3.")
    assert bundle["text/html"].endswith(asked.player()._repr_html_())
    assert (asked.player().at, asked.player().events) == (asked.deciding.seq, five)  # type: ignore[union-attr]
    assert list(asked.check(2)._repr_mimebundle_()) == ["text/plain"]
    assert list(asked.hint()._repr_mimebundle_()) == ["text/plain"]


def test_a_player_before_there_is_a_run(kills):
    assert repr(kills(None).player()) == "<Player 0 trace events, 0.0 s, at 0>"


def test_the_widgets_open_the_player_for_a_wrong_answer_and_on_demand_for_a_right_one(five, kills):
    asked = kills(five)
    asked._repr_mimebundle_()
    assert asked._view is not None
    _, choices, buttons, _, player = asked._view.box.children
    check, _, solution, show = buttons.children

    def shown() -> tuple[bool, bool, str | None]:
        opened = "palleto-player" in player.value
        assert opened is (player.layout.display != "none")
        return opened, show.layout.display != "none", show.description

    assert shown() == (False, False, "Show me")
    choices.value = 3
    check.click()
    assert shown() == (True, True, "Hide")
    show.click()
    assert shown() == (False, True, "Show me")
    check.click()
    assert shown()[0]
    choices.value = 2
    assert shown() == (False, False, "Show me")
    check.click()
    assert shown() == (False, True, "Show me")
    show.click()
    assert shown()[0]
    asked.reset()
    solution.click()
    assert shown() == (False, True, "Show me")


def test_the_widgets_without_a_run_open_nothing(kills):
    asked = kills(None)
    asked._repr_mimebundle_()
    assert asked._view is not None
    asked._view.box.children[1].value = 3
    asked._view.box.children[2].children[0].click()
    assert asked.state == "not tried"
    assert asked._view.box.children[4].value == ""


def test_the_box_for_a_number():
    asked = question("<b>How many?</b>", answer=46, unit="s")
    asked._repr_mimebundle_()
    assert asked._view is not None
    text, box, buttons, status, _ = asked._view.box.children
    assert "&lt;b&gt;How many?" in text.value
    box.value = "soon"
    assert "expected a number (s)" in status.value
    assert box.value == "soon"
    box.value = "46 s"
    buttons.children[0].click()
    assert asked.state == "right"
    assert box.value == "46"
