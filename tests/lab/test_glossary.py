"""The glossary: forty words, each with its names, one sentence, and an anchor that the notebooks' links lead to."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
CELLS = json.loads((FOLDER / "glossary.ipynb").read_text(encoding="utf-8"))["cells"]
TEXT = "\n\n".join("".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "markdown")
TERMS = re.findall(r"^### (.+)\n\n(.+)\n\n(.+)$", TEXT, re.MULTILINE)
ANCHORS = [heading.replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)]
NAMES = r"\*(GenStage|OTP|Erlang|Broadway)\* .+ · \*SQS\* .+ · \*here\* .+"


def test_it_has_forty_words_each_with_one_anchor():
    assert len(TERMS) == len(re.findall(r"^### ", TEXT, re.MULTILINE)) == 40
    assert len(set(ANCHORS)) == len(ANCHORS)


@pytest.mark.parametrize(("term", "names", "sentence"), TERMS, ids=[term for term, _, _ in TERMS])
def test_a_word_has_its_names_and_one_sentence(term: str, names: str, sentence: str):
    assert re.fullmatch(r"[a-z]+([ _-][a-z]+)*", term), "the anchor: lower case, as the links to it"
    assert re.fullmatch(NAMES, names)
    assert len(re.findall(r"[.?!](?=\s|$)", sentence)) == 1
    assert sentence.endswith(".")
    assert not re.search(r"\b\d", sentence), "numbers are made by the runs"


def test_each_group_of_words_is_followed_by_a_run():
    kinds = [
        "words" if "\n### " in "".join(cell["source"]) else cell["cell_type"]
        for cell in CELLS
        if cell["cell_type"] == "code" or "\n### " in "".join(cell["source"])
    ]
    assert "words words" not in " ".join(kinds)
    assert kinds[-1] == "code"


LINKS = [
    (path.name, anchor)
    for path in sorted(FOLDER.glob("*.ipynb"))
    for anchor in re.findall(r"glossary\.ipynb#([^)\s\"]+)", path.read_text(encoding="utf-8"))
]


def test_links_lead_to_its_words():
    assert [(name, anchor) for name, anchor in LINKS if anchor not in ANCHORS] == []
