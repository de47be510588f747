"""Executed copies of the notebooks: HTML pages that are read without a kernel and without a network.

Read the modules in this order: execution (of a notebook), static_widgets (what is left of widgets without a kernel),
frame (a page around it), pages (all of them). Which notebooks there are is in `palleto.lab.notebook`.
"""

from palleto.lab.publish.execution import execute
from palleto.lab.publish.frame import framed
from palleto.lab.publish.pages import publish
from palleto.lab.publish.static_widgets import StaticWidgets

__all__ = [
    "StaticWidgets",
    "execute",
    "framed",
    "publish",
]
