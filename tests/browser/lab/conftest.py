"""JupyterLab in headless Chromium, as `palleto lab` starts it: one for all tests here.

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

INDEX = "notebooks/index.ipynb"


@pytest.fixture(scope="package")
def lab_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="package")
def lab_address(lab_home: Path) -> Iterator[str]:
    """What `palleto lab` prints that one should open."""
    if find_spec("jupyterlab") is None:
        pytest.skip("no JupyterLab here; pip install 'palleto[notebooks]'")
    with jupyterlab(lab_home) as address:
        yield address


@pytest.fixture(scope="package")
def lab(browser: Any, lab_address: str) -> Iterator[Any]:
    """JupyterLab, loaded in a page. It opens the index, which is closed, so that one notebook is open at a time."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.set_default_timeout(60_000)
    page.goto(lab_address)
    page.wait_for_function(f"() => window.jupyterapp?.shell.currentWidget?.context?.path === '{INDEX}'")
    Notebook(page, INDEX).close()
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
        nbformat.write(notebook(cells), lab_home / "mine/notebooks" / f"{name}.ipynb")
        books.append(Notebook(lab, f"notebooks/{name}.ipynb"))
        return books[-1]

    yield open_
    for book in books:
        book.close()
