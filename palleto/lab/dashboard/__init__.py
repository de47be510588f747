"""The live dashboard of a notebook: panels that follow a run, and controls that act on it."""

from palleto.lab.dashboard.dashboard import Dashboard

__all__ = [
    "Dashboard",
]
