"""JupyterLab on a copy of the notebooks, on a free port of 127.0.0.1."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab_page import until

ROOT = Path(__file__).parents[2]


@contextmanager
def jupyterlab(home: Path) -> Iterator[tuple[str, str]]:
    """The URL of a JupyterLab on a copy of the notebooks, and its token."""
    for folder in ("notebooks", "steps"):
        shutil.copytree(
            ROOT / folder, home / folder, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        )
    kernel = home / "data" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    arguments = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel.joinpath("kernel.json").write_text(
        json.dumps({"argv": arguments, "display_name": "Python 3", "language": "python"})
    )
    settings = home / "settings" / "@jupyterlab"
    for plugin, value in {
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
        "apputils-extension/themes": {"theme": "JupyterLab Light", "adaptive-theme": False},
        "notebook-extension/tracker": {"scrollPastEnd": False},  # else a picture of it all would have no end
    }.items():
        path = settings / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    log = (home / "lab.log").open("wb")
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}"),
            *("--ServerApp.port_retries=0", "--allow-root", f"--notebook-dir={home}"),
            *(
                "--LabApp.extension_manager=readonly",
                "--LabApp.expose_app_in_browser=True",
                f"--LabApp.user_settings_dir={home / 'settings'}",
            ),
            f"--LabApp.workspaces_dir={home / 'workspaces'}",
        ],
        env={
            **os.environ,
            "JUPYTER_TOKEN": token,
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "IPYTHONDIR": str(home / "ipython"),
            "PALLETO_PLACE": "embedded",
        },
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=home,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: _answers(f"{url}/api/status?token={token}") or server.poll() is not None)
        assert server.poll() is None, (home / "lab.log").read_text()
        yield url, token
    finally:
        server.terminate()  # it ends its kernels too
        server.wait(60)
        log.close()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
