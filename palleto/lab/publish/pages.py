"""Executed copies of the notebooks: HTML pages that are read without a kernel and without a network.

    python -m palleto.lab.publish DIR

Each notebook is executed top to bottom, and its widgets are written down as they stand at the end.
Nothing in the pages is loaded from elsewhere. Links lead from page to page, and to the step files, which become
pages.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from html import escape, unescape
from pathlib import Path
from typing import Any

from palleto.errors import PalletoError, SettingError
from palleto.lab import copies
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
    for cell in notebook.cells:
        if cell.metadata.get("jupyter", {}).get("source_hidden"):  # the code of a sentence: folded in JupyterLab
            cell.metadata["transient"] = {"remove_source": True}
    body, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"path": str(folder), "name": "page"}})
    title = re.search(r"^# (.+)$", "\n".join(cell.source for cell in notebook.cells), re.MULTILINE)
    return framed(title[1] if title else "Palleto", anchored(body))


def anchored(body: str) -> str:
    """Give each heading an id, made of its text as JupyterLab makes it, so that `page.html#some-words` leads to it."""

    def heading(found: re.Match[str]) -> str:
        level, inside = found.groups()
        name = unescape(re.sub(r"<[^>]*>", "", inside)).replace(" ", "-")
        return f'<h{level} id="{escape(name, quote=True)}">{inside}</h{level}>'

    return re.sub(r"<h([1-6])>(.*?)</h\1>", heading, body, flags=re.DOTALL)


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
                if output.get("data", {}).get("text/html") == "":  # what would be said of older code
                    cell.outputs.remove(output)
                continue
            html = still.html(view["model_id"])
            nothing = not html and view["model_id"] in still.models  # a button by itself
            if view["model_id"] in seen or nothing:
                cell.outputs.remove(output)
            elif html:
                output.data = {"text/html": html}
            seen.add(view["model_id"])


def publish(target: Path, sources: Iterable[Path]) -> Iterator[Path]:
    """Execute the notebooks and write their pages, and those of the files that they link to, into `target`.

    Raises SettingError if the notebooks' extra is missing, `target` cannot be written to; PalletoError
    for a cell that raises.
    """
    nbformat = required("nbformat")
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "it is a file" if target.is_file() else error.strerror or str(error)
        raise SettingError(f"expected a folder for the pages, got {target}: {reason}; choose another") from None
    linked: set[Path] = set()
    for source in sources:
        try:
            notebook = execute(source, with_solutions(nbformat.read(source, as_version=4)))
        except required("nbclient.exceptions").CellExecutionError as error:
            raise PalletoError(f"a cell of {source.name} raised {error.ename}: {error.evalue}") from None
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


def publish_all(target: Path) -> Iterator[Path]:
    """`publish` for all notebooks, executed in a copy, so that nothing is left beside them."""
    with tempfile.TemporaryDirectory(prefix="palleto-pages-") as folder:
        yield from publish(target, notebooks(copies.copy(Path(folder)).notebooks))
