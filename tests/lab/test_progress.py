"""What a learner has solved: the file in the learner's folder, and the table."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from palleto.lab import progress, solved

FILE = Path(solved.FILE)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for kind, name in (("questions", "@question('?')"), ("challenges", "@goal('!', seconds=1)")):
        (tmp_path / kind).mkdir()
        head = f"from palleto.lab.{kind} import {name[1:].partition('(')[0]}\n"
        one, two = (f"{name}\ndef {thing}(trace): ...\n" for thing in ("first_one", "other"))
        (tmp_path / kind / "step1.py").write_text(head + one + two)
    (tmp_path / "step1_small.ipynb").write_text("{}")
    return tmp_path


def test_nothing_is_solved_yet():
    assert solved.read() == {"questions": [], "challenges": []}
    assert not FILE.exists()
    assert repr(progress()) == "step    questions  challenges\nstep 1  0 of 2     ○ first one, ○ other"


def test_what_is_solved_is_kept_once(folder):
    for _ in range(2):
        solved.add("questions", "step1.other")
    solved.add("challenges", "step1.first_one")
    assert json.loads(FILE.read_text()) == {"questions": ["step1.other"], "challenges": ["step1.first_one"]}
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [solved.FILE, "step1_small.ipynb"]
    assert repr(progress()).splitlines()[1] == "step 1  1 of 2     ✓ first one, ○ other"


def test_the_table_has_links_to_what_is_open():
    solved.add("questions", "step1.other")
    html = progress()._repr_html_()
    row = re.findall(r"<td [^>]*>(.*?)</td>", html)
    assert row == [
        '<a href="step1_small.ipynb">step 1</a>',
        "1 of 2",
        '<a href="step1_small.ipynb#question-step1.first_one">first one</a>',
        '○ <a href="step1_small.ipynb#challenge-step1.first_one">first one</a>, '
        '○ <a href="step1_small.ipynb#challenge-step1.other">other</a>',
    ]


def test_without_the_notebook_there_are_no_links(folder):
    (folder / "step1_small.ipynb").unlink()
    assert "<a" not in progress()._repr_html_()
    assert ">step 1</td>" in progress()._repr_html_()


def test_a_step_without_a_challenge(folder):
    (folder / "questions" / "step2.py").write_text((folder / "questions" / "step1.py").read_text())
    assert repr(progress()).splitlines()[2] == "step 2  0 of 2"
    assert progress()._repr_html_().count("<tr>") == 3


WRONG = (
    "",
    "{",
    "[]",
    "5",
    "null",
    '{"questions": 5}',
    '{"questions": {"a": 1}}',
    '{"questions": [1, null]}',
    "[" * 10**5,
)


@pytest.mark.parametrize("content", [*map(str.encode, WRONG), b"\xff\xfe\x00"])
def test_bad_content_counts_as_nothing_and_is_replaced(content: bytes):
    FILE.write_bytes(content)
    assert solved.read() == {"questions": [], "challenges": []}
    solved.add("questions", "step1.other")
    assert solved.read()["questions"] == ["step1.other"]


def test_names_that_are_no_longer_asked_are_kept_and_not_counted():
    FILE.write_text('{"questions": ["step1.gone"], "challenges": [], "other": 1}')
    assert repr(progress()).splitlines()[1].startswith("step 1  0 of 2")
    solved.add("questions", "step1.other")
    assert solved.read()["questions"] == ["step1.gone", "step1.other"]


def test_where_nothing_can_be_written_nothing_is_kept(folder, monkeypatch):
    def full(self: Path, *_: object, **__: object) -> None:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    solved.add("questions", "step1.other")
    assert solved.read()["questions"] == []
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_in_a_notebook_there_is_a_button_that_forgets_it_all(monkeypatch):
    shown: list[object] = []

    class Handle:
        def update(self, bundle: dict[str, str], raw: bool) -> None:
            assert raw
            shown.append(bundle["text/plain"].splitlines()[1])

    def display(thing: object, **more: object) -> Handle:
        assert more.pop("raw", isinstance(thing, dict)) is isinstance(thing, dict)
        assert more in ({}, {"display_id": True})
        shown.append(thing)
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    solved.add("questions", "step1.other")
    table = progress()
    table._ipython_display_()
    bundle, button = shown
    assert bundle == {"text/html": table._repr_html_(), "text/plain": repr(table)}
    button.click()  # type: ignore[attr-defined]
    assert shown[2] == "step 1  0 of 2     ○ first one, ○ other"
    assert solved.read()["questions"] == []
    monkeypatch.setitem(__import__("sys").modules, "ipywidgets", None)
    table._ipython_display_()
    assert shown[3] == bundle
