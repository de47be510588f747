"""The live dashboard of a notebook: panels that follow a run, and controls that act on it.

Read the modules in this order: panels (pictures of a scene: what a run looks like at one moment, `palleto.replay`),
snapshot (all of them as one picture, and in words), pipeline (live, drawn as in the player), nature (what a pipeline
shows before it runs), controls (each calls a handle of the experiment), dashboard (all of it as one widget).
"""

from palleto.lab.dashboard.dashboard import Dashboard

__all__ = [
    "Dashboard",
]
