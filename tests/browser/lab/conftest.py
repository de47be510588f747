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
def lab(browser: Any, lab_home: Path) -> Iterator[Any]:
    """JupyterLab, loaded in a page."""
    if find_spec("jupyterlab") is None:
        pytest.skip("no JupyterLab here; pip install 'palleto[notebooks]'")
    with jupyterlab(lab_home) as (url, token):
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_default_timeout(60_000)
        page.goto(f"{url}/lab?token={token}")
        page.wait_for_function("() => window.jupyterapp?.shell.currentWidget")
        yield page
        page.close()


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
    lab: Any, lab_home: Path, notebook: Callable[[Sequence[str]], Any]
) -> Iterator[Callable[[str, Sequence[str]], Notebook]]:
    """Opens a notebook of that name, with these cells, in JupyterLab, and closes the one before."""
    import nbformat

    books: list[Notebook] = []

    def open_(name: str, cells: Sequence[str]) -> Notebook:
        if books:
            books.pop().close()
        nbformat.write(notebook(cells), lab_home / "notebooks" / f"{name}.ipynb")
        books.append(Notebook(lab, f"notebooks/{name}.ipynb"))
        return books[-1]

    yield open_
    for book in books:
        book.close()
