"""A notebook executed top to bottom, in this Python, in a kernel that leaves nothing behind."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from palleto.lab.extra import required

CELL_TIMEOUT = 120
"""Real seconds after which a cell that has not ended is given up."""

SOLUTIONS = "palleto-solutions"
SOLVING = """\
import json
from palleto.lab.questions import answers
print(json.dumps(answers()))
"""
"""The cell that asks for the solutions; it is in no page."""


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
