"""How far a run is: what its ending looks at, and what the upload of its files tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

from palleto.cloud.warehouse import Warehouse
from palleto.trace import Recorder


@dataclass(frozen=True, slots=True, eq=False)
class RunState:
    """The trace as it grows, the warehouse if there is one, and which of three moments have come.

    end:      called at the moment that the end is reached, so that nothing more is asked for.
    begun:    the first file is up, or there is none to come.
    playing:  the pipeline runs.
    uploaded: all files are up.
    """

    recorder: Recorder
    warehouse: Warehouse | None
    end: Callable[[], None]
    begun: anyio.Event = field(default_factory=anyio.Event)
    playing: anyio.Event = field(default_factory=anyio.Event)
    uploaded: anyio.Event = field(default_factory=anyio.Event)
