"""A question as a notebook shows it: in widgets, where there are any, else as its text."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from palleto.errors import SettingError
from palleto.lab.extra import required
from palleto.lab.html import marked
from palleto.lab.questions.answer import choices_of, is_number
from palleto.lab.questions.question import Question, State
from palleto.trace import TraceEvent

_COLOURS: dict[State, str] = {
    "right": "var(--jp-success-color1, #009E73)",
    "wrong": "var(--jp-warn-color1, #D55E00)",
    "not tried": "var(--jp-ui-font-color2, #808080)",
}


class View:
    """A question's widgets: radio buttons or a box for a number, buttons, a line that says the state, and the player.

    The player opens below a wrong answer, at the trace event that decides it; after a right one "Show me" opens it.

    JupyterLab may call the callbacks in another thread than cells; they touch nothing but the question and its widgets.
    """

    def __init__(self, question: Question) -> None:
        widgets = required("ipywidgets")
        self.question = question
        self._quiet = False
        self._shown: TraceEvent | None = None
        wide = {"width": "auto", "max_width": "60rem"}
        text = widgets.HTML(f"<b>{marked(question.text)}</b>", layout=wide)
        if question.choices:
            options = [(choice.label, number) for number, choice in enumerate(question.choices)]
            self._input = widgets.RadioButtons(options=options, value=None, layout=wide, tooltip=question.text)
        else:
            self._input = widgets.Text(
                placeholder=question.how(),
                continuous_update=False,
                description=f"Answer ({question.unit})" if question.unit else "Answer",
                tooltip=f"Your answer to: {question.text}",
                style={"description_width": "initial"},
            )
        self._status = widgets.HTML(layout=wide)
        self._replay = widgets.HTML(layout={"width": "auto"})
        check = self._button(widgets, "Check", "check", self._check, "primary")
        hint = self._button(widgets, "Hint", "lightbulb-o", lambda: question.hint())
        solution = self._button(widgets, "Solution", "key", lambda: question.solution())
        self._show = self._button(widgets, "Show me", "step-forward", self._toggle)
        self._show.layout.display = self._replay.layout.display = "none"
        buttons = widgets.HBox([check, hint, solution, self._show])
        parts = [text, self._input, buttons, self._status, self._replay]
        self.box = widgets.VBox(parts, layout={"margin": "0.5em 0"})
        self.refresh()
        question.listeners.append(self.refresh)
        self._input.observe(self._entered, names="value")

    def _button(self, widgets: Any, text: str, icon: str, act: Callable[[], Any], style: str = "") -> Any:
        button = widgets.Button(
            description=text, icon=icon, button_style=style, tooltip=f"{text}: {self.question.text}",
            layout={"width": "auto"},
        )  # fmt: skip
        button.on_click(lambda _: act())
        return button

    def _check(self) -> None:
        if self.question.check().state == "wrong" and self.question.deciding is not None:
            self._open()

    def _toggle(self) -> None:
        if self._replay.value:
            self._close()
        else:
            self._open()

    def _open(self) -> None:
        self._replay.value = self.question.player()._repr_html_()
        self._replay.layout.display = None
        self._show.description = "Hide"

    def _close(self) -> None:
        self._replay.value = ""
        self._replay.layout.display = "none"
        self._show.description = "Show me"

    def _entered(self, change: Mapping[str, Any]) -> None:
        value = change["new"]
        if self._quiet or value is None or value == "":
            return
        self.question.answer(self.question.choices[value].value if self.question.choices else value)

    def refresh(self) -> None:
        """Show the question's state."""
        asked = self.question
        self._quiet = True
        try:
            if asked.choices:
                known = (n for n, choice in enumerate(asked.choices) if asked.equal(choice.value, asked.given))
                self._input.value = None if asked.given is None else next(known, None)
            elif asked.given is not None or not asked.line:
                self._input.value = (
                    "" if asked.given is None else asked.shown(asked.given).removesuffix(asked.unit).strip()
                )
        finally:
            self._quiet = False
        if asked.deciding is not self._shown:
            self._shown = asked.deciding
            self._show.layout.display = "none" if asked.deciding is None else None
            self._close()
        mark = f'<b style="color: {_COLOURS[asked.state]}">{asked.sign} {asked.state}</b>'
        line = f": {marked(asked.line)}" if asked.line else ""
        self._status.value = (
            f'<div role="status" aria-live="polite" style="color: var(--jp-ui-font-color1, inherit); '
            f'line-height: 1.4; white-space: normal">{mark}{line}</div>'
        )


class NotebookQuestion(Question):
    """A question that shows itself in a notebook."""

    _view: View | None = None

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        try:
            if self._view is None:
                self._view = View(self)
            bundle = self._view.box._repr_mimebundle_(include=include, exclude=exclude)
        except SettingError:  # no ipywidgets here: the text has all of it
            return {"text/plain": repr(self)}
        data = dict(bundle[0] if isinstance(bundle, tuple) else bundle)
        data["text/plain"] = repr(self)
        return data


def question(
    text: str,
    *,
    answer: Any,
    choices: Iterable[Any] | Mapping[str, Any] | None = None,
    of: Any = None,
    tolerance: float = 0.0,
    unit: str = "",
    hint: str | Iterable[str] = (),
    why: str = "",
    shuffle: bool | None = None,
) -> NotebookQuestion:
    """A question to a run: a choice if there are `choices`, else a number.

    answer:    called with the trace events of the latest run; gives a value, a trace event (its time is the answer),
               or a value and the trace event that decides it. None means that the run does not show it. A value
               that is not callable is the answer itself.
    choices:   values, or `{"what is shown": value}`.
    of:        the run: an experiment, a recorder, a list of trace events, or a function that gives one of them.
    tolerance: how far a number may be off, in its own unit.
    hint:      one or more, given one after the other. why: said with a right answer and with the solution.
    shuffle:   mix the choices, always in the same way; by default if they are not all numbers.

    Raises SettingError for a question that cannot be asked: its author's mistake, not the learner's.
    """
    shown = choices_of(choices)
    if choices is not None and len({choice.label.casefold() for choice in shown}) < max(2, len(shown)):
        raise SettingError(f"expected two or more different choices, got: {[choice.label for choice in shown]}")
    if not (is_number(tolerance) and tolerance >= 0):
        raise SettingError(f"expected a tolerance of 0 or more, got: {tolerance!r}")
    if shuffle or (shuffle is None and not all(is_number(choice.value) for choice in shown)):
        random.Random(text).shuffle(shown)
    hints = [hint] if isinstance(hint, str) else list(hint)
    return NotebookQuestion(
        text,
        answer,
        choices=shown,
        of=of,
        tolerance=tolerance,
        unit=unit,
        hints=[each for each in hints if each],
        why=why,
    )
