"""What a notebook is given of a thing that shows itself in widgets: its widget, and all of it as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from palleto.errors import SettingError


def mimebundle(view: Callable[[], Any], text: str) -> dict[str, Any]:
    """The mimebundle of the widget that `view` returns, with `text` as its text; the text alone without ipywidgets."""
    try:
        return {**view()._repr_mimebundle_(), "text/plain": text}
    except SettingError:  # of `palleto.lab.extra.required`
        return {"text/plain": text}
