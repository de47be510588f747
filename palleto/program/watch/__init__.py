"""A run as it goes, in a terminal: what `--watch` shows.

Read view (what a frame holds), pipeline, gauges and signs, which make its lines of a scene; terminal draws them. Only
terminal is imported with the program: rich, which the others need, is loaded when a run is watched.
"""

from palleto.program.watch.terminal import shows_view, watch

__all__ = ["shows_view", "watch"]
