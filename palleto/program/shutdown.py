"""How a run ends, once it has come to its end.

Its end, or the first Ctrl-C, SIGTERM or SIGHUP: stop asking, finish what is in hand; at most `--drain-timeout` seconds.
Then, or at the second Ctrl-C: end now; what is in hand is given back. A server that does not answer is waited for
`HURRY` seconds then, and left behind; what a poll under way receives later comes again after its visibility timeout.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio

from palleto.errors import PalletoError
from palleto.runtime import Stage, System, background

HURRY = 1.0
"""Real seconds for answers that are still to come, and for giving back what is in hand, where the run must end now."""


class Shutdown:
    """The end of one run: who may call for it, and what follows. To be made in the run's event loop.

    drain_timeout: run seconds for what is in hand at the end.
    limit:         called with the real seconds for which the cloud is still waited for.
    report:        takes a line for the user.

    `system` is the run's, while it runs.
    """

    def __init__(self, drain_timeout: float, limit: Callable[[float], None], report: Callable[[str], None]) -> None:
        self.drain_timeout = drain_timeout
        self.limit = limit
        self.report = report
        self.system: System | None = None
        self.failure: PalletoError | None = None
        self._begun = anyio.Event()
        self._at_once = anyio.CancelScope()

    def begin(self) -> None:
        """The end is reached: ask for nothing more, from this very moment."""
        if not self._begun.is_set():
            self._begun.set()
            if self.system is not None:  # else the pipeline is still starting
                self.system.quiet()

    def fail(self, error: PalletoError) -> None:
        """Finish what is in hand, and have the run fail with this error, if it is the first."""
        self.failure = self.failure or error
        self.begin()

    async def attempt(self, job: Callable[[], Awaitable[Any]]) -> None:
        """Do a job beside the pipeline; an error that it raises is the run's."""
        try:
            await job()
        except PalletoError as error:
            self.fail(error)

    async def follow(self, system: System, *jobs: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Wait, with these jobs beside, until something calls for the end; then drain the system, or cut it short."""
        with self._at_once:
            async with background(self._heed_signals, *jobs):
                await self._begun.wait()
                with anyio.move_on_after(self.drain_timeout) as drain:
                    await system.drain()
                if drain.cancelled_caught:
                    self._hurry()

    def verdict(self) -> None:
        """Raise what the run ends with: KeyboardInterrupt if it was cut short by the user, or its first error."""
        if self._at_once.cancel_called:
            raise KeyboardInterrupt
        if self.failure is not None:
            raise self.failure

    def _hurry(self) -> None:
        """From now on, cancel what runs in a stage instead of waiting until it is done, and wait for no server."""
        self.limit(HURRY)
        for process in list(self.system.processes.values()) if self.system is not None else []:
            if isinstance(process, Stage):
                process.patience = 0.0

    async def _heed_signals(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        heeded = [signal.SIGINT, signal.SIGTERM]
        hangup = getattr(signal, "SIGHUP", None)  # Windows has none
        if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:  # `nohup` has it ignored
            heeded.append(hangup)
        with anyio.open_signal_receiver(*heeded) as signals:
            async for number in signals:
                if self._begun.is_set():
                    self._hurry()
                    self._at_once.cancel()
                    return
                self.report(f"{signal.Signals(number).name}: finishing what is in hand; once more ends at once")
                self.begin()
