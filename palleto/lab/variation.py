"""Change one number and see what becomes of it: a slider, and a picture of the run for the value that it stands at.

    vary("max_demand", [1, 2, 5, 10, 20], lambda n: Experiment(eager(n), virtual=True, seconds=100), consumed)

Runs are kept, so going back to a value is instant. Without a front-end the picture of the first value is there.
"""

from __future__ import annotations

import html
import io
from collections.abc import Callable, Sequence
from typing import Any

from palleto.errors import SettingError
from palleto.experiment import Experiment, Variation
from palleto.lab.extra import required
from palleto.lab.html import image
from palleto.lab.mimebundle import mimebundle

PIXELS = 72
"""Pixels that an inch of another's figure is shown with, as many as one of ours."""


class Vary:
    """A slider over the values of a variation.

    show:  makes a picture (a matplotlib figure or what `palleto.lab.figures` returns) or a text of the experiment.
    words: makes one line of it, shown under the picture and in the text form; None: the summary of the run.
    """

    def __init__(
        self,
        variation: Variation,
        show: Callable[[Experiment], Any],
        words: Callable[[Experiment], str] | None = None,
    ) -> None:
        widgets = required("ipywidgets")
        if not callable(show):
            raise SettingError(f"expected a function that shows an experiment, such as a figure, got: {show!r:.60}")
        self.variation = variation
        self._show, self._words = show, words
        self._picture = widgets.HTML()
        self._slider = widgets.SelectionSlider(
            options=variation.values,
            description=variation.name,
            continuous_update=False,
            style={"description_width": "initial"},
        )
        self._slider.observe(lambda change: self.set(change["new"]), names="value")
        self._box = widgets.VBox([self._slider, self._picture])
        self.set(variation.values[0])

    def __repr__(self) -> str:
        return f"<Vary {self.variation.name} = {self.value!r}: {self.line}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return mimebundle(lambda: self._box, repr(self))

    @property
    def value(self) -> Any:
        """The value that is shown."""
        return self._slider.value

    @property
    def experiment(self) -> Experiment:
        """The run of the value that is shown."""
        return self.variation.at(self.value)

    def set(self, value: Any) -> None:
        """Move to a value, and show its run."""
        experiment = self.variation.at(value)
        if self._slider.value != value:
            self._slider.value = value  # comes back here through `observe`
            return
        self.line = self._words(experiment) if self._words is not None else "; ".join(experiment.summary)
        if experiment.error:
            self.line = f"failed: {experiment.error}"
        shown = picture(self._show(experiment), self.line)
        said = html.escape(f"{self.variation.name} = {value}: {self.line}")
        self._picture.value = f"{shown}<p style='line-height: 1.5'>{said}</p>"


def picture(shown: Any, words: str) -> str:
    """A figure of ours as it is shown anywhere; another one as an image with `words`; anything else as text."""
    if not hasattr(shown, "savefig"):
        return f"<pre>{html.escape(str(shown))}</pre>"
    if hasattr(shown, "svg"):
        return str(shown.svg())
    file = io.BytesIO()
    shown.savefig(file, format="png", dpi=100)
    return image(file.getvalue(), round(shown.get_figwidth() * PIXELS), words)


def vary(
    name: str,
    values: Sequence[Any],
    run: Callable[[Any], Experiment],
    show: Callable[[Experiment], Any],
    words: Callable[[Experiment], str] | None = None,
) -> Vary:
    """A slider over `values` (one or more) of the number called `name`.

    run: makes the experiment for a value, see `palleto.experiment.Variation`. show, words: see `Vary`.
    Raises SettingError for no values, for what is no function, for what `run` makes that is no experiment, or if the
    notebooks' extra is missing.
    """
    return Vary(Variation(name, values, run), show, words)
