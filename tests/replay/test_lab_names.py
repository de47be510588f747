"""The replay's names in `palleto.lab`, and that they need no more than the core until a picture is drawn."""

from __future__ import annotations

import subprocess
import sys

import pytest

from palleto import lab


@pytest.mark.parametrize("name", ["Trace", "compare", "explain", "fork", "unlucky"])
def test_the_lab_has_them_by_name(name: str) -> None:
    assert name in lab.__all__
    assert getattr(lab, name).__doc__


def test_they_load_nothing_heavy() -> None:
    code = (
        "import sys; from palleto.lab import Trace, compare, explain, fork, unlucky; import palleto.replay.passport; "
        "print([name for name in ('matplotlib', 'ipywidgets', 'moto', 'IPython') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
