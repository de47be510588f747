"""Palleto, for a step that is run as a file: `python steps/step9.py` looks here before anywhere else.

It is the Palleto that stands beside this folder, installed or not. What that lacks is told in one line by `steps`, so
that no step has to: this file is the first that a step imports, and is never Palleto itself.
"""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])
del sys.modules["palleto"]

import steps  # noqa: E402, F401 - says what is lacking

# isort: split
import palleto  # noqa: E402, F401 - takes the place of this module
