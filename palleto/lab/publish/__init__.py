"""Executed copies of the notebooks: HTML pages that are read without a kernel and without a network.

Read the modules in this order: notebook (the notebooks' files, kept equal to the steps), execution, static_widgets
(what is left of widgets without a kernel), frame (a page around it), pages (all of them).
"""

from palleto.lab.publish.execution import execute
from palleto.lab.publish.frame import framed
from palleto.lab.publish.notebook import notebooks
from palleto.lab.publish.pages import publish
from palleto.lab.publish.static_widgets import StaticWidgets

__all__ = [
    "StaticWidgets",
    "execute",
    "framed",
    "notebooks",
    "publish",
]
