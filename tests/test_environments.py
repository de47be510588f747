"""What opens the repository in a browser: .devcontainer (Codespaces) and .binder (mybinder.org), read.

Neither is built in CI. check-jsonschema does not carry the schema of devcontainer.json: the one here is our own, of
the properties that we use, after the reference at containers.dev. What .binder may hold is repo2docker's.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = {text.rpartition(" ")[2] for text in PROJECT["classifiers"] if re.search(r"Python :: 3\.\d+$", text)}
BINDER = ROOT / ".binder"
KNOWN = {"apt.txt", "environment.yml", "postBuild", "requirements.txt", "runtime.txt", "start"}
"""The files of .binder that repo2docker reads for a Python repository."""

STRING = {"type": "string", "minLength": 1}
PORT = {"type": "integer", "minimum": 0, "maximum": 65535}
NOTICE = {"enum": ["notify", "openBrowser", "openBrowserOnce", "openPreview", "silent", "ignore"]}
SIZE = {"type": "string", "pattern": r"^\d+([tgmk]b)?$"}


def only(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "additionalProperties": False, "properties": properties}


DEVCONTAINER = only(
    ["name", "image", "postCreateCommand"],
    name=STRING,
    image={"type": "string", "pattern": r"^[a-z0-9./-]+:[\w.-]+$"},
    hostRequirements=only([], cpus={"type": "integer", "minimum": 1}, memory=SIZE, storage=SIZE),
    postCreateCommand=STRING,
    forwardPorts={"type": "array", "items": PORT},
    portsAttributes={
        "type": "object",
        "propertyNames": {"pattern": r"^\d+(-\d+)?$"},
        "additionalProperties": only([], label=STRING, onAutoForward=NOTICE),
    },
    customizations=only(
        [],
        vscode=only(
            [], extensions={"type": "array", "items": {"pattern": r"^[\w-]+\.[\w-]+$"}}, settings={"type": "object"}
        ),
        codespaces=only([], openFiles={"type": "array", "items": STRING}),
    ),
)


@pytest.fixture(scope="module")
def devcontainer() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    return loaded


def extras(command: str) -> list[str]:
    return re.findall(r"\.\[(\w+)\]", command)


def test_the_devcontainer_keeps_to_its_schema(devcontainer: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="the test extra is not installed")
    jsonschema.Draft202012Validator.check_schema(DEVCONTAINER)
    jsonschema.validate(devcontainer, DEVCONTAINER)


def test_the_devcontainer_names_what_is_there(devcontainer: dict[str, Any]) -> None:
    assert devcontainer["image"].rpartition(":")[2] in PYTHONS
    assert [extra for extra in extras(devcontainer["postCreateCommand"]) if extra in PROJECT["optional-dependencies"]]
    assert list(devcontainer["portsAttributes"]) == [str(port) for port in devcontainer["forwardPorts"]]
    for name in devcontainer["customizations"]["codespaces"]["openFiles"]:
        assert (ROOT / name).exists()


def test_binder_finds_what_it_reads() -> None:
    assert {path.name for path in BINDER.iterdir()} <= KNOWN
    assert not (ROOT / "binder").exists()  # repo2docker refuses both
    language, version = (BINDER / "runtime.txt").read_text(encoding="utf-8").strip().split("-")
    assert language == "python"
    assert version in PYTHONS
    lines = [line for line in (BINDER / "requirements.txt").read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    assert lines == ["-e .[notebooks]"]
    assert "notebooks" in PROJECT["optional-dependencies"]


def test_what_binder_runs_can_be_run() -> None:
    script = BINDER / "postBuild"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n")
    assert subprocess.run(["bash", "-n", script], capture_output=True).returncode == 0
