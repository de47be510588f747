"""Panels: each is a function from a scene to a picture that says in words what it shows.

svg draws (a canvas, a plot, colours, numbers); then demand, loops, throughput and queue, in any order.
"""

from __future__ import annotations

from palleto.lab.dashboard.panels.demand import demand
from palleto.lab.dashboard.panels.loops import loops
from palleto.lab.dashboard.panels.queue import queue
from palleto.lab.dashboard.panels.svg import Canvas
from palleto.lab.dashboard.panels.throughput import throughput

__all__ = ["PANELS", "Canvas", "demand", "loops", "queue", "throughput"]

PANELS = {"demand": demand, "loops": loops, "throughput": throughput, "queue": queue}
"""The panels by name, in the order in which a dashboard shows them."""
