"""JupyterLab in headless Chromium, one for all tests here, on a free port of 127.0.0.1: it is ended by its process id.

    python -m pytest -m browser

What is tested is what only a browser shows, on notebooks of a few cells; `tests/lab/test_notebooks.py` runs them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from lab_page import HEIGHT, WIDTH, Notebook
from lab_server import jupyterlab


@pytest.fixture(scope="package")
def lab_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that JupyterLab shows."""
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="package")
def lab(browser: Any, lab_home: Path) -> Iterator[tuple[Any, str, str]]:
    """A window of the browser that keeps what it has loaded, JupyterLab's URL, and its token."""
    if find_spec("jupyterlab") is None:
        pytest.skip("no JupyterLab here; pip install 'palleto[notebooks]'")
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    with jupyterlab(lab_home) as (url, token):
        yield context, url, token
        context.close()


@pytest.fixture(scope="package")
def notebook() -> Callable[[Sequence[str]], Any]:
    """Makes a notebook of these cells of code."""
    nbformat = pytest.importorskip("nbformat")
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}

    def make(cells: Sequence[str]) -> Any:
        return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells], metadata=kernel)

    return make


@pytest.fixture(scope="module")
def open_notebook(
    lab: tuple[Any, str, str], lab_home: Path, notebook: Callable[[Sequence[str]], Any]
) -> Iterator[Callable[[str, Sequence[str]], Notebook]]:
    """Opens a notebook of that name, with these cells, in JupyterLab."""
    import nbformat

    books = []

    def open_(name: str, cells: Sequence[str]) -> Notebook:
        nbformat.write(notebook(cells), lab_home / "notebooks" / f"{name}.ipynb")
        books.append(Notebook(*lab, name))
        return books[-1]

    yield open_
    for book in books:
        book.close()
