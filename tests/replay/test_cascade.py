"""The cascade of a run: each life has one end, a budget is never overdrawn, and a trace alone tells all of it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supervised import struck

from palleto import TraceEvent
from palleto.lab.supervision import CANCELS, FAULTS, KINDS, STRATEGIES, one_floor, two_floors, word_of
from palleto.replay import CRASHED, FAILED, GAVE_UP, LEFT, STOPPED, Cascade
from palleto.runtime.supervisor import affected


def hows(cascade: Cascade, label: str) -> list[str | None]:
    """How each life of a process ended."""
    return [life.how for life in cascade.lives[label].lives]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@settings(max_examples=25, deadline=None)
@given(
    tree=st.sampled_from([one_floor, two_floors]),
    name=st.sampled_from([one.name for one in FAULTS]),
    who=st.sampled_from([*KINDS]),
    cancel=st.sampled_from([*CANCELS]),
    strategy=st.sampled_from(STRATEGIES),
    most=st.integers(0, 6),
    span=st.sampled_from([0.5, 5.0, 60.0]),
    seed=st.integers(0, 9),
)
def test_laws(
    backend: str, tree: Any, name: str, who: str, cancel: str, strategy: Any, most: int, span: float, seed: int
):
    trace, gave_up = struck(
        tree, name, who=who, cancel=cancel, backend=backend, seed=seed,
        strategy=strategy, max_restarts=most, max_seconds=span,
    )  # fmt: skip
    cascade = Cascade(trace)
    for each in cascade.lives.values():
        for life in each.lives:
            assert (life.end is None) == (life.how is None)
            assert life.end is None or life.start <= life.end <= cascade.end
        for life, later in pairwise(each.lives):
            assert life.end is not None
            assert life.end <= later.start
        if each.budget is not None:
            assert each.budget == (strategy, most, span)
            for life in each.lives:  # each begins with a full budget
                assert each.left(life)[0] == (life.start, most)
                assert all(0 <= left <= most for _, left in each.left(life))
                assert not any(b - a < span for a, b in zip(life.spent, life.spent[most:], strict=False)), life
        above = cascade.lives.get(each.under or "")
        assert each.floor == (0 if above is None else above.floor + 1)
    assert gave_up or GAVE_UP not in hows(cascade, "Top")
    assert (word_of(trace) == "gives up") is gave_up, "also where it does so as the run is stopped"
    assert cascade.back <= cascade.lost.keys()
    assert len(cascade.anew) == len(
        [0 for each in cascade.lives.values() for life in each.lives[1:] if life.how != FAILED]
    )
    crashes = [entry.crash for entry in cascade.log]
    assert crashes == sorted(crashes)
    assert max(crashes, default=0) == len(cascade.ends(CRASHED))
    if name == "nothing":
        assert not cascade.log


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("who", KINDS)
def test_who_is_started_anew_is_what_the_strategy_says_and_who_leaves(strategy: Any, who: str):
    trace, _ = struck(one_floor, "a crash once", who=who, strategy=strategy)
    children, crashed = ["Source", "Parser1", "Writer1"], [*KINDS].index(who)
    leave = children[crashed:]  # a permanent subscriber goes with the one above it, and so on
    wanted = {*leave, *(children[place] for place in affected(strategy, crashed, 3))}
    cascade = Cascade(trace)
    assert {*cascade.anew} == wanted
    assert [label for label, _ in cascade.ends(CRASHED)] == [children[crashed]]


@pytest.mark.parametrize(
    ("cancel", "strategy", "writer", "spent"),
    [
        ("permanent", "one_for_one", [LEFT, None], 2),
        ("transient", "one_for_one", [LEFT, None], 2),
        ("temporary", "one_for_one", [None], 1),
        ("temporary, resubscribe", "one_for_one", [None], 1),
        ("temporary", "rest_for_one", [STOPPED, None], 1),
        ("permanent", "rest_for_one", [LEFT, None], 1),
    ],
)
def test_how_a_writer_ends_whose_parser_crashed(cancel: str, strategy: Any, writer: list[str | None], spent: int):
    cascade = Cascade(struck(one_floor, "a crash once", cancel=cancel, strategy=strategy)[0])
    assert hows(cascade, "Writer1") == writer
    assert len(cascade.lives["Top"].spent) == spent
    assert hows(cascade, "Parser1") == [CRASHED, None]


def test_a_budget_empties_and_fills_again():
    cascade = Cascade(struck(one_floor, "a crash once", strategy="one_for_one")[0])
    top = cascade.lives["Top"]
    (life,) = top.lives
    assert [left for _, left in top.left(life)] == [3, 2, 1, 2, 3]
    first, second = top.spent
    assert [t for t, _ in top.left(life)] == [0.0, first, second, first + 5, second + 5]


def test_what_cannot_start_takes_its_floor_down_and_the_next():
    cascade = Cascade(struck(two_floors, "a crash at start", strategy="rest_for_one")[0])
    assert hows(cascade, "Parser1")[0] == CRASHED
    assert {*hows(cascade, "Parser1")[1:]} == {FAILED}
    assert hows(cascade, "Pipeline1")[0] == GAVE_UP
    assert {*hows(cascade, "Pipeline1")[1:]} == {FAILED}
    assert hows(cascade, "Top") == [GAVE_UP]
    assert {*hows(cascade, "Pipeline2"), *hows(cascade, "Source")} == {STOPPED}
    pipeline = cascade.lives["Pipeline1"]
    assert [left for _, left in pipeline.left(pipeline.lives[0])] == [3, 0]


def test_others_are_reached_only_within_their_walls():
    pauses = {
        strategy: Cascade(struck(two_floors, "two in a row", strategy=strategy)[0]).pauses for strategy in STRATEGIES
    }
    for found in pauses.values():
        assert found["Writer1"] > found["Writer2"] == found["Writer3"] == 1
    flat = Cascade(struck(one_floor, "two in a row", strategy="one_for_all")[0])
    assert flat.pauses["Writer1"] > pauses["one_for_all"]["Writer1"], "it waits for the source, too"


def test_the_wake_of_the_first_crash_in_words():
    shown = repr(Cascade(struck(one_floor, "a crash once", strategy="one_for_one")[0]))
    assert [line.split("  ")[1].strip() for line in shown.splitlines()[1:]] == [
        "Parser1 crashes: RuntimeError: a crash over batch 3, made on purpose",
        "Parser1 loses 03.gz, 04.gz",
        "Writer1 is told that Parser1 is gone",
        "Source is told that Parser1 is gone",
        "Top starts Parser1 anew",
        "Writer1 leaves, as Parser1 is gone",
        "Top starts Writer1 anew",
    ]
    assert "Writer1 leaves" in Cascade(struck(one_floor, "a crash once")[0])._repr_html_()


def test_what_came_back_and_was_done_is_not_lost_for_good():
    trace = [
        TraceEvent(0, 0.0, "C", "started", data={"class": "C"}),
        TraceEvent(1, 1.0, "C", "lost", ids=("a", "b")),
        TraceEvent(2, 2.0, "C", "handled", ids=("b",), data={"last": True}),
    ]
    assert (Cascade(trace).lost.keys(), Cascade(trace).back) == ({"a", "b"}, {"b"})


def test_a_trace_of_before_has_lives_and_no_budgets():
    """Neither who is under whom nor what is left of a budget was told once."""
    trace, _ = struck(two_floors, "two in a row", strategy="one_for_one")
    new = {"under", "left", "strategy", "max_restarts", "max_seconds"}
    old = Cascade([replace(event, data={k: v for k, v in event.data.items() if k not in new}) for event in trace])
    now = Cascade(trace)
    assert {label: each.lives for label, each in old.lives.items()}.keys() == now.lives.keys()
    assert [len(each.lives) for each in old.lives.values()] == [len(each.lives) for each in now.lives.values()]
    assert {each.budget for each in old.lives.values()} == {None}
    assert {each.floor for each in old.lives.values()} == {0}


def test_nothing_has_started():
    cascade = Cascade([])
    assert (cascade.done, cascade.last, cascade.pauses, cascade.anew) == (0, 0.0, {}, [])
