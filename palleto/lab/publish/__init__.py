"""Executed copies of the notebooks: HTML pages that are read without a kernel and without a network."""

from palleto.lab.publish.notebook import notebooks
from palleto.lab.publish.pages import execute, framed, publish

__all__ = [
    "execute",
    "framed",
    "notebooks",
    "publish",
]
