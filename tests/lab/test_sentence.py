"""Sentences that a run makes, and their links."""

from __future__ import annotations

import re
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest

from palleto import SettingError, Trace
from palleto.lab import evidence, player, tell
from palleto.lab.html import markdown
from palleto.replay import Answer

NOT = "(this run did not show it)"


@pytest.fixture
def five(play: Any) -> Trace:
    return play(5, seconds=50.0).trace


@pytest.fixture
def four(play: Any) -> Trace:
    return play(4, seconds=30.0).trace


def linked(html: str) -> list[tuple[str, str, str]]:
    """The links of a text: the number of the run, that of the trace event, and what is shown."""
    return re.findall(r'<button type="button" data-run="(\d+)" data-at="(\d+)".*?>(.*?)</button>', html)


def pages(html: str) -> list[str]:
    return [unescape(page) for page in re.findall(r'data-page="([^"]*)"', html)]


def test_a_number_with_an_event_is_a_link_to_it(five):
    consumed = evidence.consumed(five)
    told = tell("**In all** {} by `{}` at {:.2f} s.", consumed, 3, evidence.moment(five, kind="handled"))
    assert repr(told) == "**In all** 12 by `3` at 26.00 s."
    html = told._repr_html_()
    first = evidence.first(five, kind="handled")
    assert linked(html) == [("0", str(consumed.event.seq), "12"), ("0", str(first.seq), "26.00")]
    assert re.search(
        r"<p><strong>In all</strong> <button.*</button> by <code>3</code> at <button.*</button> s\.</p>", html
    )
    assert told._repr_mimebundle_() == {"text/plain": repr(told), "text/html": html}


def test_a_runs_player_is_there_once_closed_and_whole(five, four):
    html = tell(
        "{} {} {}", evidence.consumed(five), evidence.moment(four, kind="ask"), evidence.tally(five, kind="ask")
    )
    html = html._repr_html_()
    assert [run for run, _, _ in linked(html)] == ["0", "1", "0"]
    assert pages(html) == [player(five).html(), player(four).html()]
    assert html.count("<iframe") == html.count('<iframe class="palleto-player" hidden ') == 2
    assert "srcdoc=" not in html  # it is loaded with the first click


def test_without_an_event_there_is_no_player(five):
    html = tell("Ten is {}, {}.", 10, evidence.tally(five, kind="no such kind"))._repr_html_()
    assert linked(html) == pages(html) == []
    assert "<p>Ten is 10, 0.</p>" in html


@pytest.mark.parametrize(
    "value",
    [
        lambda trace: evidence.first(trace, kind="no such kind").t,
        lambda trace: evidence.every(trace, kind="no such kind")[0],
        lambda trace: None,
        lambda trace: 1 / 0,
        None,
        Answer(None, None),
    ],
)
def test_what_the_run_did_not_do_is_said_in_the_place_of_the_number(five, value):
    assert repr(tell("At {:.1f} s.", value, of=five)) == f"At {NOT} s."
    assert f"At {NOT} s." in tell("At {:.1f} s.", value, of=five)._repr_html_()


@pytest.mark.parametrize("of", [None, 5, SimpleNamespace(), []])
def test_before_there_is_a_run(of):
    assert repr(tell("{} {}", lambda trace: trace[0].t, 3, of=of)) == f"{NOT} 3"


def test_functions_get_the_trace_and_events_of_it_are_linked(five):
    told = tell("{} {} {}", lambda trace: evidence.first(trace, kind="ask"), lambda trace: len(trace), five[3], of=five)
    assert repr(told) == f"0 {len(five)} 0"
    assert [at for _, at, _ in linked(told._repr_html_())] == [str(evidence.first(five, kind="ask").seq), "3"]
    unknown = tell("{}", five[3])  # of a run that nobody names
    assert linked(unknown._repr_html_()) == []


def test_several_runs_by_their_keys(five, four):
    told = tell("{}", lambda runs: (len(runs["a"]) - len(runs["b"]), runs["b"][2]), of={"a": five, "b": four})
    assert repr(told) == str(len(five) - len(four))
    assert linked(told._repr_html_()) == [("0", "2", repr(told))]
    assert pages(told._repr_html_()) == [player(four).html()]


def test_names_and_places():
    assert repr(tell("{b} {a} {b:>3}", a=1, b="x")) == "x 1   x"
    assert repr(tell("{1} {0} {{}}", 1, 2)) == "2 1 {}"


@pytest.mark.parametrize(("text", "values"), [("{} {}", [1]), ("{1}", [1]), ("{a}", [1]), ("{", [])])
def test_an_author_is_told_of_values_that_are_missing(text, values):
    with pytest.raises(SettingError, match=r"expected a value for each \{\} of the text, got"):
        tell(text, *values)


@pytest.mark.parametrize(
    ("value", "spec", "shown"),
    [
        (46.0, "", "46"), (0.04, "", "0.04"), (27.7000001, "", "27.7"), (132.04, "", "132.0"), (9.999, "", "10"),
        (3, "", "3"), (3, ".1f", "3.0"), ("ho", ".1f", "ho"), (1234567, ",", "1,234,567"), ("<b>", "", "<b>"),
    ],
)  # fmt: skip
def test_how_a_value_is_shown(value, spec, shown):
    assert repr(tell(f"{{:{spec}}}", value)) == shown


def test_a_value_is_neither_markdown_nor_html():
    html = tell("*{}* {}", "**<b>**", "`x` [y](z)")._repr_html_()
    assert "<p><em>**&lt;b&gt;**</em> `x` [y](z)</p>" in html


def test_markdown():
    assert markdown("One\ntwo *three*.\n\n\n- **a b**\n- [c](d.ipynb#e)\n\n") == (
        '<p>One\ntwo <em>three</em>.</p><ul><li><strong>a b</strong></li><li><a href="d.ipynb#e">c</a></li></ul>'
    )
    assert markdown('2 * 3 * 4 < `*a* <b>` "q"') == '<p>2 * 3 * 4 &lt; <code>*a* &lt;b&gt;</code> "q"</p>'
    assert markdown("") == ""
