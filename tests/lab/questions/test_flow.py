"""A learner's way to the right answer: what to look at, a hint, and only then the answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from palleto import Recorder, TraceEvent
from palleto.lab import evidence, solved
from palleto.replay.evidence import moment, said

HELPS = ["Look at the loops.", "The first finds none.", "Count again."]


def test_right(five, kills):
    asked = kills(five, why="Each new demand kills.", helps=HELPS)
    assert asked.state == "open"
    assert asked.status == ""
    assert str(asked.check()) == "○ open: not answered yet; one of: 0 / 1 / 2 / 3"
    verdict = asked.check(2)
    assert verdict
    assert str(verdict) == "✓ right: 2. Each new demand kills."
    assert asked.state == "right"


def test_each_wrong_answer_is_told_more_and_none_the_answer(five, kills):
    asked = kills(five, why="Each new demand kills.", helps=HELPS)
    assert [str(asked.check(number)) for number in (3, 0, 1, 3)] == [
        "✗ wrong: not 3. Look at the loops.",
        "✗ wrong: not 0. The first finds none.",
        "✗ wrong: not 1. Count again.",
        "✗ wrong: not 3. Count again.",
    ]
    assert asked.check(2)


def test_the_same_wrong_answer_once_more_is_told_nothing_more(five, kills):
    asked = kills(five, helps=HELPS)
    assert str(asked.check(3)) == str(asked.check(3)) == str(asked.answer(3).check())


def test_what_is_shown_is_the_answer_the_event_in_words_and_why(five, kills):
    asked = kills(five, why="Each new demand kills.")
    asked.check(3)
    shown = asked.show()
    assert not shown
    assert str(shown) == (
        "The answer is 2: at 0 s loop #8 is killed where it waits, in line 69. Each new demand kills."
    )
    assert asked.status == str(shown)
    assert asked.shows
    assert asked.check(2)
    assert not asked.shows


def test_what_is_shown_opens_the_player_there_and_a_check_does_not(five, kills):
    asked = kills(five)
    bundle = asked.show()._repr_mimebundle_()
    assert bundle["text/plain"].startswith("The answer is 2")
    assert bundle["text/html"].endswith(asked.player()._repr_html_())
    player = asked.player()
    assert [five[player.at].kind, player.events] == ["loop_killed", five]
    for answer in (2, 3):
        assert list(asked.check(answer)._repr_mimebundle_()) == ["text/plain"]


def test_answering_again_hides_what_was_shown(five, kills):
    asked = kills(five)
    asked.check(3)
    asked.show()
    asked.answer(1)
    assert (asked.state, asked.shows, asked.status) == ("open", False, "○ open: answered: 1; not checked yet")


def test_reset_forgets_the_answers_and_the_help(five, kills):
    asked = kills(five, helps=HELPS)
    asked.check(3)
    asked.check(1)
    asked.show()
    asked.reset()
    assert (asked.state, asked.given, asked.shows, asked.status) == ("open", None, False, "")
    assert "Look at the loops" in str(asked.check(3))


def test_who_watches_hears_of_each_change(five, kills):
    asked, heard = kills(five), []
    asked.listeners.append(lambda: heard.append(asked.status))
    asked.answer(3)
    asked.check()
    asked.reset()
    assert heard == ["○ open: answered: 3; not checked yet", "✗ wrong: not 3.", ""]


# ---- the run


def unset() -> Any:
    raise NameError("name 'run' is not defined")


@pytest.mark.parametrize("of", [None, [], Recorder(), SimpleNamespace(trace=Recorder()), "nonsense", 5, unset])
def test_before_there_is_a_run_the_cell_that_makes_it_is_named(of, kills):
    asked = kills(of)
    assert str(asked.check(2)) == "○ open: run the cell under “Run” first, then check again"
    assert str(asked.show()) == "○ open: run the cell under “Run” first, then check again"
    assert not asked.shows
    assert asked.player().events == []
    assert "under “Break it” first" in str(kills(of, under="Break it").check(2))


def test_the_latest_run_is_asked(five, kills):
    run = SimpleNamespace(trace=SimpleNamespace(events=[]))
    asked = kills(lambda: run)
    assert not asked.check(2)
    run.trace = SimpleNamespace(events=five)
    assert asked.check()


def test_a_run_that_goes_on_is_said_to(five, kills):
    running, over = (SimpleNamespace(trace=five, running=running) for running in (True, False))
    assert str(kills(running).check(3)) == "✗ wrong: not 3. The run still goes on; check again at its end."
    assert str(kills(over).check(3)) == "✗ wrong: not 3."


@pytest.mark.parametrize(
    "answer",
    [
        lambda trace: said(trace, "Asking for 99").t,
        lambda trace: evidence.every(trace, text="Asking for 99")[0],
        lambda trace: evidence.loops(trace)[99],
        lambda trace: 1 / 0,
        lambda trace: moment(trace, text="Asking for 99"),
        lambda trace: (None, trace[0]),
        lambda trace: None,
    ],
)
def test_what_the_run_did_not_show_is_a_line(five, asked, answer):
    question = asked(answer, five)
    for verdict in (question.check(86), question.show()):
        assert str(verdict) == (
            "○ open: this run did not show the answer; let it run longer, or unchanged, then check again"
        )


def test_an_answer_that_is_no_choice(kills):
    event = TraceEvent(0, 0.0, "#1", "loop_killed")
    assert str(kills([event] * 9).check(2)) == (
        "○ open: this run's answer is none of the choices; run the step as it was, then check again"
    )


def test_several_runs_are_given_by_their_keys(five, asked, play):
    four = play(4, seconds=50.0).trace

    def more(traces: Any) -> Any:
        return evidence.tally(traces["step 5"], kind="ask").value - evidence.count(traces["step 4"], kind="ask"), (
            evidence.last(traces["step 5"], kind="ask")
        )

    question = asked(more, {"step 4": four, "step 5": five}, choices=[1, 2, 3])
    assert question.check(2), question.status
    assert question.player().events == five
    asking = evidence.first(four, kind="ask")
    assert asked(lambda traces: (2, asking), {"step 5": five, "step 4": four}).player().events == four
    assert "run the cell under" in str(asked(more, {"step 4": four, "step 5": None}).check(2))
    failed = SimpleNamespace(trace=Recorder(), error="no place")
    assert "the run failed: no place" in str(asked(more, {"step 4": four, "step 5": failed}).check(2))


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (lambda trace: evidence.first(trace, kind="loop_killed"), 0),
        (lambda trace: (3, evidence.first(trace, kind="ask")), 3),
        (lambda trace: evidence.tally(trace, kind="ask", before=1), 3),
        (lambda trace: 7, 7),
        (7, 7),
    ],
)
def test_what_an_answer_may_be(five, asked, answer, right):
    assert asked(answer, five).check(right)
    assert not asked(answer, five).check(right + 1)


# ---- what is kept


def test_what_a_learner_solves_is_kept(five, kills):
    asked = kills(five, name="step5.kills")
    asked.check(3)
    asked.show()
    assert solved.read()["questions"] == []
    asked.check(2)
    assert solved.read()["questions"] == ["step5.kills"]


def test_what_is_solved_for_a_test_is_not(five, kills):
    assert kills(five, name="step5.kills").solve()
    assert kills(five).check(2)
    assert solved.read()["questions"] == []
