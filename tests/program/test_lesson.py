"""A step's source taken apart, and the difference of two."""

from __future__ import annotations

import pytest

from palleto import SettingError
from palleto.program.difference import Line, difference
from palleto.program.lesson import FIELDS, IMPORTS, STEPS, parse, read

DOCSTRING = '''"""Step 3: a title.

    A ──▶ B

        B ──▶ C

Changed: Server, Consumer.

Why: because. Server is
named here too.

Unchanged: Producer, Run.

Predict: what?
"""
'''
SOURCE = f"""{DOCSTRING}
import one

# ---- Server ----


class Server:
    a = 1

    b = 2


# ---- Run ----

main()
"""


def changed(old: str, new: str):
    """The changes between SOURCE and SOURCE with one text in place of another."""
    assert old in SOURCE
    return {change.name: change for change in difference(parse(SOURCE), parse(SOURCE.replace(old, new)))}


def test_the_docstrings_fields():
    lesson = parse(SOURCE)
    assert repr(lesson) == "Lesson(number=3, title='a title')"
    assert lesson.diagram == "    A ──▶ B\n\n        B ──▶ C"
    assert lesson.why == "because. Server is\nnamed here too."
    assert lesson.predict == "what?"
    assert lesson.command == "python -m steps.step3"


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ("Server, Consumer.", ("Server", "Consumer")),
        ("ProducerConsumer.", ("ProducerConsumer",)),  # which names neither Producer nor Consumer
        ("everything, it is new.", ("Server", "Run")),  # the sections that there are
    ],
)
def test_the_names_of_sections_in_the_docstring(changed, names):
    lesson = parse(SOURCE.replace("Server, Consumer.", changed))
    assert (lesson.changed, lesson.unchanged) == (changed, "Producer, Run.")
    assert (lesson.names_changed, lesson.names_unchanged) == (names, ("Producer", "Run"))


def test_the_sections_and_where_they_are():
    lesson = parse(SOURCE)
    assert repr(lesson.sections) == (
        "(Section(name='Imports', start=17), Section(name='Server', start=19), Section(name='Run', start=28))"
    )
    lines = SOURCE.splitlines()
    for section in lesson.sections:
        assert lines[section.start - 1 : section.start - 1 + len(section.lines)] == list(section.lines)
        assert section.lines[0].strip()
        assert section.lines[-1].strip()
    assert lesson.section("Server").source == "# ---- Server ----\n\n\nclass Server:\n    a = 1\n\n    b = 2"
    assert lesson.section("Producer") is None


def test_lines_kept_added_and_removed():
    change = changed("    a = 1\n", "    a = 3\n\n    c = 4\n")["Server"]
    assert change.kind == "changed"
    assert [line for line in change.lines if line.mark != "kept"] == [
        Line("removed", "    a = 1"),
        Line("added", "    a = 3"),
        Line("added", ""),
        Line("added", "    c = 4"),
    ]
    assert (change.added, change.removed) == (2, 1)  # blank lines are shown and not counted


def test_the_lines_of_a_change_make_both_sources():
    for before, after in [(read(a), read(b)) for a in STEPS for b in STEPS]:
        for change in difference(before, after):
            for lesson, gone in ((before, "added"), (after, "removed")):
                section = lesson.section(change.name)
                assert tuple(line.text for line in change.lines if line.mark != gone) == (
                    section.lines if section else ()
                )


def test_blank_lines_between_sections_belong_to_none():
    for change in changed("    b = 2\n", "    b = 2\n\n\n\n").values():
        assert change.kind == "unchanged"
        assert {line.mark for line in change.lines} == {"kept"}


def test_a_section_that_is_new_and_one_that_is_gone():
    changes = changed("# ---- Server ----", "# ---- Producer ----")
    assert list(changes) == [IMPORTS, "Server", "Producer", "Run"]
    assert changes["Server"].kind == "removed"
    assert {line.mark for line in changes["Server"].lines} == {"removed"}
    assert changes["Producer"].kind == "added"
    assert (changes["Producer"].added, changes["Producer"].removed) == (4, 0)


def test_a_line_that_comes_often_is_compared_as_any_other():
    """difflib takes what makes up more than 1 % of 200 lines for noise, if one lets it."""
    body = "".join(f"    x{number} = 1\n    pass\n" for number in range(150))
    before = parse(SOURCE.replace("    a = 1\n", body))
    after = parse(SOURCE.replace("    a = 1\n", body.replace("    x75 = 1\n", "")))
    server = difference(before, after)[1]
    assert (server.added, server.removed) == (0, 1)


@pytest.mark.parametrize("number", [0, 10, -1, True, "4", None, 4.5])
def test_a_step_that_is_not_there(number):
    with pytest.raises(SettingError, match="expected the number of a step, 1 to 9, got:"):
        read(number)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        *((SOURCE.replace(f"\n{field}:", f"\n{field}"), f"got: no {field}$") for field in FIELDS),
        ("", "expected a docstring 'Step N: title.'"),
        ("x = 1\n", "expected a docstring 'Step N: title.'"),
        ('"""A title."""\n', "expected a docstring 'Step N: title.'"),
        (SOURCE.replace("Step 3:", "Stop 3:"), "expected a docstring 'Step N: title.'"),
        ("def", "expected the source of a step, got:"),
        ("\0", "expected the source of a step, got:"),
    ],
)
def test_what_is_no_lesson(source, told):
    with pytest.raises(SettingError, match=told):
        parse(source)
