"""The learner as the scheduler, without a browser: the text, the buttons, and what the end shows."""

from __future__ import annotations

from typing import Any

import pytest
from lost_demand import WAY, BelowZero, two_readers

from palleto import SettingError
from palleto.lab import be_the_scheduler
from palleto.lab.scheduler import Scheduler
from palleto.trace import Trace
from steps import step5

WIDGET = "application/vnd.jupyter.widget-view+json"


def asks_for_nothing(trace: Trace) -> bool:
    """the producer asks the server for `0` events.

    It should not.
    """
    return any(event.data.get("text") == "Asking for 0 events" for event in trace)


@pytest.fixture
def game() -> Scheduler:
    return be_the_scheduler(two_readers(BelowZero), "lost demand")


def parts(game: Scheduler) -> dict[str, Any]:
    """The widgets, by what they are."""
    assert WIDGET in game._repr_mimebundle_()
    title, picture, status, options, moves, said, end = game._view.box.children
    return {
        "title": title, "picture": picture, "status": status, "options": options.children,
        "back": moves.children[0], "reset": moves.children[1], "list": moves.children[2], "said": said, "end": end,
    }  # fmt: skip


def test_it_says_what_to_reach_and_what_may_come_next(game: Scheduler) -> None:
    assert repr(game).splitlines() == [
        "To reach: lost demand.",
        "At 0 s, after 0 choices. What comes next?",
        "  0  SQS.Producer: demand of 1 from Reader #4, with 1 message behind it",
        "  1  Time goes on to 25 s: the run ends",
    ]
    assert not game.reached


def test_it_is_played_without_a_front_end(game: Scheduler) -> None:
    for number in WAY:
        assert not game.reached
        game.choose(number)
    assert game.reached
    assert game.choices == WAY
    assert "Reached, after 13 choices: lost demand." in repr(game)
    assert "SQS.Producer counts wrong: with demand for 1 unmet it asked for 0 events" in repr(game)
    assert repr(be_the_scheduler(two_readers(BelowZero), "lost demand", choices=WAY)) == repr(game)
    assert not game.back().reached
    assert game.choices == WAY[:-1]
    assert game.reset().choices == []
    assert "The run has ended. Go back, or begin again." in repr(game.choose(1))


def test_a_goal_may_be_a_function() -> None:
    game = be_the_scheduler(two_readers(BelowZero), asks_for_nothing, choices=WAY[:-1])
    assert repr(game).startswith("To reach: the producer asks the server for `0` events.\n")
    assert game.choose(WAY[-1]).reached
    named = be_the_scheduler(two_readers(BelowZero), asks_for_nothing, reach="nothing")
    assert repr(named).startswith("To reach: nothing.\n")
    assert repr(be_the_scheduler(step5.pipeline, lambda trace: False)).startswith("To reach: <lambda>.\n")
    with pytest.raises(SettingError, match="got one that raises ZeroDivisionError: division by zero"):
        be_the_scheduler(step5.pipeline, lambda trace: 1 / 0)
    with pytest.raises(SettingError, match=r"expected a cause of explain .*, got: None"):
        be_the_scheduler(step5.pipeline, None)


def test_its_buttons_choose_and_the_picture_follows(game: Scheduler) -> None:
    shown = parts(game)
    assert [button.description for button in shown["options"]] == [str(option) for option in game.schedule.options]
    assert shown["back"].disabled
    assert shown["reset"].disabled
    seen = []
    for number in WAY:
        parts(game)["options"][number].click()
        seen.append(repr(shown["picture"]))
    assert game.reached
    assert len(set(seen)) > 6
    assert "owed -1" in "".join(seen).replace("=", " ").replace("  ", " ")
    assert "✓ Reached, after 13 choices: lost demand." in shown["status"].value
    assert str(WAY) in shown["list"].value
    assert "Received 0 events" in shown["said"].value
    assert "asked for 0 events" in shown["end"].value
    assert "palleto-player" in shown["end"].value
    shown["back"].click()
    assert game.choices == WAY[:-1]
    assert shown["end"].value == ""
    assert parts(game)["picture"] is not shown["picture"]  # else what goes back would flow
    assert repr(parts(game)["picture"]) == seen[-2]
    shown["reset"].click()
    assert game.choices == []
    assert shown["back"].disabled


def test_an_end_has_no_buttons_but_those_that_go_back(game: Scheduler) -> None:
    parts(game)["options"][1].click()
    shown = parts(game)
    assert shown["options"] == ()
    shown["back"].click()
    assert len(parts(game)["options"]) == 2


def test_without_widgets_its_text_has_all(game: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise SettingError(f"expected {name}")

    monkeypatch.setattr("palleto.lab.scheduler.required", missing)
    assert game._repr_mimebundle_() == {"text/plain": repr(game)}


def test_what_cannot_be_played() -> None:
    with pytest.raises(SettingError, match=r"expected a cause of explain \(.*lost demand.*\), got: 'lost'"):
        be_the_scheduler(two_readers(BelowZero), "lost")
