"""Executed copies of the notebooks: HTML pages that are read without a kernel and without a network.

    python -m palleto.lab.publish DIR

Each notebook is executed top to bottom, and its widgets are written down as they stand at the end.
Nothing in the pages is loaded from elsewhere. Links lead from page to page, and to the step files, which become
pages.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from palleto.errors import PalletoError, SettingError
from palleto.lab.extra import required
from palleto.lab.notebook import notebooks
from palleto.lab.publish.execution import SOLUTIONS, execute, with_solutions
from palleto.lab.publish.frame import framed
from palleto.lab.publish.static_widgets import STATE, VIEW, StaticWidgets, plain


def page(notebook: Any, folder: Path) -> str:
    """An executed notebook as one HTML page. `folder` is where its pictures are."""
    exporter = required("nbconvert").HTMLExporter(
        template_name="basic",
        embed_images=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    stand_still(notebook)
    body, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"path": str(folder), "name": "page"}})
    title = re.search(r"^# (.+)$", "\n".join(cell.source for cell in notebook.cells), re.MULTILINE)
    return framed(title[1] if title else "Palleto", body)


def stand_still(notebook: Any) -> None:
    """Put HTML in the place of the widgets; one that is shown twice stays where it is shown last."""
    solutions: Mapping[str, str] = {}
    for cell in list(notebook.cells):
        if cell.get("id") == SOLUTIONS:
            notebook.cells.remove(cell)
            texts = [output.text for output in cell.outputs if output.output_type == "stream"]
            solutions = {plain(text): answer for text, answer in json.loads("".join(texts)).items()}
    still = StaticWidgets(notebook.metadata.pop("widgets", {}).get(STATE, {}).get("state", {}), solutions)
    seen = set()
    for cell in reversed(notebook.cells):
        for output in reversed(cell.get("outputs", [])):
            view = output.get("data", {}).pop(VIEW, None)
            if view is None:
                continue
            html = still.html(view["model_id"])
            if view["model_id"] in seen:
                cell.outputs.remove(output)
            elif html:
                output.data = {"text/html": html}
            seen.add(view["model_id"])


def publish(target: Path, sources: Iterable[Path]) -> Iterator[Path]:
    """Execute the notebooks and write their pages, and those of the files that they link to, into `target`."""
    nbformat = required("nbformat")
    target.mkdir(parents=True, exist_ok=True)
    linked: set[Path] = set()
    for source in sources:
        notebook = execute(source, with_solutions(nbformat.read(source, as_version=4)))
        text = page(notebook, source.parent)
        linked |= {source.parent / name for name in re.findall(r'href="(\.\./[\w/]+\.py)[#"]', text)}
        text = re.sub(r'href="(?:\.\./)?(?:[\w/]*/)?(\w+)\.(?:ipynb|py)([#"])', r'href="\1.html\2', text)
        text = re.sub(r'<a href="\.\./[^"]*"[^>]*>(.*?)</a>', r"\1", text)  # no page of these
        yield _written(target / f"{source.stem}.html", text)
    for source in sorted(linked):
        yield _written(target / f"{source.stem}.html", listing(source))


def listing(source: Path) -> str:
    """A Python file as a page."""
    pygments, lexers = required("pygments"), required("pygments.lexers")
    formatter = required("pygments.formatters").HtmlFormatter()
    body = pygments.highlight(source.read_text(encoding="utf-8"), lexers.PythonLexer(), formatter)
    return framed(source.name, f"<h1>{source.name}</h1>{body}")


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def main(arguments: list[str]) -> int:
    """The command line; returns the exit status."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: python -m palleto.lab.publish DIR", file=sys.stderr)
        return 2
    try:
        if not (found := notebooks()):
            raise SettingError("expected notebooks beside the package, got none; run this in a clone of the repository")
        for path in publish(Path(arguments[0]), found):
            print(path, flush=True)
    except (PalletoError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except Exception as error:
        if type(error).__name__ != "CellExecutionError":
            raise
        print(f"a cell raised an error:\n{error}", file=sys.stderr)
        return 1
    return 0
