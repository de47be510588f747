"""What the lab loads, and what it says where something is not installed."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from palleto.errors import SettingError


def test_without_ipywidgets_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    for name in ("dashboard", "dashboard.dashboard", "dashboard.controls"):
        monkeypatch.delitem(sys.modules, f"palleto.lab.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(SettingError, match=r"pip install 'palleto\[notebooks\]'"):
        importlib.import_module("palleto.lab.dashboard")


@pytest.mark.parametrize(
    ("imports", "loaded"),
    [
        ("from palleto.lab import Experiment, Trace, compare, evidence, explain, fork, unlucky", []),
        ("from palleto.lab import ask, challenge, difference, open_questions, player, progress, tell", []),
        ("from palleto.lab import Dashboard", ["ipywidgets"]),
    ],
    ids=["what the floors below have", "what needs no widget yet", "the dashboard"],
)
def test_a_name_of_the_lab_loads_what_it_needs(imports: str, loaded: list[str]):
    heavy = "[name for name in ('boto3', 'moto', 'ipywidgets', 'matplotlib') if name in sys.modules]"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {imports}; print({heavy})"], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == (f"{loaded}\n", "")
