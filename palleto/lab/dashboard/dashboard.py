"""The live dashboard of a notebook: panels that follow a run ten times a second, and controls that act on it.

dash = Dashboard(Experiment(pipeline, speed=5))
dash.start()                      # at once: the run has its own thread
dash                              # shown here, and as often as you like
await dash.run(seconds=60)        # or: within the cell, until the run has ended
"""

from __future__ import annotations

import asyncio
import threading
import time
from html import escape
from textwrap import fill
from typing import Any

from palleto.experiment import Experiment
from palleto.lab.dashboard.controls import Controls, Nature
from palleto.lab.dashboard.panels import PANELS
from palleto.lab.dashboard.panels.svg import RED
from palleto.lab.dashboard.scene import LINES, Scene
from palleto.lab.dashboard.snapshot import Snapshot, Words, status_line
from palleto.lab.extra import required
from palleto.runtime import describe
from palleto.trace import TraceEvent

widgets = required("ipywidgets")

TEXT = 100
"""Characters of a line of words, which fits into a notebook beside JupyterLab's open sidebar."""
LOG = "margin:0;line-height:19px;font-size:12px;overflow:hidden;white-space:pre;text-overflow:ellipsis"
PERIOD = 0.1
"""Real seconds between two frames."""
COLUMNS = "repeat(auto-fill, minmax(min(100%, 380px), 1fr))"
"""Two columns from 788 pixels on, which a notebook has beside JupyterLab's open sidebar; else one."""


class Dashboard:
    """What `experiment` does, live, with controls. Its `view` is the widget; its text says what the panels show.

    A frame is made in a thread of its own (or, in `run`, in the cell) while the run goes on, and once at its end.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.scene = Scene()
        self.frames = 0
        self._shown = False
        self._frame_lock = threading.RLock()
        self._life_lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._hooked = False
        self.nature = Nature(experiment.pipeline)
        self.controls = Controls(experiment, self.nature, self.start)
        absent = {"queue": not self.nature.has_queue, "loops": not self.nature.has_loops}
        names = [name for name in PANELS if not absent.get(name)]
        self.panels = {name: widgets.HTML() for name in names}
        self.status = self.controls.status
        self.alarms = widgets.HTML()
        alone = len(names) % 2 == 0  # in a row of its own, where there are two columns
        self.log = widgets.HTML(layout={"grid_column": "1 / -1"} if alone else {})
        self.view = widgets.VBox(
            [
                self.controls.view,
                self.alarms,
                widgets.GridBox(
                    [*self.panels.values(), self.log],
                    layout={"grid_template_columns": COLUMNS, "grid_gap": "10px 28px", "margin": "10px 0 0 0"},
                ),
            ]
        )
        experiment.listeners.append(self._hear)
        self._frame()

    # ---- what it shows

    @property
    def state(self) -> str:
        """In a word or two: how the run is."""
        experiment = self.experiment
        if experiment.running:
            if self.scene.draining:
                return "stopping"
            return "paused" if experiment.paused else "running" if self.scene.events else "starting"
        if experiment.error:
            return "failed"
        return "ended" if self.scene.events else "not started"

    @property
    def line(self) -> str:
        """The status line."""
        scene, experiment = self.scene, self.experiment
        totals = [(scene.consumed, "event")]
        if scene.written:
            totals.append((scene.written, "file"))
        if self.nature.has_queue:
            totals.append((scene.queue.deleted, "deleted message"))
        totals += [(n, what) for n, what in ((scene.crash_count, "crash"), (scene.restart_count, "restart")) if n]
        return status_line(self.state, scene.now, experiment.speed, totals, experiment.place)

    def snapshot(self) -> Snapshot:
        """All panels as they are now, in one picture that needs no widgets."""
        return Snapshot(self.line, [PANELS[name](self.scene) for name in self.panels])

    def __repr__(self) -> str:
        lines = [repr(self.snapshot())]
        if self.experiment.error:
            lines.append(f"error: {self.experiment.error}")
        return "\n".join(lines)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        self._shown = True
        bundle = self.view._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        return {**data, "text/plain": repr(self)}

    def _hear(self, event: TraceEvent) -> None:
        """Called in the run's thread."""
        if event.seq == 0:
            self.scene = Scene()
        self.scene.add(event)

    # ---- life

    def start(self) -> Dashboard:
        """Start a fresh run and return at once; a run that goes on is stopped first."""
        with self._life_lock:
            self._begin()
            self._thread = threading.Thread(target=self._follow, name="palleto dashboard", daemon=True)
            self._thread.start()
        return self

    def stop(self) -> None:
        """End the run, and wait until it has ended and its last frame is shown."""
        self.experiment.stop()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    async def run(self, seconds: float | None = None) -> Words:
        """Run within the cell until the run ends, after `seconds` of run time (None: as the experiment says).

        Shows the dashboard in this cell, unless one before shows it, and returns it in words. If the cell is
        interrupted the run is stopped.
        """
        if not self._shown:
            _display(self)
        usual = self.experiment.seconds
        with self._life_lock:
            if seconds is not None:
                self.experiment.seconds = seconds
            self._begin()
        try:
            while self.experiment.running:
                self._frame(whole=False)
                await asyncio.sleep(PERIOD)
        finally:
            self.experiment.seconds = usual
            if self.experiment.running:
                await asyncio.to_thread(self.experiment.stop)
            self._frame()
            self.flush()
        return Words("\n".join(fill(line, TEXT, subsequent_indent="  ") for line in repr(self).splitlines()))

    def _begin(self) -> None:
        self.stop()
        self.scene = Scene()
        self.controls.fresh()
        self._hook()
        self.experiment.start()

    def _follow(self) -> None:
        """Make frames until the run has ended, and a last one."""
        try:
            while self.experiment.running:
                self._frame(whole=False)
                time.sleep(PERIOD)
            self._frame()
        except Exception as error:  # a thread's error is seen by nobody else
            self.alarms.value = _alarm("error", f"the dashboard stands still: {describe(error)}", short=False)
        self.flush()

    def _frame(self, whole: bool = True) -> None:
        """Show the run as it is now. What did not change is not sent.

        What is read, not watched (throughput and what was said), comes with every second frame, or with a whole one.
        """
        with self._frame_lock:
            experiment, scene = self.experiment, self.scene
            scene.clock = experiment.now if experiment.running else 0.0
            whole = whole or self.frames % 2 == 0
            for name, widget in self.panels.items():
                if whole or name != "throughput":
                    _set(widget, PANELS[name](scene).svg())
            _set(self.status, self._status())
            _set(self.alarms, self._alarms())
            if whole:
                _set(self.log, self._log())
            self.controls.update(scene)
            self.frames += 1

    def _status(self) -> str:
        state, rest = self.line.split(" · ", 1)
        sign = {"running": "●", "stopping": "◐", "paused": "❚❚", "failed": "✕"}.get(state, "○")
        doing = ", finishing what is in hand" if state == "stopping" else ""
        text = f"<b>{sign} {escape(state)}</b>{doing} · {escape(rest)}"
        return f'<div style="font-variant-numeric:tabular-nums;line-height:20px">{text}</div>'

    def _alarms(self) -> str:
        with self.scene.lock:
            crashes, broken = list(self.scene.crashes)[-2:], self.scene.broken
        shown = [_alarm("crash", f"{label} at {t:.1f} s: {why}") for t, label, why in crashes]
        if broken:
            shown.append(_alarm("the accounts do not add up", broken))
        if self.experiment.error:
            shown.append(_alarm("error", self.experiment.error, short=False))
        return "".join(shown)

    def _log(self) -> str:
        with self.scene.lock:
            said = list(self.scene.said)
        lines = [f"{t:7.1f} s  {escape(text if len(text) <= 90 else f'{text[:89]}…')}" for t, text in said]
        lines += [""] * (LINES - len(lines))
        heading = '<div style="font-weight:600;font-size:14px;line-height:22px">Said</div>'
        text = "\n".join(lines)
        return f'{heading}<pre style="{LOG}">{text}</pre>'

    # ---- what is saved

    def flush(self) -> None:
        """Send the state of all that is shown once more, for those who ignored it while it changed."""
        with self._frame_lock:
            for widget in (*self.panels.values(), self.status, self.alarms, self.log):
                widget.send_state("value")

    def _hook(self) -> None:
        """Flush at the end of each cell while the run goes on, and of the first one after it has ended."""
        shell = _shell()
        if shell is not None and not self._hooked:
            self._hooked = True
            shell.events.register("post_run_cell", self._after_cell)

    def _after_cell(self, *_: object) -> None:
        running = self.experiment.running
        self._frame()
        self.flush()
        if not running:
            self._hooked = False
            _shell().events.unregister("post_run_cell", self._after_cell)


def _set(widget: Any, value: str) -> None:
    if widget.value != value:
        widget.value = value


def _alarm(what: str, text: str, *, short: bool = True) -> str:
    """A line that says that something is wrong; a short one is cut to the width that there is."""
    cut = "white-space:nowrap;overflow:hidden;text-overflow:ellipsis" if short else "overflow-wrap:anywhere"
    style = f"border-left:4px solid {RED};padding:0 8px;line-height:20px;{cut}"
    return f'<div style="{style}" title="{escape(text)}"><b>{what}</b> {escape(text)}</div>'


def _shell() -> Any:
    """IPython's shell; None outside of a notebook."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    return get_ipython()


def _display(thing: object) -> None:
    if _shell() is not None:
        from IPython.display import display

        display(thing)  # type: ignore[no-untyped-call]
