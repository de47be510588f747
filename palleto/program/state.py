"""How far a run is: what its ending looks at, and what the upload of its files tells."""

from __future__ import annotations

from collections.abc import Callable

import anyio

from palleto.cloud.warehouse import Warehouse
from palleto.trace import Recorder, TraceEvent


class RunState:
    """The trace as it grows, the warehouse if there is one, and which of three moments have come.

    begun:    the first file is up, or there is none to come; uploaded: all are.
    playing:  the pipeline runs.
    end:      called at the moment that the end is reached, so that nothing more is asked for.
    """

    def __init__(self, recorder: Recorder, warehouse: Warehouse | None, end: Callable[[], None]) -> None:
        self.recorder = recorder
        self.warehouse = warehouse
        self.end = end
        self.begun = anyio.Event()
        self.playing = anyio.Event()
        self.uploaded = anyio.Event()

    async def until(self, reached: Callable[[TraceEvent], bool]) -> None:
        """Wait for the trace event for which `reached` is true, and end there."""
        event = anyio.Event()

        def listen(trace: TraceEvent) -> None:
            if not event.is_set() and reached(trace):
                event.set()
                self.end()

        self.recorder.listeners.append(listen)
        try:
            await event.wait()
        finally:
            self.recorder.listeners.remove(listen)
