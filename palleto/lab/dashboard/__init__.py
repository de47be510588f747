"""The live dashboard of a notebook: panels that follow a run, and controls that act on it.

Read the modules in this order: series (what is remembered of the past, in bounded memory), scene (what a run looks like
at one moment, built from its trace), panels (pictures of a scene), snapshot (all of them as one picture, and in words),
controls (each calls a handle of the experiment), dashboard (all of it as one widget).
"""

from palleto.lab.dashboard.dashboard import Dashboard

__all__ = [
    "Dashboard",
]
