"""The live pipeline: the player's picture of a run that goes on, ten times a second, as a widget.

The kernel sends facts (`palleto.replay.Picture`) of bounded size, and nothing where nothing has changed; the drawing is
the player's own (`live.js`, `lab/player/picture.js`).
"""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from palleto.lab.extra import required
from palleto.lab.player.bundle import bundle
from palleto.lab.player.page import FOLDER
from palleto.replay import Picture, Scene, in_words
from palleto.runtime import Process, System, Task, parent_of

anywidget: Any = required("anywidget")
traitlets: Any = required("traitlets")

NOTHING = '{"boxes": [], "links": [], "hidden": 0}'
ROWS = 100
"""Processes of the supervision tree that are told."""
PAUSE = 5
"""Frames from one look at the supervision tree to the next: it changes rarely, and is not what moves."""
HEIGHT = 320
"""Of the frame of a picture without a kernel, in pixels, until it has been drawn."""


@cache
def _script() -> str:
    return bundle(Path(__file__).parent, "live")


@cache
def _style() -> str:
    """The style, with the widget in the place of a page's root."""
    files = FOLDER / "picture.css", Path(__file__).parent / "live.css"
    return "".join(file.read_text(encoding="utf-8") for file in files).replace(":root", ".palleto-live")


class Drawing(anywidget.AnyWidget):  # type: ignore[misc]
    """The widget: its front-end draws `facts` (of a `Picture`) and `tree` (of `supervision`), both as JSON.

    As texts, as ipywidgets looks through all that is in a dict, and that takes longer than all the rest.
    """

    _esm = f"{_script()}\nexport default {{ render: module_live.render }};"
    _css = _style()
    facts = traitlets.Unicode(NOTHING).tag(sync=True)
    tree = traitlets.Unicode("[]").tag(sync=True)

    def __repr__(self) -> str:
        return f"Pipeline: {in_words(json.loads(self.facts))}"


class LivePipeline:
    """The pipeline of a scene: `widget` shows it, `words` says it, `show` brings both up to date."""

    def __init__(self) -> None:
        self.widget = Drawing()
        self._frames = 0

    @property
    def words(self) -> str:
        """The picture in words, as of the last `show`."""
        return in_words(json.loads(self.widget.facts))

    def show(self, scene: Scene, system: System | None = None) -> None:
        """Show the scene as it is now. system: the run, while it goes on, for the supervision tree."""
        with scene.lock:
            facts = scene.picture.facts(scene.now)
            now = self._frames % PAUSE == 0
            tree = supervision(system, scene.picture) if now and system is not None else []
        self._frames += 1
        self.widget.facts = _json(facts)
        if tree:
            self.widget.tree = _json(tree)

    def flush(self) -> None:
        """Send all of it once more, for those who ignored it while it changed."""
        self.widget.send_state(["facts", "tree"])


def supervision(system: System, picture: Picture) -> list[list[Any]]:
    """Who supervises whom: a row for each process, from the top down, of how deep it is, its label, what it is, and how
    many of its own a supervisor has started again.
    """
    children = defaultdict(list)
    for process in list(system.processes.values()):
        children[parent_of(process)].append(process)
    rows: list[list[Any]] = []

    def add(process: Process, depth: int) -> None:
        kind = process.function.__name__ if isinstance(process, Task) else type(process).__name__
        rows.append([depth, process.label, kind, picture.restarts[process.label]])
        for child in children[process]:
            add(child, depth + 1)

    for top in children[None]:
        add(top, 0)
    return rows[:ROWS]


def _json(value: Any) -> str:
    """JSON that a browser reads: what it has no number for is null."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:  # a stage shows NaN or infinity
        return json.dumps(json.loads(json.dumps(value), parse_constant=lambda name: None))


def still(facts: str, tree: str) -> str:
    """The picture as HTML that needs no kernel: a frame with the same drawing of the same facts, both as JSON."""
    script = f"{_script()}\nmodule_live.still(document.body.firstElementChild, {facts}, {tree});"
    script = script.replace("</script", "<\\/script").replace("<!--", "<\\!--")
    page = (
        f'<!DOCTYPE html><html lang="en" style="color-scheme:light dark"><meta charset="utf-8"><title>Pipeline</title>'
        f'<style>{_style()}</style><body style="margin:0"><div>{escape(in_words(json.loads(facts)))}</div>'
        f"<script>{script}</script>"
    )
    style = f"width:100%;height:{HEIGHT}px;border:0;display:block"
    return f'<iframe title="Pipeline" style="{style}" srcdoc="{escape(page)}"></iframe>'
