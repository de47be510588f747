"""Lists to pick from, a prediction, a run, and the two beside each other: a learner's own trials.

one = bench()                                         # of `palleto.lab.failures` or `palleto.lab.supervision`
one                                                   # in a notebook: lists to pick from, and a button
one.try_it("corrupt gzip", "talk 8", "lost")          # the same without a front-end
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from html import escape
from typing import Any, Protocol

from palleto.errors import SettingError, unknown
from palleto.lab.extra import required
from palleto.lab.html import marked
from palleto.lab.mimebundle import mimebundle

__all__ = ["Bench", "Tried"]

NO_WORD = "expected a prediction: choose one of the words, then run"


class Tried(Protocol):
    """What a bench runs and shows: what was tried, the word that it comes to, and what came of it in a sentence."""

    title: str

    @property
    def word(self) -> str: ...

    @property
    def line(self) -> str: ...

    def _repr_html_(self) -> str: ...


class Bench:
    """Trials that a learner makes, each with a prediction.

    lists:  what there is to pick from, one of each list, by the list's name.
    words:  what a trial may come to.
    make:   makes a trial of what was picked, in the order of the lists.
    what:   says in a sentence what is picked in the first list.
    invite: what is said before the first trial.

    trial: the last one, or None. right: how many predictions were, of how many `tried`.
    """

    def __init__(
        self,
        lists: Mapping[str, Sequence[str]],
        words: Sequence[str],
        make: Callable[..., Tried],
        what: Callable[[str], str],
        invite: str,
    ) -> None:
        self.lists, self.words, self.make, self.what, self.invite = lists, words, make, what, invite
        self.trial: Tried | None = None
        self.predicted = ""
        self.right = self.tried = 0
        self.listeners: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def try_it(self, *picked: str) -> Tried:
        """Run what was picked, one of each list and at last a word, and compare that with what came of it.

        Raises SettingError for names and words that there are not.
        """
        if len(picked) != len(self.lists) + 1:
            raise SettingError(f"expected {', '.join([*self.lists, 'and a prediction'])}, got: {', '.join(picked)}")
        *chosen, predicted = picked
        if predicted not in self.words:
            raise unknown(predicted, self.words)
        with self._lock:  # JupyterLab may call from another thread than cells
            trial = self.make(*chosen)
            self.right += trial.word == predicted
            self.tried += 1
            self.trial, self.predicted = trial, predicted
        for listener in self.listeners:
            listener()
        return trial

    @property
    def line(self) -> str:
        """How the last prediction compares with the run."""
        if self.trial is None:
            return self.invite
        trial, score = self.trial, f"{self.right} of {self.tried} predictions were right."
        if trial.word == self.predicted:
            return f"✓ right: {trial.title}: {trial.word}. {score}"
        return f"✗ not {self.predicted}: {trial.title}: {trial.word}. {score}"

    def __repr__(self) -> str:
        return self.line if self.trial is None else f"{self.line}\n{self.trial.line}"

    @cached_property
    def _view(self) -> View:
        return View(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return mimebundle(lambda: self._view.box, repr(self))


class View:
    """Its widgets: the lists, what is picked in the first in a sentence, the button, the line, and what came of it."""

    def __init__(self, bench: Bench) -> None:
        self._widgets = required("ipywidgets")
        self.bench = bench
        wide = {"width": "auto", "max_width": "60rem"}
        self._lists = [self._list(name, options) for name, options in bench.lists.items()]
        self._word = self._list("Prediction", [("choose", ""), *((word, word) for word in bench.words)])
        self._what = self._widgets.HTML(layout=wide)
        self._run = self._widgets.Button(description="Run", icon="play", button_style="primary")
        self._status = self._widgets.HTML(layout=wide)
        self._found = self._widgets.HTML(layout={"width": "auto"})
        picked = [*self._lists, self._word, self._run]
        row = self._widgets.HBox(picked, layout={"flex_flow": "row wrap", "align_items": "center"})
        self.box = self._widgets.VBox([row, self._what, self._status, self._found], layout={"margin": "0.5em 0"})
        self._run.on_click(lambda _: self._try())
        self._lists[0].observe(lambda _: self._describe(), names="value")
        self._describe()
        self._say(bench.line)
        bench.listeners.append(self.refresh)

    def _list(self, name: str, options: Iterable[Any]) -> Any:
        return self._widgets.Dropdown(
            options=list(options), description=name, tooltip=name, style={"description_width": "initial"},
            layout={"width": "auto", "margin": "2px 12px 2px 0"},
        )  # fmt: skip

    def _describe(self) -> None:
        what = escape(self.bench.what(self._lists[0].value))
        self._what.value = f'<span style="color: var(--jp-ui-font-color1, inherit)">{what}</span>'

    def _try(self) -> None:
        if not self._word.value:
            self._say(NO_WORD)
            return
        self._run.disabled = True
        try:
            self.bench.try_it(*(one.value for one in self._lists), self._word.value)
        finally:
            self._run.disabled = False

    def _say(self, line: str) -> None:
        style = "color: var(--jp-ui-font-color1, inherit); line-height: 1.4; white-space: normal"
        self._status.value = f'<div role="status" aria-live="polite" style="{style}">{marked(line)}</div>'

    def refresh(self) -> None:
        """Show the last trial; the next one begins without a prediction."""
        self._word.value = ""
        self._say(self.bench.line)
        self._found.value = "" if self.bench.trial is None else self.bench.trial._repr_html_()
