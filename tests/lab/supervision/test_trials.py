"""The trials of lab 3: every cell of its table, what they come to, and trees of a learner's own."""

from __future__ import annotations

import re
from typing import Any

import pytest

from palleto import SettingError, Supervisor, child
from palleto.lab.supervision import FAULTS, STRATEGIES, TREES, Fault, Source, pair, table, try_supervision, word_of

ONE_FLOOR = """\
fault                       strategy      comes to  crashed  left  stopped  started anew  spent  lost  longest pause
nothing                     one_for_one   goes on                                                      1.0 s
nothing                     rest_for_one  goes on                                                      1.0 s
nothing                     one_for_all   goes on                                                      1.0 s
a crash once                one_for_one   goes on   1        1              2             2      2     2.0 s
a crash once                rest_for_one  goes on   1        1              2             1      2     2.0 s
a crash once                one_for_all   goes on   1        1     1        3             1      2     2.5 s
two in a row                one_for_one   gives up  2        2     2        3             3      6     2.5 s
two in a row                rest_for_one  goes on   2        2              4             2      4     3.0 s
two in a row                one_for_all   goes on   2        2     2        6             2      4     4.0 s
every third                 one_for_one   gives up  2        2     2        3             3      6     2.0 s
every third                 rest_for_one  goes on   4        4              8             4      8     2.0 s
every third                 one_for_all   goes on   3        3     3        9             3      6     2.5 s
a crash at start            one_for_one   gives up  1        1     1                      3      2     1.0 s
a crash at start            rest_for_one  gives up  1        1     1                      3      2     1.0 s
a crash at start            one_for_all   gives up  1        1     4        3             3      2     2.5 s
a bad file that comes back  one_for_one   gives up  2        2     2        3             3      5     2.0 s
a bad file that comes back  rest_for_one  goes on   4        4              8             4      5     2.0 s
a bad file that comes back  one_for_all   goes on   3        3     3        9             3      4     2.5 s
"""


def test_the_table_of_one_floor() -> None:
    found = table()
    assert [line.rstrip() for line in repr(found).splitlines()] == [line.rstrip() for line in ONE_FLOOR.splitlines()]
    assert found._repr_html_().count("<tr>") == 1 + len(FAULTS) * len(STRATEGIES)
    assert found["two in a row", "rest_for_one"].word == "goes on"


def test_two_floors_keep_all_but_a_crash_at_start() -> None:
    found = table("two floors")
    assert {fault for (fault, _), trial in found.trials.items() if trial.word != "goes on"} == {"a crash at start"}


@pytest.mark.parametrize("most", [0, 1, 3, 4])
def test_the_one_word_and_what_does_without_it(most: int) -> None:
    def word(strategy: str, **more: Any) -> str:
        return try_supervision("one floor", "two in a row", strategy, max_restarts=most, **more).word

    assert word("one_for_one") == ("goes on" if most >= 4 else "gives up")
    for trial in (word("rest_for_one"), word("one_for_one", cancel="temporary, resubscribe")):
        assert trial == ("goes on" if most >= 2 else "gives up")
    assert word("one_for_one", cancel="temporary") == ("stands still" if most else "gives up")


def test_a_bad_file_costs_our_step_9_no_restart_and_the_talks_some() -> None:
    ours, talks = (try_supervision(tree, "a bad file that comes back") for tree in ("step 9", "talk 9"))
    assert (ours.word, talks.word) == ("goes on", "goes on")
    assert (ours.counts["spent"], ours.counts["crashed"]) == (0, 0)
    assert talks.counts["crashed"] > 1
    assert any("bad.gz" in name for name in talks.cascade.lost)


def test_what_a_queue_sends_again_is_not_lost_for_good() -> None:
    trial = try_supervision("step 9", "a crash once", "rest_for_one")
    assert (trial.counts["crashed"], trial.counts["lost"]) == (1, 0)
    assert trial.cascade.lost.keys() == trial.cascade.back


def test_the_same_trial_comes_to_the_same_trace() -> None:
    one, other = (try_supervision("step 9", "every third").run.trace.events for _ in range(2))
    assert list(one) == list(other)


def test_it_says_what_came_of_it_and_shows_the_event() -> None:
    trial = try_supervision("one floor", "two in a row")
    assert repr(trial).startswith(
        "one floor, two in a row, one_for_one, 3 in 5 s, permanent: gives up. 2 crashed, 2 left"
    )
    assert repr(trial).endswith("the last to end was Writer1: RuntimeError: a crash over batch 4, made on purpose")
    assert (trial.event.stage, trial.event.kind) == ("Top", "crash")
    html = trial._repr_html_()
    assert f'data-at="{trial.event.seq}"' in html
    assert "<svg" in html
    once = try_supervision(fault="a crash once")
    assert once.event.stage == "Parser1"
    assert try_supervision(fault="nothing").event is None
    assert word_of(once.run.trace) == once.word == "goes on"


def upside_down(files: list[str], terms: dict[str, Any], **settings: Any) -> Supervisor:
    """The source below, the pair above."""
    source = child(Supervisor, [child(Source, files)], name="Cellar", **settings)
    return Supervisor([source, *pair(1, terms)], name="Top", **settings)


def test_a_tree_and_a_fault_of_ones_own() -> None:
    late = Fault("late", "It crashes over its fifth batch.", (5).__eq__)
    trial = try_supervision(upside_down, late, who="producer")
    assert trial.title == "upside down, late, one_for_one, 3 in 5 s, permanent"
    assert [label for label, _ in trial.cascade.ends("crashed")] == ["Source"]
    assert len(trial.cascade.lives["Cellar"].spent) == 1
    assert trial.cascade.anew == ["Source", "Parser1", "Writer1"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tree": "three floors"}, f"{', '.join(TREES)}; got: 'three floors'; did you mean two floors."),
        ({"fault": "a crash"}, "nothing, a crash once, .*; got: 'a crash'; did you mean a crash once."),
        ({"strategy": "one_for_two"}, f"{', '.join(STRATEGIES)}; got: 'one_for_two'; did you mean one_for_one."),
        ({"cancel": "never"}, "permanent, .*; got: 'never'"),
        ({"who": "Parser1"}, "producer, producer-consumer, consumer; got: 'Parser1'"),
    ],
)
def test_a_name_that_there_is_not_is_one_line(given: dict[str, str], said: str) -> None:
    with pytest.raises(SettingError) as caught:
        try_supervision(**given)  # type: ignore[arg-type]
    assert re.fullmatch(f"expected one of: {said}", str(caught.value))
