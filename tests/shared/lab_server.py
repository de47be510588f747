"""`palleto lab`: JupyterLab on a copy of the notebooks, on a free port of 127.0.0.1, with settings that tests need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab_page import until
from ran import ROOT
from servers import free_port

SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"checkForUpdates": False},
    "@jupyterlab/apputils-extension:themes": {"theme": "JupyterLab Light", "adaptive-theme": False},
    "@jupyterlab/notebook-extension:tracker": {"scrollPastEnd": False},  # else a picture of it all would have no end
}
KERNEL = {
    "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "Python 3",
    "language": "python",
}
APPLICATION = {"LabApp": {"extension_manager": "readonly", "expose_app_in_browser": True}}


@contextmanager
def jupyterlab(home: Path) -> Iterator[str]:
    """The address that `palleto lab` prints; the notebooks are in `home / "mine"`. It is ended by its process id."""
    for path, content in {
        "data/kernels/python3/kernel.json": KERNEL,
        "config/jupyter_lab_config.json": APPLICATION,
        "more/labconfig/default_setting_overrides.json": SETTINGS,
    }.items():
        (home / path).parent.mkdir(parents=True)
        (home / path).write_text(json.dumps(content))
    root = ["--allow-root"] if os.name == "posix" and os.geteuid() == 0 else []
    folders = {
        "HOME": "",
        "IPYTHONDIR": "ipython",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_CONFIG_PATH": "more",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    log = home / "lab.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-c", "from palleto.commands import main; main()", "lab", "mine", "--no-browser",
             "--port", str(free_port()), *root],
            env={
                **os.environ,
                **{name: str(home / folder) for name, folder in folders.items()},
                "PYTHONPATH": str(ROOT),
                "PALLETO_PLACE": "embedded",
            },
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=home,
        )  # fmt: skip

    def address() -> str | None:
        assert server.poll() is None, log.read_text()
        return next((word for word in log.read_text().split() if word.startswith("http://127.0.0.1:")), None)

    try:
        yield until(address, "JupyterLab to say its address")
    finally:
        server.terminate()  # it ends its kernels too
        server.wait(60)
