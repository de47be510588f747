"""The controls of a dashboard: which there are depends on the pipeline; each calls one handle of the experiment.

Their callbacks may come on any thread (JupyterLab has one for them), so they call nothing but the handles. What cannot
be done is disabled and says why; what was asked for is shown at once, and then what became of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from palleto.experiment import Command, Experiment
from palleto.lab.dashboard.nature import Nature
from palleto.lab.extra import required
from palleto.lab.html import RED
from palleto.replay.scene import Scene

widgets = required("ipywidgets")

SPEEDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
"""How many times faster than real time a run may be set to."""
RATES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
"""Files a second that the arrival rate may be set to."""
AT_ONCE = 0.0
"""Stands for no rate: the sliders of ipywidgets take None for no choice."""
MOST_DEMAND = 30
MOST_COPIES = 12
ANSWERS = 3
"""Commands that are shown, with what became of them."""
CALM = 5
"""Frames in a row without a loop after which it is said that none runs: some last no longer than a blink."""
NOTHING_RUNS = "nothing runs: press Start"
_STYLE = {"description_width": "initial"}
_WIDE = {"width": "250px", "margin": "2px 16px 2px 2px"}
_LINE = "line-height:18px;font-size:12px;color:var(--jp-ui-font-color2,#5a5a5a)"


class Controls:
    """Buttons and sliders for an experiment, each an attribute; None where the pipeline has no use for it.

    lines: what is said below them: "why" something cannot be done, and "answers" to what was asked for.
    start, stop: called, in a thread of their own, by the buttons of that name.
    show: called after each use of a control, so that it answers at once.
    """

    def __init__(
        self,
        experiment: Experiment,
        nature: Nature,
        start: Callable[[], Any],
        stop: Callable[[], Any],
        show: Callable[[], Any],
    ) -> None:
        self.experiment = experiment
        self.nature = nature
        self._show = show
        self._quiet = threading.local()
        self._tooltips: dict[Any, str] = {}
        self._without_loop = CALM
        self.start = self._button("Start", "a fresh run that lasts until Stop", lambda: _apart(start))
        self.pause = self._button("Pause", "let time stand, or let it go on", self._pause)
        self.stop = self._button("Stop", "finish what is in hand, and end the run", lambda: _apart(stop))
        self.speed = self._slider(widgets.SelectionSlider, "speed", experiment.set_speed, **_speeds(experiment.speed))
        self.max_demand = self._slider(
            widgets.IntSlider, "max_demand", experiment.resize, **_whole(self._demand or 1, MOST_DEMAND)
        )
        self.copies = self._slider(
            widgets.IntSlider, nature.noun, self._set_copies, **_whole(self._copies or 1, MOST_COPIES)
        )
        self.rate = self.drop = self.kill_loop = self.crash_loop = None
        if nature.has_queue:
            self.rate = self._slider(widgets.SelectionSlider, "arrivals", self._set_rate, **_rates(experiment.rate))
            self.drop = self._button(
                "Drop in a bad file", "put a file that is not gzip into the bucket", lambda: experiment.drop()
            )
        if nature.has_loops:
            self.kill_loop = self._button("Kill the loop", "only new demand starts another", experiment.kill_loop)
            self.crash_loop = self._button("Crash the loop", "as an error in it would", experiment.crash_loop)
        self.stage = widgets.Dropdown(options=[], description="stage", style=_STYLE, layout={"width": "260px"})
        self.kill_stage = self._button("Kill this stage", "its supervisor starts it again", self._kill_stage)
        self.status = widgets.HTML(layout={"flex": "1 1 auto", "margin": "2px 2px 2px 12px"})
        self.lines = {"why": widgets.HTML(), "answers": widgets.HTML()}
        self.view = self._laid_out()

    def _laid_out(self) -> Any:
        sliders = [one for one in (self.speed, self.max_demand, self.copies, self.rate) if one is not None]
        breaks = [self.kill_stage, self.kill_loop, self.crash_loop, self.drop]
        life = widgets.HBox([self.start, self.pause, self.stop, self.status], layout={"align_items": "center"})
        faults = widgets.HBox(
            [self.stage, *(one for one in breaks if one is not None)], layout={"flex_flow": "row wrap"}
        )
        turned = widgets.HBox(sliders, layout={"flex_flow": "row wrap"})
        return widgets.VBox([life, turned, faults, *self.lines.values()])

    def _button(self, label: str, tooltip: str, click: Callable[[], Any]) -> Any:
        made = widgets.Button(description=label, tooltip=tooltip, layout={"width": "auto", "flex": "0 0 auto"})

        def clicked(_: Any) -> None:
            click()
            self._show()

        made.on_click(clicked)
        self._tooltips[made] = tooltip
        return made

    def _slider(self, kind: Any, label: str, handle: Callable[[Any], Any], **values: Any) -> Any:
        # A slider that updates continuously sends its value, rounded to its step, when it is first shown; JupyterLab
        # then waits for the answer to that for ever, and sends nothing more.
        made = kind(**values, description=label, continuous_update=False, style=_STYLE, layout=_WIDE)

        def moved(change: Any) -> None:
            if not getattr(self._quiet, "on", False):
                handle(change["new"])
                self._show()

        made.observe(moved, "value")
        self._tooltips[made] = ""
        return made

    # ---- what the user does

    def _pause(self) -> None:
        if self.experiment.paused:
            self.experiment.resume()
        else:
            self.experiment.pause()

    def _set_rate(self, rate: float) -> None:
        self.experiment.set_rate(rate or None)

    def _set_copies(self, count: int) -> None:
        self.experiment.set_copies(count, self.nature.noun.removesuffix("s") if count == 1 else self.nature.noun)

    def _kill_stage(self) -> None:
        if self.stage.value is not None:
            self.experiment.kill_stage(self.stage.value)

    # ---- what the run does

    @property
    def _demand(self) -> int | None:
        """What was set, or what the pipeline has of itself, as far as that is known."""
        return self.experiment.max_demand or self.nature.max_demand

    @property
    def _copies(self) -> int | None:
        return self.experiment.wanted_copies or self.nature.copies

    def update(self, scene: Scene) -> None:
        """Let the controls show how the run is."""
        experiment, nature = self.experiment, self.nature
        with self._by_itself():
            label = "Resume" if experiment.paused else "Pause"
            if self.pause.description != label:
                self.pause.description = label
            if nature.max_demand is None:  # then the run shows what it is
                nature.max_demand = scene.first_demand
            if nature.copies is None:
                nature.copies = experiment.copies or None
            _show_whole(self.max_demand, self._demand, MOST_DEMAND)
            _show_whole(self.copies, self._copies, MOST_COPIES)
            _show_choice(self.speed, experiment.speed, _speeds)
            if self.rate is not None:
                _show_choice(self.rate, experiment.rate or AT_ONCE, _rates)
            stages = experiment.stages if experiment.running else []
            if stages and list(self.stage.options) != stages:
                chosen = self.stage.value
                self.stage.options = stages
                self.stage.value = chosen if chosen in stages else stages[0]
            self._explain(scene)
            _set(self.lines["answers"], self._answered())

    def _explain(self, scene: Scene) -> None:
        """Disable what cannot be done, and say why: on it, and in a line."""
        lines: dict[str, list[str]] = {}
        for control, reason in self._reasons(scene):
            if control is None:
                continue
            if control.disabled is not bool(reason):
                control.disabled = bool(reason)
            tooltip = reason or self._tooltips[control]
            if control.tooltip != tooltip:
                control.tooltip = tooltip
            if reason:
                lines.setdefault(reason, []).append(control.description)
        nothing = lines.pop(NOTHING_RUNS, None)
        said = [NOTHING_RUNS] if nothing else []
        said += [f"{', '.join(names)}: {reason}" for reason, names in lines.items()]
        _set(self.lines["why"], f'<div style="{_LINE}">{escape(" · ".join(said))}</div>' if said else "")

    def _reasons(self, scene: Scene) -> list[tuple[Any, str]]:
        """Each control, and why it cannot be used now; empty if it can."""
        experiment = self.experiment
        running, virtual = experiment.running, experiment.virtual
        general = "" if running else NOTHING_RUNS
        if running and scene.draining:
            general = "the run is stopping"
        loops = scene.loops_started - sum(scene.loops_ended.values())
        self._without_loop = 0 if loops else self._without_loop + 1
        no_loop = general or ("no loop runs" if self._without_loop >= CALM else "")
        return [
            (self.pause, "virtual time cannot be paused" if virtual else general),
            (self.stop, general),
            (self.speed, "virtual time has no speed" if virtual else ""),
            (self.rate, "all files have arrived" if running and experiment.arrived else ""),
            (self.kill_stage, general or ("" if self.stage.options else "no stage runs")),
            (self.kill_loop, no_loop),
            (self.crash_loop, no_loop),
            (self.drop, general),
        ]

    def _answered(self) -> str:
        """What was asked for last, the newest first, and what became of it."""
        newest = list(self.experiment.commands)[-ANSWERS:][::-1]
        if not newest:
            return ""
        cut = "white-space:nowrap;overflow:hidden;text-overflow:ellipsis"
        told = " · ".join(_told(command) for command in newest)
        words = "; ".join(map(repr, newest))
        return f'<div role="status" style="{_LINE};{cut}" title="{escape(words)}">{told}</div>'

    @contextmanager
    def _by_itself(self) -> Iterator[None]:
        """Changes made here, in this thread, are not the user's."""
        self._quiet.on = True
        try:
            yield
        finally:
            self._quiet.on = False


def _set(widget: Any, value: str) -> None:
    if widget.value != value:
        widget.value = value


def _told(command: Command) -> str:
    words, outcome = escape(f"asked: {command.words}"), escape(command.outcome)
    if command.state == "failed":
        return f'{words} → <b style="color:{RED}">✕ {outcome}</b>'
    return f"{words} …" if command.state == "asked" else f"{words} → {outcome}"


def _apart(function: Callable[[], Any]) -> None:
    """Call what may take seconds in a thread of its own, so that other controls work meanwhile."""
    threading.Thread(target=function, name="palleto button", daemon=True).start()


def _whole(value: int, most: int) -> dict[str, int]:
    return {"value": value, "min": 1, "max": max(most, value)}


def _show_whole(slider: Any, value: int | None, most: int) -> None:
    if value is not None and slider.value != value:
        slider.max = max(most, value)
        slider.value = value


def _speeds(own: float) -> dict[str, Any]:
    return {"options": [(f"{speed:g}", speed) for speed in sorted({*SPEEDS, own})], "value": own}


def _rates(own: float | None) -> dict[str, Any]:
    rates = sorted({*RATES, *([own] if own else [])})
    return {
        "options": [*((f"{rate:g} files/s", rate) for rate in rates), ("all at once", AT_ONCE)],
        "value": own or AT_ONCE,
    }


def _show_choice(slider: Any, value: float, choices: Callable[[float], dict[str, Any]]) -> None:
    if slider.value != value:
        if value not in (choice for _, choice in slider.options):
            slider.options = choices(value)["options"]
        slider.value = value
