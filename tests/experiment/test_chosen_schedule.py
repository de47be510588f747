"""A run whose schedule is chosen: the list of choices is the run, and one of them leads to the talk's lost demand."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lost_demand import WAY, BelowZero, two_readers

from palleto import SettingError, Supervisor, child
from palleto.cloud import Simulation
from palleto.experiment import ChosenSchedule, Experiment, Repetition
from palleto.program import after_events
from palleto.replay import explain
from palleto.trace import Trace, line_of
from steps import step1, step5, step6


def lines(trace: Trace) -> list[str]:
    return list(map(line_of, trace))


def wandered(run: Experiment, wishes: list[int], most: int = 14) -> ChosenSchedule:
    """The run with these choices, each of what there is then."""
    schedule = ChosenSchedule(run)
    for wish in wishes[:most]:
        if not schedule.options:
            break
        schedule.choose(wish % len(schedule.options))
    return schedule


def test_a_list_of_choices_leads_to_the_talks_lost_demand() -> None:
    schedule = ChosenSchedule(two_readers(BelowZero), WAY)
    found = explain(schedule.trace)
    assert found.cause == "lost demand"
    assert "SQS.Producer counts wrong: with demand for 1 unmet it asked for 0 events" in found.sentence
    assert explain(ChosenSchedule(two_readers(BelowZero), WAY[:-1]).trace).cause == "no demand"


def test_the_options_are_told_in_words() -> None:
    schedule = ChosenSchedule(two_readers(BelowZero))
    assert repr(schedule).splitlines() == [
        "At 0 s, after 0 choices: []",
        "  0  SQS.Producer: demand of 1 from Reader #4, with 1 message behind it",
        "  1  Time goes on to 25 s: the run ends",
    ]
    assert [option.stage for option in schedule.options] == ["SQS.Producer", None]
    texts = [option.text for option in schedule.choose(0).choose(1).choose(0).choose(0).options]
    assert texts[0] == "SQS.Producer: word of 2 events"
    assert texts[1].startswith("Time goes on to 0.")
    assert texts[1].endswith("s: loop #6 receives 1 message")
    assert str(schedule.choose(0).options[0]) == "Reader #4: 1 event from SQS.Producer"


def test_who_is_chosen_acts_and_nobody_else_does() -> None:
    schedule = ChosenSchedule(two_readers(BelowZero))
    before = schedule.trace
    schedule.choose(0)
    assert lines(schedule.trace[: len(before)]) == lines(before)
    acted = {event.stage for event in schedule.trace[len(before) :] if event.kind not in ("shown", "message")}
    assert acted == {"SQS.Producer", "#6"}  # and the loop that it has started comes to its first `await`
    before = schedule.trace
    schedule.choose(1)
    after = schedule.trace[len(before) :]
    assert {event.stage for event in after if event.kind == "receive"} == {"#6"}
    assert {event.stage for event in after} <= {"#6", ""}
    assert after[-1].t > before[-1].t


def test_choices_repeat_a_run_byte_for_byte_and_going_back_is_one_less() -> None:
    way = WAY[:6]
    one, other = ChosenSchedule(two_readers(BelowZero)), ChosenSchedule(two_readers(BelowZero), way)
    traces = [one.trace, *(one.choose(number).trace for number in way)]
    assert lines(one.trace) == lines(other.trace)
    assert (one.choices, one.options) == (other.choices, other.options) == (tuple(way), other.options)
    for trace in reversed(traces[:-1]):
        assert lines(one.back().trace) == lines(trace)
    assert one.choices == ()
    assert lines(one.back().trace) == lines(traces[0])
    assert lines(other.reset().trace) == lines(traces[0])


@settings(max_examples=12)
@given(st.lists(st.integers(0, 7), max_size=60))
def test_whatever_is_chosen_the_ledger_adds_up_no_demand_is_lost_and_the_choices_repeat_it(wishes: list[int]) -> None:
    schedule = wandered(two_readers(step6.Producer), wishes)
    assert not any(event.kind == "law" for event in schedule.trace)
    assert explain(schedule.trace).cause != "lost demand"
    assert not any(event.data.get("text") == "Asking for 0 events" for event in schedule.trace)
    assert lines(ChosenSchedule(two_readers(step6.Producer), schedule.choices).trace) == lines(schedule.trace)


def test_a_run_ends_and_then_there_is_nothing_to_choose() -> None:
    schedule = ChosenSchedule(two_readers(BelowZero), [1])
    assert schedule.options == []
    assert repr(schedule).splitlines()[-1] == "  The run has ended."
    assert all(event.kind != "drain" for event in schedule.trace)
    with pytest.raises(SettingError, match=r"expected 1 choices, as the run ends then, got: \(1, 0\)"):
        schedule.choose(0)
    assert schedule.choices == (1,)
    # A run that has done its work ends, too: here without waiting for anything.
    at_once = two_readers(step6.Producer, files=2, until=after_events(2), simulation=Simulation())
    schedule = wandered(at_once, [0] * 60, 60)
    assert schedule.options == []
    assert sum(len(event.ids) for event in schedule.trace if event.kind == "handled") >= 2


def test_what_cannot_be_chosen() -> None:
    schedule = ChosenSchedule(two_readers(BelowZero), [0])
    for wrong in (2, -1, True, "0", None):
        with pytest.raises(SettingError, match="expected choice 2 to be the number of an option, 0 to 1, got: "):
            schedule.choose(wrong)  # type: ignore[arg-type]
    assert schedule.choices == (0,)
    assert len(schedule.options) == 2
    with pytest.raises(SettingError, match="expected an experiment that can be repeated, got one in real time"):
        ChosenSchedule(Experiment(step5.pipeline, seconds=9))
    with pytest.raises(SettingError, match="expected an experiment that ends by itself"):
        ChosenSchedule(Experiment(step5.pipeline, virtual=True))


def test_a_pipeline_that_fails() -> None:
    def broken() -> Any:
        raise ZeroDivisionError("mine")

    with pytest.raises(SettingError, match="ZeroDivisionError: mine"):
        ChosenSchedule(Experiment(broken, virtual=True, seconds=9))


@pytest.mark.parametrize("nap", [0, 1])
def test_a_run_that_fails_can_be_left_by_going_back(nap: int) -> None:
    class Crashing(step5.Consumer):
        async def handle_events(self, events: list[str]) -> None:
            await anyio.sleep(nap)
            raise ZeroDivisionError("mine")

    def pipeline() -> Supervisor:
        return Supervisor([child(step1.Producer), child(Crashing)], max_restarts=0)

    schedule = ChosenSchedule(Experiment(pipeline, virtual=True, seconds=9))
    while schedule.options:
        before = schedule.options
        schedule.choose(0)
    assert schedule.error.endswith("ZeroDivisionError: mine")
    assert repr(schedule).splitlines()[-1] == f"  The run has failed: {schedule.error}"
    assert schedule.trace[-1].t == nap
    assert schedule.back().options == before
    assert schedule.error is None
    assert before[-1].text == f"Time goes on to {nap} s: the run ends" if nap else before[0].stage == "#3"


def test_other_runs_have_no_order() -> None:
    run = two_readers(BelowZero)
    before = lines(Repetition(run).perform())
    ChosenSchedule(run, WAY)
    assert lines(Repetition(run).perform()) == before
