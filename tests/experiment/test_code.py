"""Whether the code that a run was made of has been edited since, as a notebook's cells are."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import pytest

from palleto.experiment import Experiment
from palleto.experiment.code import code_of, edited
from steps import step5

CELLS = {
    "size": "SIZE = 4",
    "helper": "def double(n):\n    return n * 2",
    "base": "class Base(palleto.Consumer):\n    @staticmethod\n    def show(n): return n",
    "producer": (
        "class Source(palleto.Producer):\n    name = 'P'\n"
        "    def handle_demand(self, demand): return list(range(double(demand) // 2))"
    ),
    "consumer": (
        "class Sink(Base):\n    def init(self): self.subscribe('P', max_demand=SIZE)\n"
        "    async def handle_events(self, events): await anyio.sleep(self.show(1))"
    ),
    "pipeline": "def pipeline():\n    return palleto.Supervisor([palleto.child(Source), palleto.child(Sink)])",
    "other": "class Other(palleto.Consumer):\n    pass",
}


class Notebook:
    """A module in which cells are run, and run again."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.run("import anyio, palleto")
        for text in CELLS.values():
            self.run(text)

    def run(self, text: str) -> None:
        exec(compile(text, "<cell>", "exec"), self.names)


def test_all_that_a_pipeline_names_is_its_code():
    assert set(code_of(Notebook().names["pipeline"])) == {
        *("pipeline", "Source", "Sink", "Base", "double", "SIZE"),
    }


def test_the_code_of_a_function_that_wraps_anothers_is_that_ones():
    notebook = Notebook()
    pipeline = notebook.names["pipeline"]

    @wraps(pipeline)
    def wrapping() -> Any:
        return pipeline()

    ran = code_of(wrapping)
    assert set(ran) == set(code_of(pipeline))
    notebook.run("SIZE = 5")
    assert edited(wrapping, ran) == edited(pipeline, ran) == ["SIZE"]


def test_a_stage_of_a_type_is_not_edited_when_its_cell_is_run_again():
    notebook = Notebook()
    cell = "class Base:\n    pass\nclass Source(Base, palleto.Producer[int]):\n    name = 'P'"
    notebook.run(cell)
    pipeline = notebook.names["pipeline"]
    ran = code_of(pipeline)
    notebook.run(cell)
    assert edited(pipeline, ran) == []
    notebook.run(cell.replace("'P'", "'Q'"))
    assert edited(pipeline, ran) == ["Source"]


@pytest.mark.parametrize(
    ("cell", "old", "new", "names"),
    [
        ("size", "4", "5", ["SIZE"]),
        ("helper", "n * 2", "n + n", ["double"]),
        ("base", "return n", "return -n", ["Base"]),
        ("producer", "'P'", "'Q'", ["Source"]),
        ("producer", "// 2", "// 3", ["Source"]),
        ("consumer", "max_demand=SIZE", "max_demand=SIZE, min_demand=0", ["Sink"]),
        ("consumer", "(Base)", "(palleto.Consumer)", ["Sink"]),
        ("pipeline", "Source)", "Source, restart='transient')", ["pipeline"]),
    ],
)
def test_an_edit_is_told_by_name_and_undone(cell: str, old: str, new: str, names: list[str]):
    book = Notebook()
    pipeline = book.names["pipeline"]
    ran = code_of(pipeline)
    assert old in CELLS[cell]
    book.run(CELLS[cell].replace(old, new))
    assert edited(pipeline, ran) == names
    book.run(CELLS[cell])
    assert edited(pipeline, ran) == []


@pytest.mark.parametrize(
    "edit",
    [
        lambda book: [book.run(text) for text in CELLS.values()],
        lambda book: book.run("# a comment\n\n" + CELLS["consumer"] + "  # another"),
        lambda book: book.run(CELLS["other"].replace("pass", "name = 'O'")),
        lambda book: book.names.pop("double"),
        lambda book: setattr(book.names["Sink"], "handled", 1),
    ],
)
def test_what_does_nothing_else_is_no_edit(edit: Callable[[Notebook], object]):
    book = Notebook()
    ran = code_of(book.names["pipeline"])
    edit(book)
    assert edited(book.names["pipeline"], ran) == []


def test_a_function_that_is_made_by_another_is_not_compared_with_its_maker():
    book = Notebook()
    book.run("def sized(n):\n    def pipeline():\n        return n, palleto.child(Sink)\n    return pipeline")
    book.run("pipeline = sized(3)")
    three = book.names["pipeline"]
    ran = code_of(three)
    book.run("pipeline = 7")
    assert edited(three, ran) == []
    book.run(CELLS["consumer"].replace("max_demand", "min_demand=0, max_demand"))
    assert edited(three, ran) == ["Sink"]


def test_a_run_knows_what_was_edited_since_it_began():
    book = Notebook()
    run = Experiment(book.names["pipeline"], virtual=True, seconds=1)
    assert run.edited == []
    book.run(CELLS["size"].replace("4", "5"))
    assert run.edited == [], "it has not run yet"
    run.start().join(60)
    assert not run.running
    assert run.edited == []
    book.run(CELLS["size"])
    assert run.edited == ["SIZE"]
    run.start().join(60)
    assert not run.running
    assert run.edited == []


def test_a_pipeline_that_is_no_function_or_of_another_module_has_no_edits():
    assert edited(step5.pipeline, code_of(step5.pipeline)) == []

    class Maker:
        def __call__(self) -> None: ...

    assert code_of(Maker()) == {}
    assert edited(Maker(), {}) == []
