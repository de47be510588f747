"""Executed copies of the notebooks: HTML pages that are read without a kernel and without a network.

    python -m palleto.lab.publish DIR

Each notebook is executed top to bottom, and its widgets are written down as they stand at the end.
Nothing in the pages is loaded from elsewhere. Links lead from page to page, and to the step files, which become
pages.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from palleto.errors import PalletoError, SettingError
from palleto.lab.extra import required
from palleto.lab.publish.notebook import notebooks
from palleto.lab.publish.static_widgets import STATE, STYLE, VIEW, StaticWidgets, plain

CELL_TIMEOUT = 120
"""Real seconds after which a cell that has not ended is given up."""

SOLUTIONS = "palleto-solutions"
SOLVING = """\
import json
from palleto.lab.questions.question import Question
asked = [each for each in list(globals().values()) if isinstance(each, Question)]
print(json.dumps({each.text: each.solution().text for each in asked}))
for each in asked:
    each.reset()
"""
"""The cell that asks for the solutions; it is in no page."""

FRAME = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head>
<body><main>{body}</main></body></html>
"""

# The names of JupyterLab's variables, so that panels and differences look here as they do there.
LIGHT = """
--jp-ui-font-family: system-ui, sans-serif; --jp-content-font-color1: #1f1f1f; --jp-content-font-color2: #595959;
--jp-ui-font-color1: #1f1f1f; --jp-ui-font-color2: #595959; --jp-layout-color0: #ffffff; --jp-layout-color1: #ffffff;
--jp-layout-color2: #f3f3f3; --jp-border-color1: #a8a8a8; --jp-border-color2: #dcdcdc; --link: #0b62a5;
"""
DARK = """
--jp-content-font-color1: #e6e6e6; --jp-content-font-color2: #adadad; --jp-ui-font-color1: #e6e6e6;
--jp-ui-font-color2: #adadad; --jp-layout-color0: #161616; --jp-layout-color1: #161616; --jp-layout-color2: #262626;
--jp-border-color1: #6f6f6f; --jp-border-color2: #3a3a3a; --link: #7ab8ec;
"""
PAGE = """
body { margin: 0; background: var(--jp-layout-color0); color: var(--jp-content-font-color1);
  font: 16px/1.55 var(--jp-ui-font-family); }
main { max-width: 1000px; margin: 0 auto; padding: 24px 20px 80px; }
h1 { font-size: 30px; line-height: 1.2; } h2 { font-size: 22px; margin-top: 2em; }
a { color: var(--link); } a.anchor-link { display: none; }
.text_cell_render > p, .text_cell_render > ul { max-width: 44em; }
pre { margin: 0; font: 13px/1.45 ui-monospace, Menlo, Consolas, monospace; white-space: pre; overflow-x: auto; }
.input_area, .text_cell_render > pre, main > .highlight { background: var(--jp-layout-color2); padding: 10px 14px;
  border-radius: 6px; margin: 10px 0; overflow-x: auto; }
.output_area { margin: 8px 0 14px; overflow-x: auto; }
.output_area > pre, .output_text pre { white-space: pre-wrap; }
img { max-width: 100%; height: auto; } svg { max-width: 100%; }
table { border-collapse: collapse; } th, td { padding: 4px 12px 4px 0; text-align: left;
  border-bottom: 1px solid var(--jp-border-color2); }
details > summary { cursor: pointer; color: var(--jp-content-font-color2); }
@media print { .input_area { break-inside: avoid; } }
"""


# ---- executing


def execute(path: Path, notebook: Any = None, **more: str) -> Any:
    """Execute the notebook at `path` in this Python, in its own folder, and return it with outputs and widget state.

    notebook: what to execute in place of the file's content. more: environment variables of the kernel.
    Raises nbclient's CellExecutionError for a cell that raises, SettingError if the notebooks' extra is missing.
    """
    nbformat, manager = required("nbformat"), required("jupyter_client.manager")
    spec, client = required("jupyter_client.kernelspec"), required("nbclient")

    def this_python(_: Any, kernel_name: str) -> Any:
        arguments = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return spec.KernelSpec(argv=arguments, display_name=kernel_name, language="python")

    # Knows one kernel, which needs no installation: the Python that runs this.
    specs = type("ThisPython", (spec.KernelSpecManager,), {"get_kernel_spec": this_python})

    if notebook is None:
        notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory(prefix="palleto-kernel-", ignore_cleanup_errors=True) as folder:
        kernel = manager.AsyncKernelManager(
            kernel_spec_manager=specs(), connection_file=str(Path(folder) / "kernel.json")
        )
        if os.name == "posix":  # sockets in a folder of its own: nobody else's ports, and no network
            kernel.transport, kernel.ip = "ipc", str(Path(folder) / "kernel")
        environment = {**os.environ, "IPYTHONDIR": folder, "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
        runner = client.NotebookClient(
            notebook, km=kernel, timeout=CELL_TIMEOUT, resources={"metadata": {"path": str(path.parent)}}
        )
        runner.execute(env={**environment, **more}, cleanup_kc=True)
    return notebook


def with_solutions(notebook: Any) -> Any:
    """The notebook and a cell that prints the solutions, before the part that changes the runs."""
    nbformat = required("nbformat")
    cells = notebook.cells
    headings = [n for n, cell in enumerate(cells) if cell.source.startswith("## Change this number")]
    place = headings[0] if headings else len(cells)
    cells.insert(place, nbformat.v4.new_code_cell(SOLVING, id=SOLUTIONS))
    return notebook


# ---- the page


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


def framed(title: str, body: str) -> str:
    """The whole page around a body."""
    formatter = required("pygments.formatters").HtmlFormatter
    code = [formatter(style=style).get_style_defs(".highlight") for style in ("default", "github-dark")]
    style = (
        f":root {{ color-scheme: light dark; {LIGHT} }}\n{code[0]}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {DARK} }}\n{code[1]}\n}}\n"
        f"{PAGE}{STYLE}.highlight {{ background: none; }}\n"
    )
    return FRAME.format(title=escape(title), style=style, body=body)


# ---- all of them


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
