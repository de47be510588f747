"""The difference of two steps as a notebook shows it."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from palleto import SettingError
from palleto.lab.differences import difference
from palleto.replay import compare


class Reader(HTMLParser):
    """Holds that tags are closed in order, and collects what the lines say."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.lines: dict[str, list[str]] = {"ins": [], "del": []}
        self.folded = 0

    def handle_starttag(self, tag, attrs):
        if tag != "br":
            self.open.append(tag)
        if tag in self.lines:
            self.lines[tag].append("")
        self.folded += tag == "details" and ("open", None) not in attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        for tag in self.lines:
            if tag in self.open:
                self.lines[tag][-1] += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def test_changed_lines_are_marked_as_text_and_what_is_the_same_is_folded():
    shown = difference("step4", "step5")
    reader = read(shown._repr_html_())
    assert reader.folded >= sum(change.kind == "unchanged" for change in shown.changes) >= 1
    assert any(line.startswith("+") and "self.owed = 0" in line for line in reader.lines["ins"])
    assert reader.lines["del"]
    assert all(line.startswith("-") for line in reader.lines["del"])
    assert all(line.startswith("+") for line in reader.lines["ins"])


@pytest.mark.parametrize("number", range(1, 9))
def test_neighbours_are_well_formed_and_escaped(number):
    html = difference(number, number + 1)._repr_html_()
    read(html)
    assert "<script" not in html
    assert "-> list[" not in html
    assert "var(--jp-content-font-color1, inherit)" in html, "the theme's colours, with a fallback"


def test_what_two_runs_do_stands_beside_the_code(play):
    behaviour = compare(play(4).trace, play(5).trace)
    shown = difference("step4", "step5", beside=behaviour)
    html = shown._repr_html_()
    reader = read(html)
    assert behaviour.headline in html
    assert any("self.owed = 0" in line for line in reader.lines["ins"])
    assert "<details open>" not in html
    assert behaviour.headline in repr(shown)


def test_as_text():
    text = repr(difference("step3", "step4"))
    assert text.startswith("Step 3: ")
    assert "\nProducer: unchanged" in text
    assert any(line.startswith("+ ") for line in text.splitlines())
    bundle = difference("step3", "step4")._repr_mimebundle_()
    assert bundle["text/plain"] == text


@pytest.mark.parametrize("name", ["step4", "STEP 4", "4", 4, " step_4 "])
def test_a_step_is_named_in_several_ways(name):
    assert difference(name, "step5").before.number == 4


@pytest.mark.parametrize("name", ["step10", "step0", "", "four", None, True, 4.5, "../step4", "٤"])
def test_another_name_is_one_clear_line(name):
    with pytest.raises(SettingError, match='expected a step, "step1" to "step9", got: ') as caught:
        difference(name, "step5")
    assert "\n" not in str(caught.value)


def test_the_same_step_twice_has_no_difference():
    assert {change.kind for change in difference("step4", "step4").changes} == {"unchanged"}


def test_code_in_the_reason_is_shown_as_code():
    html = difference(2, 3)._repr_html_()
    assert "<code>Producer.enqueue(events)</code>" in html
    assert "`" not in html.partition("<details")[0]


def test_why_is_told_of_neighbours_only():
    assert difference("step4", "step5").why.startswith("demand is asked once")
    assert difference("step4", "step7").why == ""
