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


def test_a_name_of_the_lab_loads_what_it_needs():
    heavy = "print([name for name in ('boto3', 'moto', 'ipywidgets', 'matplotlib') if name in sys.modules])"
    light = "Experiment, Trace, ask, challenge, compare, difference, evidence, explain, fork, player, progress, tell"
    code = f"import sys; from palleto.lab import {light}; {heavy}; from palleto.lab import Dashboard; {heavy}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n['ipywidgets']\n", "")
