"""A learner who is the scheduler: chooses whose turn it is, or that time goes on, until the run is at a goal.

game = be_the_scheduler(experiment, "lost demand")
game                              # in a notebook: a button for each option, and the picture that moves
game.choose(0)                    # the same without a front-end
be_the_scheduler(experiment, "lost demand", choices=[0, 1, 0])    # a list of choices repeats a run
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from html import escape
from inspect import getdoc
from typing import Any, get_args

from palleto.errors import SettingError
from palleto.experiment import ChosenSchedule, Experiment
from palleto.lab.extra import required
from palleto.lab.html import marked
from palleto.lab.mimebundle import mimebundle
from palleto.lab.player import Player
from palleto.replay import Cause, Explanation, Scene, explain, plural
from palleto.runtime import Supervisor, describe
from palleto.trace import Trace

__all__ = ["Scheduler", "be_the_scheduler"]

LONGEST = 60.0
"""Seconds of run time of a pipeline that is given without an experiment."""
LINES = 4
"""Lines said that are shown."""


class Scheduler:
    """What `be_the_scheduler` gives. `schedule`: the run up to now. `choices`: the list that repeats it."""

    def __init__(self, schedule: ChosenSchedule, goal: Callable[[Trace], bool], reach: str) -> None:
        self.schedule, self.goal, self.reach = schedule, goal, reach
        self.listeners: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    @property
    def choices(self) -> list[int]:
        """The numbers of the options that were chosen."""
        return list(self.schedule.choices)

    @property
    def trace(self) -> Trace:
        """What has happened up to now."""
        return self.schedule.trace

    @property
    def reached(self) -> bool:
        """Whether the goal is reached."""
        return bool(self.goal(self.trace))

    @property
    def explanation(self) -> Explanation:
        """Why nothing happens at this moment."""
        return explain(self.trace)

    def choose(self, number: int) -> Scheduler:
        """Let the option of that number happen. Raises SettingError if there is none."""
        return self._act(lambda: self.schedule.choose(number))

    def back(self) -> Scheduler:
        """Undo the last choice, if there is one."""
        return self._act(self.schedule.back)

    def reset(self) -> Scheduler:
        """Undo all choices."""
        return self._act(self.schedule.reset)

    def _act(self, act: Callable[[], Any]) -> Scheduler:
        with self._lock:  # two clicks may come at once
            act()
            for listener in self.listeners:
                listener()
        return self

    @property
    def line(self) -> str:
        """How it stands, in one line."""
        count = plural(len(self.choices), "choice")
        if self.reached:
            return f"Reached, after {count}: {self.reach}."
        if not self.schedule.options:
            return f"{self.schedule.end} Go back, or begin again."
        return f"At {round(self.trace[-1].t, 3):g} s, after {count}. What comes next?"

    def __repr__(self) -> str:
        lines = [f"To reach: {self.reach}.", self.line]
        lines += [f"  {number}  {option}" for number, option in enumerate(self.schedule.options)]
        if self.reached:
            lines.append(repr(self.explanation))
        return "\n".join(lines)

    @cached_property
    def _view(self) -> View:
        return View(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return mimebundle(lambda: self._view.box, repr(self))


class View:
    """Its widgets: what to reach, the picture, a button for each option, the last lines said, at the end the player.

    JupyterLab may call the callbacks in another thread than cells; they touch only the scheduler and its widgets.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self.widgets = widgets = required("ipywidgets")
        self.scheduler = scheduler
        self._picture, self._shown = _picture(), 0
        wide = {"width": "auto"}
        self._status = widgets.HTML(layout=wide)
        self._options = widgets.VBox(layout={"margin": "2px 0", "min_height": "110px", "align_items": "flex-start"})
        self._buttons: list[Any] = []
        self._back = self._button("Back", scheduler.back, icon="step-backward")
        self._reset = self._button("Reset", scheduler.reset, icon="fast-backward")
        self._list = widgets.HTML(layout=wide)
        self._said = widgets.HTML(layout=wide)
        self._end = widgets.HTML(layout={**wide, "display": "none"})
        title = widgets.HTML(f"<b>You are the scheduler.</b> To reach: {marked(scheduler.reach)}.", layout=wide)
        moves = widgets.HBox([self._back, self._reset, self._list], layout={"align_items": "center"})
        parts = [title, self._picture.widget, self._status, self._options, moves, self._said, self._end]
        self.box = widgets.VBox(parts, layout={"margin": "0.5em 0"})
        self.refresh()
        scheduler.listeners.append(self.refresh)

    def _button(self, text: str, act: Callable[[], Any], **more: Any) -> Any:
        button = self.widgets.Button(description=text, layout={"width": "auto"}, **more)
        button.on_click(lambda _: act())
        return button

    def refresh(self) -> None:
        """Show how it stands."""
        scheduler = self.scheduler
        reached, trace = scheduler.reached, scheduler.trace
        scene = Scene()
        for event in trace:
            scene.add(event)
        if len(scheduler.choices) < self._shown:
            self._begin_picture_anew()
        self._picture.show(scene)
        self._shown = len(scheduler.choices)
        line = f"✓ {scheduler.line}" if reached else scheduler.line
        self._status.value = f'<div role="status" aria-live="polite">{marked(line)}</div>'
        self._show_options()
        for button in (self._back, self._reset):
            button.disabled = not scheduler.choices
        self._list.value = f'<span style="margin-left: 8px">choices: <code>{scheduler.choices}</code></span>'
        said = [f"{t:7.3f} s  {line}" for t, line in list(scene.said)[-LINES:]]
        self._said.value = f'<pre style="margin: 4px 0; line-height: 1.4">{escape(chr(10).join(said))}</pre>'
        self._show_end(reached)

    def _begin_picture_anew(self) -> None:
        """Who goes back sees another moment: a picture that goes on would let flow what was asked and sent since."""
        old, self._picture = self._picture.widget, _picture()
        self.box.children = [self._picture.widget if part is old else part for part in self.box.children]
        old.close()

    def _show_options(self) -> None:
        options = self.scheduler.schedule.options
        while len(self._buttons) < len(options):
            number = len(self._buttons)
            self._buttons.append(self._button("", partial(self.scheduler.choose, number)))
        for button, option in zip(self._buttons, options, strict=False):
            button.description = button.tooltip = option.text
            button.icon = "clock-o" if option.stage is None else "envelope-o"
        if len(self._options.children) != len(options):
            self._options.children = self._buttons[: len(options)]

    def _show_end(self, reached: bool) -> None:
        self._end.layout.display = None if reached else "none"
        if not reached:
            self._end.value = ""
            return
        explanation = self.scheduler.explanation
        player = Player(self.scheduler.trace, explanation.event)
        self._end.value = explanation._repr_html_() + player._repr_html_()


def _picture() -> Any:
    """An empty picture. Imported here, as who plays without widgets needs none."""
    from palleto.lab.dashboard.pipeline import LivePipeline

    return LivePipeline()


def be_the_scheduler(
    pipeline: Experiment | Callable[..., Supervisor],
    goal: str | Callable[[Trace], bool],
    *,
    reach: str | None = None,
    choices: Sequence[int] = (),
) -> Scheduler:
    """Let the learner choose, again and again, who takes its next message, or that time goes on.

    pipeline: an experiment on virtual time that ends by itself, or the function that makes a pipeline.
    goal:     a cause of `explain`, such as "lost demand", or a function that says of a trace whether it is reached.
    reach:    what to reach, in words. None: the cause, or the first line of the function's docstring.
    choices:  the choices that are made already, as the numbers of their options: they repeat a run.

    Raises SettingError for a run that cannot be repeated, a goal that is no cause, or choices that cannot be made.
    """
    experiment = pipeline
    if not isinstance(experiment, Experiment):
        experiment = Experiment(experiment, virtual=True, seconds=LONGEST)
    if callable(goal):
        named = getdoc(goal) or str(getattr(goal, "__name__", ""))
        scheduler = Scheduler(ChosenSchedule(experiment, choices), goal, reach or named.partition("\n")[0].rstrip("."))
        try:
            _ = scheduler.reached
        except Exception as error:
            what = "expected a goal that says of a trace whether it is reached"
            raise SettingError(f"{what}, got one that raises {describe(error)}") from None
        return scheduler
    if goal not in get_args(Cause):
        raise SettingError(f"expected a cause of explain ({', '.join(get_args(Cause))}), got: {goal!r}")

    def reached(trace: Trace) -> bool:
        return explain(trace).cause == goal

    return Scheduler(ChosenSchedule(experiment, choices), reached, reach or goal)
