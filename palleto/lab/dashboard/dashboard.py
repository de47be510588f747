"""The live dashboard of a notebook: panels that follow a run ten times a second, and controls that act on it.

dash = Dashboard(Experiment(pipeline, speed=5))
dash                              # shown here, and as often as you like; its Start plays until Stop
dash.start()                      # returns at once: the run has its own thread
await dash.run(seconds=60)        # or: within the cell, until the run has ended
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from contextlib import nullcontext, suppress
from html import escape
from textwrap import fill
from typing import Any

from palleto.errors import SettingError, one_line
from palleto.experiment import Experiment
from palleto.lab.dashboard.controls import Controls
from palleto.lab.dashboard.nature import Nature
from palleto.lab.dashboard.panels import PANELS
from palleto.lab.dashboard.pipeline import LivePipeline
from palleto.lab.dashboard.snapshot import Snapshot, Words, status_line
from palleto.lab.extra import required
from palleto.lab.html import AMBER, alarm
from palleto.lab.mimebundle import mimebundle
from palleto.lab.outputs import shell, since
from palleto.replay.scene import LINES, Scene
from palleto.runtime import describe
from palleto.trace import TraceEvent

widgets = required("ipywidgets")

TEXT = 76
"""Characters of a line of words, which fits into a notebook in a window of 800 pixels."""
LOG = (
    "margin:0;line-height:19px;font-size:12px;overflow:hidden;white-space:pre;text-overflow:ellipsis;"
    "width:0;min-width:100%"  # a long line makes no panel wider than its half
)
PERIOD = 0.1
"""Real seconds between two frames."""
PANELS_EVERY = 3
"""Frames from one in which the panels are drawn to the next: they show the past, and take most of a frame's time."""
COLUMNS = "repeat(auto-fill, minmax(min(100%, 380px), 1fr))"
"""Two columns from 788 pixels on, which a notebook has beside JupyterLab's open sidebar; else one."""


REPORTS = 3
"""Lines about what went wrong that are shown."""


class Dashboard:
    """What `experiment` does, live, with controls. Its `view` is the widget; its text says what the panels show.

    A frame is made in a thread of its own (or, in `run`, in the cell) while the run goes on, and once at its end.
    """

    def __init__(self, experiment: Experiment) -> None:
        if not isinstance(experiment, Experiment):
            raise SettingError(f"expected an experiment, got: {experiment!r:.60}")
        self.experiment = experiment
        self.scene = Scene()
        self.frames = 0
        self._shown = False
        self._frame_lock = threading.RLock()
        self._life_lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._hooked = self._saved = False
        self._edited: list[str] = []
        self._reports: deque[tuple[float, str]] = deque(maxlen=REPORTS)
        self._reported = 0
        self.nature = Nature(experiment)
        self.controls = Controls(experiment, self.nature, self.play, self.halt, self._frame)
        absent = {"queue": not self.nature.has_queue, "loops": not self.nature.has_loops}
        names = [name for name in PANELS if not absent.get(name)]
        self.pipeline = LivePipeline()
        self.panels = {name: widgets.HTML() for name in names}
        self.status = self.controls.status
        self.alarms = widgets.HTML()
        alone = len(names) % 2 == 0  # in a row of its own, where there are two columns
        self.log = widgets.HTML(layout={"grid_column": "1 / -1"} if alone else {})
        self.view = widgets.VBox(
            [
                self.controls.view,
                self.alarms,
                self.pipeline.widget,
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
        status, *panels = repr(self.snapshot()).splitlines()
        lines = [status, f"Pipeline: {self.pipeline.words}", *panels]
        lines += [f"at {t:.1f} s: {text}" for t, text in self._reports]
        if self._edited:
            lines.insert(0, since(self._edited))
        if self.experiment.error:
            lines.append(f"error: {self.experiment.error}")
        return "\n".join(lines)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        self._shown = True
        return mimebundle(lambda: self.view, repr(self))

    def _hear(self, event: TraceEvent) -> None:
        """Called in the run's thread."""
        if event.seq == 0:
            self._forget()
        if event.kind == "report":
            self._reports.append((event.t, event.data["text"]))
            self._reported += 1
        self.scene.add(event)

    def _forget(self) -> None:
        self.scene = Scene()
        self._reports.clear()
        self._reported = 0

    # ---- life

    def start(self) -> Dashboard:
        """Start a fresh run and return at once; a run that goes on is stopped first. It ends as the experiment says."""
        self._start(until_stopped=False)
        return self

    def play(self) -> None:
        """What the button Start does: a fresh run that lasts until Stop, fed with files as long."""
        command = self.experiment.asked("start")
        self._frame()
        self._start(until_stopped=True)
        self.experiment.wait_ready()
        if self.experiment.error:
            command.failed(self.experiment.error)
        else:
            command.done()
        self._frame()

    def halt(self) -> None:
        """What the button Stop does."""
        command = self.experiment.asked("stop")
        self._frame()
        self.experiment.stop()
        if self.experiment.running:
            command.failed("it has not ended yet")
        else:
            command.done(self.scene.last)
        self._frame()

    def _start(self, *, until_stopped: bool) -> None:
        with self._life_lock:
            self._begin(until_stopped=until_stopped)
            self._thread = threading.Thread(target=self._follow, name="palleto dashboard", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the run, and wait until it has ended and its last frame is shown."""
        self.experiment.stop()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    async def run(self, seconds: float | None = None) -> Words:
        """Run within the cell until the run ends, after `seconds` of run time (None: as the experiment says).

        Shows the dashboard in this cell, unless one before shows it, and returns it in words. A notebook's cell that
        is interrupted stops the run, and shows the words all the same.
        """
        if not self._shown:
            _display(self)
        usual = self.experiment.seconds
        with self._life_lock:
            if seconds is not None:
                self.experiment.seconds = seconds
            self._begin()
            mine = self.experiment.trace
        # What a kernel's interrupt is to an async cell. Elsewhere it is others who cancel, and they must hear of it.
        interrupts = nullcontext() if shell() is None else suppress(asyncio.CancelledError)
        try:
            with interrupts:
                while self.experiment.running and self.experiment.trace is mine:  # Start may have begun another
                    self._next_frame()
                    await asyncio.sleep(PERIOD)
        finally:
            self.experiment.seconds = usual
            if self.experiment.running and self.experiment.trace is mine:
                with interrupts:
                    await asyncio.to_thread(self.experiment.stop)
            self._frame()
            self.flush()
        return Words("\n".join(fill(line, TEXT, subsequent_indent="  ") for line in repr(self).splitlines()))

    def _begin(self, *, until_stopped: bool = False) -> None:
        self.stop()
        self._forget()
        self._saved = False
        self._hook()
        self.experiment.start(until_stopped=until_stopped)
        self._edited = self.experiment.edited  # the pipeline function itself may be an older one

    def _follow(self) -> None:
        """Make frames until the run has ended, and a last one."""
        try:
            while self.experiment.running:
                self._next_frame()
                time.sleep(PERIOD)
            self._frame()
        except Exception as error:  # a thread's error is seen by nobody else
            self.alarms.value = alarm("error", f"the dashboard stands still: {describe(error)}")
        self.flush()

    def _next_frame(self) -> None:
        self._frame(whole=self.frames % PANELS_EVERY == 0)

    def _frame(self, *, whole: bool = True) -> None:
        """Show the run as it is at one moment, so that no two panels differ. What did not change is not sent.

        whole: the panels and lines too; else the pipeline alone, which is what moves.
        """
        with self._frame_lock:
            experiment, scene = self.experiment, self.scene
            kept = experiment.kept  # not under the scene's lock: the recorder holds its own as it tells the scene
            frame = []
            with scene.lock:
                scene.clock = experiment.now if experiment.running else 0.0
                self.pipeline.show(scene, experiment.system)
                if whole:
                    frame = [(widget, PANELS[name](scene).svg()) for name, widget in self.panels.items()]
                    frame += [(self.status, self._status()), (self.alarms, self._alarms(kept)), (self.log, self._log())]
            self.controls.update(scene)
            for widget, value in frame:
                if widget.value != value:
                    widget.value = value
            self.frames += 1

    def _status(self) -> str:
        state, rest = self.line.split(" · ", 1)
        sign = {"running": "●", "stopping": "◐", "paused": "❚❚", "failed": "✕"}.get(state, "○")
        doing = ", finishing what is in hand" if state == "stopping" else ""
        text = f"<b>{sign} {escape(state)}</b>{doing} · {escape(one_line(rest))}"
        return f'<div style="font-variant-numeric:tabular-nums;line-height:20px">{text}</div>'

    def _alarms(self, kept: float | None) -> str:
        broken = self.scene.broken
        shown = [alarm("made by older code", since(self._edited), AMBER)] if self._edited else []
        if kept is not None:
            shown.append(alarm("long run", f"figures and the player show what was until {kept:,.0f} s", AMBER))
        reports = list(self._reports)
        if self._reported > len(reports):
            shown.append(alarm("before", f"{self._reported - len(reports)} more of this kind"))
        shown += [alarm(f"at {t:.1f} s", text) for t, text in reports]
        if broken:
            shown.append(alarm("the accounts do not add up", broken))
        if self.experiment.error:
            shown.append(alarm("error", self.experiment.error))
        return "".join(shown)

    def _log(self) -> str:
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
            self.pipeline.flush()
            said = (self.status, self.alarms, self.log, *self.controls.lines.values())
            for widget in (*self.panels.values(), *said):
                widget.send_state("value")

    def _hook(self) -> None:
        """Flush at the end of each cell while the run goes on, and of the first one after it has ended.

        And see then whether the code that the run was made of has been edited.
        """
        here = shell()
        if here is not None and not self._hooked:
            self._hooked = True
            here.events.register("post_run_cell", self._after_cell)

    def _after_cell(self, *_: object) -> None:
        running = self.experiment.running
        edited = self.experiment.edited
        if edited != self._edited:
            self._edited, self._saved = edited, False
        if running or not self._saved:
            self._saved = not running
            self._frame()
            self.flush()


def _display(thing: object) -> None:
    if shell() is not None:
        from IPython.display import display

        display(thing)  # type: ignore[no-untyped-call]
