"""The steps are lessons: the same sections in the same order, and a difference that is what the docstring says."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from itertools import pairwise
from pathlib import Path

import pytest

from palleto.program import FIELDS, IMPORTS, SECTIONS, STEPS, Lesson, difference, read

FOLDER = Path(__file__).parents[2] / "steps"
LESSONS = {number: read(number) for number in STEPS}
NEIGHBOURS = list(pairwise(LESSONS.values()))
MENDS = "see law 6 of the design: sections in one order, and no change that is not named"

each = pytest.mark.parametrize("lesson", LESSONS.values(), ids=lambda lesson: f"step{lesson.number}")
each_change = pytest.mark.parametrize(
    ("before", "after"), NEIGHBOURS, ids=[f"step{after.number}" for _, after in NEIGHBOURS]
)


def source(lesson: Lesson) -> str:
    return (FOLDER / f"step{lesson.number}.py").read_text(encoding="utf-8")


def code(lesson: Lesson) -> list[str]:
    """The lines below the docstring that are not blank."""
    return [line for section in lesson.sections for line in section.lines if line.strip()]


@each
def test_the_sections_stand_in_order(lesson):
    names = [section.name for section in lesson.sections]
    assert names == [name for name in (IMPORTS, *SECTIONS) if name in names], MENDS
    assert {IMPORTS, "Producer", "Consumer", "Pipeline", "Run"} <= set(names)


@each
def test_no_line_of_a_step_is_outside_its_sections(lesson):
    below = source(lesson).splitlines()[lesson.sections[0].start - 1 :]
    assert code(lesson) == [line for line in below if line.strip()]


@each
def test_a_step_has_a_server_and_its_main_classes(lesson):
    """The same names in every step: what a section is called is defined in it."""
    for section in lesson.sections:
        if section.name in ("Server", "Producer", "ProducerConsumer", "Consumer"):
            assert re.search(rf"^class {section.name}\b", section.source, re.MULTILINE), section.name
        if section.name == "Pipeline":
            assert "def pipeline(" in section.source


@each
def test_the_docstring_is_a_lesson(lesson):
    docstring = ast.get_docstring(ast.parse(source(lesson)))
    assert docstring is not None
    assert docstring.startswith(f"Step {lesson.number}: {lesson.title}.\n\n")
    assert re.findall(rf"^({'|'.join(FIELDS)}):", docstring, re.MULTILINE) == list(FIELDS)
    assert any(arrow in lesson.diagram for arrow in "▶◀"), "expected an arrow diagram below the title"
    assert lesson.predict.endswith("?"), "expected Predict to ask"


@each_change
def test_what_is_not_named_as_changed_is_equal_to_the_step_before(before, after):
    differs = {change.name for change in difference(before, after) if change.kind != "unchanged"} - {IMPORTS}
    assert differs == set(after.names_changed), MENDS


@each_change
def test_an_import_changes_only_for_a_section_that_changes(before, after):
    old, new = (list(filter(None, lesson.section(IMPORTS).lines)) for lesson in (before, after))
    assert [line for line in old if line in new] == [line for line in new if line in old], (
        "expected imports in one order"
    )
    changed = {name: "\n".join(section.source for section in lesson.sections if section.name in after.names_changed)
               for name, lesson in (("before", before), ("after", after))}  # fmt: skip
    was, is_ = imported(before), imported(after)
    for name in is_ - was:
        assert re.search(rf"\b{name}\b", changed["after"]), f"{name} is imported for no section that changed"
    for name in was - is_:
        assert re.search(rf"\b{name}\b", changed["before"]), f"{name} is no longer imported: by which change?"


def imported(lesson: Lesson) -> set[str]:
    tree = ast.parse(lesson.section(IMPORTS).source)
    return {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names
    }


@each
def test_changed_and_unchanged_name_every_section_once(lesson):
    existing = {section.name for section in lesson.sections} - {IMPORTS}
    assert set(lesson.names_changed) | set(lesson.names_unchanged) == existing
    assert not set(lesson.names_changed) & set(lesson.names_unchanged)


@each
def test_a_step_imports_no_other_step(lesson):
    for node in ast.walk(ast.parse(source(lesson))):
        if isinstance(node, ast.Import):
            assert not any(alias.name.partition(".")[0] == "steps" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert node.module.partition(".")[0] != "steps"


@each
def test_a_step_keeps_to_its_budget(lesson):
    assert 40 <= len(code(lesson)) <= 200


@each_change
def test_a_change_keeps_to_its_budget(before, after):
    """At most 80 added lines of code; and, with the docstring that explains it, no fewer than 15."""
    added = sum(change.added for change in difference(before, after))
    explained = len([line for line in ast.get_docstring(ast.parse(source(after))).splitlines() if line.strip()])
    assert added <= 80
    assert added + explained >= 15


HISTORY = re.compile(
    r"\b(NEW|TODO|FIXME|XXX|HACK|was (?!found)|were|used to|no longer|formerly|previously|anymore|instead of the|"
    r"step \d|(the )?(step|version) before|renamed|moved from)\b"
)


def prose(lesson: Lesson) -> list[str]:
    """The comments and docstrings below the step's own docstring."""
    found = [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(source(lesson)).readline)
        if token.type == tokenize.COMMENT
    ]
    for node in ast.walk(ast.parse(source(lesson))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(ast.get_docstring(node) or "")
    return found


@each
def test_the_code_is_described_as_it_is_and_not_as_it_was(lesson):
    for text in prose(lesson):
        assert not HISTORY.search(text), f"expected no history, got: {text}"


@each
def test_no_code_is_commented_out(lesson):
    for comment in prose(lesson):
        text = comment.removeprefix("#").strip()
        if comment.startswith("#") and not comment.startswith("# ----"):
            try:
                tree = ast.parse(text)
            except SyntaxError:
                continue
            assert all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Name) for node in tree.body), text


@each
def test_only_the_run_section_runs_anything(lesson):
    """A notebook shows sections as cells, and a test imports a step: neither may start it."""
    for node in ast.parse(source(lesson)).body[1:]:
        assert isinstance(node, ast.Import | ast.ImportFrom | ast.ClassDef | ast.FunctionDef | ast.If)
    assert lesson.section("Run").source.count("\n") <= 3
