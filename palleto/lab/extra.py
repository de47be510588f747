"""The libraries of the extra `notebooks` (ipywidgets, matplotlib, ...), imported when they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from palleto.errors import SettingError


def required(name: str) -> Any:
    """The module of that name. Raises SettingError, with what installs it, if it is missing."""
    try:
        return import_module(name)
    except ImportError:
        raise SettingError(
            f"expected {name} for the notebooks; install it with: pip install 'palleto[notebooks]'"
        ) from None
