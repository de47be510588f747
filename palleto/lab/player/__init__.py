"""The player: a recorded run, walked through event by event, forward and back, in one picture.

    palleto.lab.player(trace, at=None)                       # in a notebook
    python -m palleto.lab.player TRACE --html FILE           # one file that needs no network and no kernel

The code, the stages, their demand, the server's loops, the queue, the printed lines and the ledger are shown at the
same event. Python puts the trace and the step's source (`payload`) and the front-end (`bundle`) into one page (`page`),
which a `Player` shows. The front-end is plain ES modules beside this file, to be read in this order: `trace.js`,
`state.js`, `replay.js`, then a file for each pane. `picture.js` draws the pipeline, here and in a dashboard. Calling
this module makes a `Player`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from palleto.lab.player.player import Player

__all__ = ["Player"]


class _Callable(ModuleType):
    """A module that makes a player: `palleto.lab.player` is the package and what a notebook calls."""

    def __call__(self, trace: Any, at: Any = None, **more: Any) -> Player:
        return Player(trace, at, **more)


sys.modules[__name__].__class__ = _Callable
