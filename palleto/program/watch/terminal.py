"""The live view of a run in a terminal, ten times a second: what `--watch` shows.

It is drawn by a thread of its own, so that it lives on any event loop and at any speed of time. Where standard output
is no terminal, or the terminal cannot move its cursor (`TERM=dumb`), there is none, and all is as without `--watch`.
With `NO_COLOR` it has no colours: signs and words carry all of its meaning (https://no-color.org).
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from palleto.replay import Scene
from palleto.runtime import describe
from palleto.trace import Recorder, TraceEvent

PERIOD = 0.1
"""Real seconds between two frames."""
WHOLE, DONE = "\x1b[?2026h", "\x1b[?2026l"
"""What stands between them a terminal shows at once, if it can: no frame is seen half drawn."""
BELOW = 1
"""Rows of the terminal that stay free: the cursor stands there."""

Say = Callable[[str], None]


def shows_view() -> bool:
    """Whether standard output is a terminal that a view can be drawn on."""
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")


@contextmanager
def watch(
    recorder: Recorder, title: str, *, expected: int | None, speed: float | None, quiet: bool, say: Say, report: Say
) -> Iterator[tuple[Say, Say]]:
    """Show what a recorder hears of, while the block runs; the last frame stays.

    title:    what runs, and where.
    expected: files that will be written; None if nobody knows.
    speed:    how many times faster than real time it is; None if time jumps.
    quiet:    without what the step says.

    Yields what must take the lines meanwhile, in place of `say` and `report`: those said are in the view, those
    reported appear above it. A view that fails says so; the run goes on, and what is said is said as ever.
    """
    watching = _Watch(title, expected, speed, quiet, report)
    recorder.listeners.append(watching.hear)
    watching.start()
    try:
        yield (lambda line: say(line) if watching.failed else None), report
    except BaseException as error:
        watching.state = "failed" if isinstance(error, Exception) else "ended at once"
        raise
    else:
        watching.state = "ended"
    finally:
        watching.stop()
        recorder.listeners.remove(watching.hear)


class _Watch:
    """A scene that follows the run, and a thread that draws it."""

    def __init__(self, title: str, expected: int | None, speed: float | None, quiet: bool, report: Say) -> None:
        from rich.console import Console
        from rich.live import Live

        from palleto.program.watch.signs import ASCII, UNICODE
        from palleto.program.watch.view import View

        self.scene = Scene()
        self.console = Console(highlight=False, markup=False, emoji=False)
        signs = ASCII if self.console.options.ascii_only else UNICODE
        self.view = View(title, expected, said=not quiet, signs=signs)
        self.state = ""
        self.failed = False
        self._speed = speed
        self._report = report
        self._heard: tuple[float, float] | None = None  # the last event's run time, and when that was
        self._size: Any = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="palleto watch", daemon=True)
        self._live = Live(
            console=self.console, auto_refresh=False, redirect_stderr=sys.stderr.isatty(), vertical_overflow="crop"
        )

    def hear(self, event: TraceEvent) -> None:
        """Called in the run's thread, which must not suffer."""
        if self.failed:
            return
        try:
            self.scene.add(event)
        except Exception as error:
            self._fail(error)
        self._heard = event.t, time.monotonic()

    def start(self) -> None:
        """Begin to draw."""
        try:
            self._live.start()
            self._thread.start()
        except Exception as error:
            self._fail(error)

    def stop(self) -> None:
        """Draw the last frame, and give the terminal back."""
        self._over.set()
        try:
            if self._thread.ident is not None:
                self._thread.join()  # Ctrl-C ends it, where the terminal takes no more lines
            self._draw()
        finally:
            with suppress(Exception):  # the terminal may be gone
                self._live.stop()

    def _follow(self) -> None:
        while not self._over.wait(PERIOD) and not self.failed:
            self._draw()

    def _draw(self) -> None:
        if self.failed:
            return
        try:
            self._frame()
        except Exception as error:
            self._fail(error)

    def _frame(self) -> None:
        from rich.console import Group

        size = self.console.size
        if self._size not in (None, size):
            self.console.clear()  # the terminal has wrapped the lines of the last frame anew
        self._size = size
        now = time.monotonic()
        with self.scene.lock:
            self.scene.clock = self._now(now)
        state = self.state or ("stopping" if self.scene.draining else "running")
        lines = self.view.frame(self.scene, state, size.width, size.height - BELOW, now)
        self.console.file.write(WHOLE)
        self._live.update(Group(*lines), refresh=True)
        self.console.file.write(DONE)
        self.console.file.flush()

    def _now(self, now: float) -> float:
        """Seconds of run time: of the last event, and what has passed since."""
        if self._heard is None or self._speed is None or self.state:
            return 0.0
        t, heard = self._heard
        return t + (now - heard) * self._speed

    def _fail(self, error: Exception) -> None:
        self._over.set()
        with suppress(Exception):
            self._live.stop()
        self.failed = True  # from now on others print, so not before standard output is theirs again
        self._report(f"the view has ended, the run goes on: {describe(error)}")
