"""The benchmark of recording runs, small; its figures are for people, and are not asserted."""

from __future__ import annotations

import runpy
from pathlib import Path

SCRIPT = Path(__file__).parent / "benchmarks" / "recording.py"


def test_it_measures_what_it_says(capsys):
    script = runpy.run_path(str(SCRIPT))
    found = script["main"](["--rounds", "1", "--events", "200", "--files", "2"])
    ratios = 3 * len(script["ROWS"]) + 2
    assert len(found) == ratios
    assert all(times > 0 for times in found.values())
    assert capsys.readouterr().out.count(" x ") == ratios
