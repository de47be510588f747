"""A question as a notebook shows it: in widgets, where there are any, else as its text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from palleto.lab.extra import required
from palleto.lab.html import marked
from palleto.lab.mimebundle import mimebundle
from palleto.lab.questions.question import Question, State

_COLOURS: dict[State, str] = {
    "right": "var(--jp-success-color1, #009E73)",
    "wrong": "var(--jp-warn-color1, #D55E00)",
    "open": "var(--jp-ui-font-color2, #808080)",
}


def anchor_of(name: str) -> str:
    """The id of a question's text in the page, to which links lead."""
    return f"question-{name}"


class View:
    """A question's widgets: radio buttons or a box for a number, two buttons, a line that says the state, the player.

    "Show me" is there once an answer was checked; it gives the answer, and opens the player at the trace event that
    decides it. What is not shown yet is in no widget, and so in no saved notebook.

    JupyterLab may call the callbacks in another thread than cells; they touch nothing but the question and its widgets.
    """

    def __init__(self, question: Question) -> None:
        widgets = required("ipywidgets")
        self.question = question
        self._quiet = False
        wide = {"width": "auto", "max_width": "60rem"}
        anchor = f' id="{anchor_of(question.name)}"' if question.name else ""
        text = widgets.HTML(f"<b{anchor}>{marked(question.text)}</b>", layout=wide)
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
        self._replay = widgets.HTML(layout={"width": "auto", "display": "none"})
        check = self._button(widgets, "Check", "check", lambda: question.check(), "primary")
        self._show = self._button(widgets, "Show me", "step-forward", self._toggle)
        parts = [text, self._input, widgets.HBox([check, self._show]), self._status, self._replay]
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

    def _toggle(self) -> None:
        if self._replay.value:
            self._close()
        elif (shown := self.question.show()).player is not None:
            self._replay.value = shown.player()._repr_html_()
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
        self._show.layout.display = "none" if asked.state == "open" else None
        if not asked.shows and self._replay.value:
            self._close()
        mark = f'<b style="color: {_COLOURS[asked.state]}">{asked.sign} {asked.state}</b>: '
        said = marked(asked.line) if asked.shows or asked.state == "open" else mark + marked(asked.line)
        self._status.value = (
            f'<div role="status" aria-live="polite" style="color: var(--jp-ui-font-color1, inherit); '
            f'line-height: 1.4; white-space: normal">{said}</div>'
        )


class NotebookQuestion(Question):
    """A question that shows itself in a notebook."""

    @cached_property
    def _view(self) -> View:
        return View(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return mimebundle(lambda: self._view.box, repr(self))
