"""The controls of a dashboard: which there are depends on the pipeline; each calls one handle of the experiment.

Their callbacks may come on any thread (JupyterLab has one for them), so they call nothing but the handles.
"""

from __future__ import annotations

import inspect
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from palleto.experiment import Experiment
from palleto.lab.dashboard.scene import Scene
from palleto.lab.extra import required
from palleto.runtime import Supervisor, TaskSupervisor

widgets = required("ipywidgets")

RATES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
"""Files a second that the arrival rate may be set to."""
AT_ONCE = 0.0
"""Stands for no rate: the sliders of ipywidgets take None for no choice."""
MOST_DEMAND = 30
MOST_COPIES = 12
_STYLE = {"description_width": "initial"}
_WIDE = {"width": "250px", "margin": "2px 16px 2px 2px"}


class Nature:
    """What can be said of a pipeline before it runs: whether it has a queue and server loops, and what its copies are.

    The supervisor is made, not started, to see its children; a pipeline that cannot be made so has no loops to kill.
    """

    def __init__(self, pipeline: Callable[..., Supervisor]) -> None:
        takes = inspect.signature(pipeline).parameters
        self.has_queue = "warehouse" in takes
        try:
            makes = [spec.make for spec in pipeline(**({"warehouse": None} if self.has_queue else {})).children]
        except Exception:
            makes = []
        kinds = [make for make in makes if isinstance(make, type)]
        self.has_loops = any(issubclass(kind, TaskSupervisor) for kind in kinds)
        self.copies = "pipelines" if kinds and issubclass(kinds[-1], Supervisor) else "consumers"


class Controls:
    """Buttons and sliders for an experiment, each an attribute; None where the pipeline has no use for it."""

    def __init__(self, experiment: Experiment, nature: Nature, start: Callable[[], Any]) -> None:
        self.experiment = experiment
        self._quiet = threading.local()
        self._demand_known = self._copies_known = False
        self.start = _button("Start", "stop what runs, and start a fresh run", lambda: _apart(start))
        self.pause = _button("Pause", "let time stand, or let it go on", self._pause)
        self.stop = _button("Stop", "finish what is in hand, and end the run", lambda: _apart(experiment.stop))
        power = math.log10(experiment.speed)
        self.speed = widgets.FloatLogSlider(
            value=experiment.speed, min=min(-1, power), max=max(2, power), step=0.05, readout_format=".3g"
        )
        self.speed.description = "speed"
        self._on(self.speed, experiment.set_speed)
        self.max_demand = widgets.IntSlider(value=10, min=1, max=MOST_DEMAND, description="max_demand")
        self._on(self.max_demand, experiment.resize)
        self.copies = widgets.IntSlider(value=1, min=1, max=MOST_COPIES, description=nature.copies)
        self._on(self.copies, experiment.set_copies)
        # A slider that updates continuously sends its value, rounded to its step, when it is first shown; JupyterLab
        # then waits for the answer to that for ever, and sends nothing more.
        for slider in (self.speed, self.max_demand, self.copies):
            slider.continuous_update = False
        self.rate = self.drop = self.kill_loop = self.crash_loop = None
        if nature.has_queue:
            self.rate = widgets.SelectionSlider(
                options=_rates(experiment.rate), value=experiment.rate or AT_ONCE, description="arrivals"
            )
            self._on(self.rate, self._set_rate)
            self.drop = _button("Drop in a bad file", "put a file that is not gzip into the bucket", experiment.drop)
        if nature.has_loops:
            self.kill_loop = _button("Kill the loop", "only new demand starts another", experiment.kill_loop)
            self.crash_loop = _button("Crash the loop", "as an error in it would", experiment.crash_loop)
        self.stage = widgets.Dropdown(options=[], description="stage", style={"description_width": "initial"})
        self.kill_stage = _button("Kill this stage", "its supervisor starts it again", self._kill_stage)
        self.status = widgets.HTML(layout={"flex": "1 1 auto", "margin": "2px 2px 2px 12px"})
        self.view = self._laid_out()

    def _laid_out(self) -> Any:
        sliders = [one for one in (self.speed, self.max_demand, self.copies, self.rate) if one is not None]
        for slider in sliders:
            slider.style, slider.layout = _STYLE, _WIDE
        self.stage.layout = {"width": "260px"}
        breaks = [self.kill_stage, self.kill_loop, self.crash_loop, self.drop]
        life = widgets.HBox([self.start, self.pause, self.stop, self.status], layout={"align_items": "center"})
        faults = widgets.HBox(
            [self.stage, *(one for one in breaks if one is not None)], layout={"flex_flow": "row wrap"}
        )
        return widgets.VBox([life, widgets.HBox(sliders, layout={"flex_flow": "row wrap"}), faults])

    # ---- what the user does

    def _on(self, slider: Any, handle: Callable[[Any], Any]) -> None:
        def moved(change: Any) -> None:
            if not getattr(self._quiet, "on", False):
                handle(change["new"])

        slider.observe(moved, "value")

    def _pause(self) -> None:
        if self.experiment.paused:
            self.experiment.resume()
        else:
            self.experiment.pause()

    def _set_rate(self, rate: float) -> None:
        self.experiment.rate = rate or None

    def _kill_stage(self) -> None:
        if self.stage.value is not None:
            self.experiment.kill_stage(self.stage.value)

    # ---- what the run does

    def fresh(self) -> None:
        """A run begins: its demand and copies are its pipeline's own again."""
        self._demand_known = self._copies_known = False

    def update(self, scene: Scene) -> None:
        """Let the controls show how the run is."""
        experiment = self.experiment
        running = experiment.running
        with self._by_itself():
            acts = running and not scene.draining
            for button in (self.pause, self.stop, self.kill_stage, self.kill_loop, self.crash_loop, self.drop):
                if button is not None and button.disabled is acts:
                    button.disabled = not acts
            label = "Resume" if experiment.paused else "Pause"
            if self.pause.description != label:
                self.pause.description = label
            if not self._demand_known and scene.first_demand is not None:
                self._demand_known = True
                self.max_demand.max = max(MOST_DEMAND, scene.first_demand)
                self.max_demand.value = scene.first_demand
            if not self._copies_known and scene.first_demand is not None and (copies := experiment.copies):
                self._copies_known = True
                self.copies.max = max(MOST_COPIES, copies)
                self.copies.value = copies
            stages = experiment.stages if running else []
            if stages and list(self.stage.options) != stages:
                chosen = self.stage.value
                self.stage.options = stages
                self.stage.value = chosen if chosen in stages else stages[0]

    @contextmanager
    def _by_itself(self) -> Iterator[None]:
        """Changes made here, in this thread, are not the user's."""
        self._quiet.on = True
        try:
            yield
        finally:
            self._quiet.on = False


def _button(label: str, tooltip: str, click: Callable[[], Any]) -> Any:
    made = widgets.Button(description=label, tooltip=tooltip, layout={"width": "auto", "flex": "0 0 auto"})
    made.on_click(lambda _: click())
    return made


def _apart(function: Callable[[], Any]) -> None:
    """Call what may take seconds in a thread of its own, so that other controls work meanwhile."""
    threading.Thread(target=function, name="palleto button", daemon=True).start()


def _rates(own: float | None) -> list[tuple[str, float]]:
    rates = sorted({*RATES, *([] if own is None else [own])})
    return [*((f"{rate:g} files/s", rate) for rate in rates), ("all at once", AT_ONCE)]
