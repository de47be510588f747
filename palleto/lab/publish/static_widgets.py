"""Widgets as they stood at the end, in plain HTML: what a page without a kernel shows of them.

Reads the widget state that a notebook saves (and that `ipywidgets.embed.dependency_state` gives): what a learner reads
is kept, sliders become their value in words, buttons are left out.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from html import escape, unescape
from typing import Any

VIEW = "application/vnd.jupyter.widget-view+json"
"""The type of an output that shows a widget."""
STATE = "application/vnd.jupyter.widget-state+json"
"""The key of the saved state in a notebook's metadata."""

STYLE = """\
.w-column > * + * { margin-top: 4px; }
.w-row { display: flex; flex-flow: row wrap; gap: 2px 22px; align-items: center; }
.w-setting { font: 13px var(--jp-ui-font-family); color: var(--jp-ui-font-color2); }
.w-setting b { color: var(--jp-ui-font-color1); }
.w-choices { margin: 4px 0; padding-left: 4px; list-style: none; }
.w-choices li::before { content: "○"; margin-right: 8px; }
.w-choices li.chosen::before { content: "●"; }
"""

_BOXES = {"VBoxModel": "w-column", "HBoxModel": "w-row", "BoxModel": "w-row", "GridBoxModel": "w-grid"}
_SLIDERS = ("IntSliderModel", "FloatSliderModel", "FloatLogSliderModel")
_SELECTIONS = ("SelectionSliderModel",)
_SHOW = (
    "this.parentNode.textContent = "
    "new TextDecoder().decode(Uint8Array.from(atob(this.dataset.told), one => one.charCodeAt(0)))"
)
"""What a click on a question's button does: the solution takes its place."""
_TAG = re.compile(r"<[^>]+>")


class StaticWidgets:
    """Makes HTML of the widgets in `models`: ids to `{"model_name": ..., "state": {...}}`.

    solutions: texts of questions to their solutions, each behind a button below its question.
    """

    def __init__(self, models: Mapping[str, Any], solutions: Mapping[str, str] | None = None) -> None:
        self.models = models
        self.solutions = solutions or {}

    def html(self, model: str) -> str:
        """The widget of that id and all in it; empty if nothing in it is to be read."""
        found = self.models.get(model.removeprefix("IPY_MODEL_"))
        if found is None:
            return ""
        name, state = found["model_name"], found["state"]
        if name in _BOXES:
            return self._box(_BOXES[name], state)
        if name in ("HTMLModel", "HTMLMathModel"):
            return f"<div>{state['value']}</div>" if state["value"] else ""
        if name in _SLIDERS:
            return _setting(state["description"], f"{state['value']:.3g}" if state["value"] else "0")
        if name in _SELECTIONS:
            return _setting(state["description"], state["_options_labels"][state["index"]])
        if name == "AnyModel" and "facts" in state:
            from palleto.lab.dashboard.pipeline import still  # needs what made the widget

            return still(state["facts"], state["tree"])
        if name == "RadioButtonsModel":
            return _choices(state["_options_labels"], state["index"])
        return escape(str(state["value"])) if name in ("TextModel", "LabelModel") else ""

    def _box(self, kind: str, state: Mapping[str, Any]) -> str:
        children = state["children"]
        solution = self._solution(children[0]) if children else ""
        inner = "".join(self.html(child) for child in (children[:2] if solution else children)) + solution
        if kind != "w-grid" or not inner:
            return f'<div class="{kind}">{inner}</div>' if inner else ""
        layout = self.models[state["layout"].removeprefix("IPY_MODEL_")]["state"]
        style = f"display:grid;grid-template-columns:{layout['grid_template_columns']};gap:{layout['grid_gap']}"
        return f'<div class="{kind}" style="{escape(style)}">{inner}</div>'

    def _solution(self, model: str) -> str:
        """What to unfold, if that widget is a question's text; it takes the place of its buttons and its state."""
        state = self.models[model.removeprefix("IPY_MODEL_")]["state"]
        solution = self.solutions.get(plain(unescape(_TAG.sub("", str(state.get("value", ""))))))
        if solution is None:
            return ""
        # Not in clear, so that nobody who looks for something else in the page reads it.
        told = base64.b64encode(solution.encode()).decode()
        return f'<p><button type="button" data-told="{told}" onclick="{escape(_SHOW)}">Show me</button></p>'


def plain(text: str) -> str:
    """A question's text without the marks of code: what is left of it in its widget."""
    return text.replace("`", "").strip()


def _setting(name: str, value: str) -> str:
    return f'<span class="w-setting">{escape(name)} <b>{escape(value)}</b></span>'


def _choices(labels: list[str], chosen: int | None) -> str:
    kinds = [' class="chosen"' if n == chosen else "" for n in range(len(labels))]
    items = (f"<li{kind}>{escape(label)}</li>" for kind, label in zip(kinds, labels, strict=True))
    return f'<ul class="w-choices">{"".join(items)}</ul>'
