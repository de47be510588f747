"""Sliders for the numbers of a ladder or of deploys, their picture, and one of them to look at: `sliders(...)`.

one = sliders(ladder, figures.ends_side_by_side, deadline=[1, 2, 5, 10], seconds=[2, 4, 8])
one                                    # in a notebook: two sliders, a list, the picture
one.set(deadline=10).look_at("drain")  # the same without a front-end
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from palleto.errors import SettingError, unknown
from palleto.lab.extra import required
from palleto.lab.mimebundle import mimebundle

__all__ = ["Sliders", "sliders"]

ALL = "all of them, compared"


class Sliders:
    """What was made with the numbers that the sliders stand at. Make it with `sliders`.

    numbers: where they stand. made: what came of it; it is kept, so to go back is instant. looked_at: one of these, by
    its name; empty: the picture of all.
    """

    def __init__(
        self,
        make: Callable[..., Mapping[str, Any]],
        show: Callable[[Mapping[str, Any]], Any],
        values: Mapping[str, Sequence[float]],
    ) -> None:
        self._make, self._show, self.values = make, show, values
        self._kept: dict[tuple[float, ...], Mapping[str, Any]] = {}
        self.numbers = {name: choices[0] for name, choices in values.items()}
        self.looked_at = ""
        self.listeners: list[Callable[[], None]] = []

    @property
    def made(self) -> Mapping[str, Any]:
        """What these numbers make."""
        key = tuple(self.numbers.values())
        if key not in self._kept:
            self._kept[key] = self._make(**self.numbers)
        return self._kept[key]

    @property
    def picture(self) -> Any:
        """The picture of all."""
        return self._show(self.made)

    def set(self, **numbers: float) -> Sliders:
        """Move sliders. Raises SettingError for a number that is not one of a slider's."""
        for name, number in numbers.items():
            if number not in self.values.get(name, ()):
                raise SettingError(f"expected {name} to be one of {list(self.values.get(name, ()))}, got: {number!r}")
        self.numbers |= numbers
        return self._changed()

    def look_at(self, name: str = "") -> Sliders:
        """Look at one of them, or without a name at all. Raises SettingError for a name that there is not."""
        if name and name not in self.made:
            raise unknown(name, self.made)
        self.looked_at = name
        return self._changed()

    def _changed(self) -> Sliders:
        for listener in self.listeners:
            listener()
        return self

    def __repr__(self) -> str:
        stand = ", ".join(f"{name} {number:g}" for name, number in self.numbers.items())
        return f"{stand}\n{self.made[self.looked_at] if self.looked_at else self.made!r}"

    @cached_property
    def _view(self) -> View:
        return View(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return mimebundle(lambda: self._view.box, repr(self))


class View:
    """Its widgets: a slider a number, the list, and the picture or what is looked at."""

    def __init__(self, model: Sliders) -> None:
        widgets = required("ipywidgets")
        self._model = model
        wide: dict[str, Any] = {"style": {"description_width": "initial"}}
        self._sliders = {
            name: widgets.SelectionSlider(
                options=list(choices), value=model.numbers[name], description=name, continuous_update=False, **wide
            )
            for name, choices in model.values.items()
        }
        options = [(ALL, ""), *((name, name) for name in model.made)]
        self._list = widgets.Dropdown(
            options=options, value=model.looked_at, description="Look at", layout={"width": "auto"}, **wide
        )
        self._shown = widgets.HTML(layout={"width": "auto"})
        row = widgets.HBox([*self._sliders.values(), self._list], layout={"flex_flow": "row wrap"})
        self.box = widgets.VBox([row, self._shown], layout={"margin": "0.5em 0"})
        for name, slider in self._sliders.items():
            slider.observe(lambda change, name=name: self._set(name, change["new"]), names="value")
        self._list.observe(lambda change: self._look_at(change["new"]), names="value")
        model.listeners.append(self.refresh)
        self.refresh()

    def _set(self, name: str, number: float) -> None:
        if self._model.numbers[name] != number:
            self._model.set(**{name: number})

    def _look_at(self, name: str) -> None:
        if self._model.looked_at != name:
            self._model.look_at(name)

    def refresh(self) -> None:
        """Show where the sliders stand."""
        model = self._model
        for name, slider in self._sliders.items():
            slider.value = model.numbers[name]
        self._list.value = model.looked_at
        if model.looked_at:
            self._shown.value = model.made[model.looked_at]._repr_html_()
        else:
            self._shown.value = f'<div role="status">{model.picture.svg()}</div>'


def sliders(
    make: Callable[..., Mapping[str, Any]], show: Callable[[Mapping[str, Any]], Any], **values: Sequence[float]
) -> Sliders:
    """A slider for each of these numbers, over its values (one or more), the first one first.

    make: called with a number of each name, gives things by their names, each with an HTML form: `ladder`, `rollouts`.
    show: makes one of our figures of them.
    Raises SettingError for a number without values.
    """
    for name, choices in values.items():
        if not choices:
            raise SettingError(f"expected one or more values of {name}, got: none")
    return Sliders(make, show, values)
