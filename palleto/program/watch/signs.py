"""The signs and colours that a view is drawn with. A sign stands beside a word or a number: colours only help."""

from __future__ import annotations

from typing import NamedTuple

from rich.text import Text

DEMAND, EVENTS, GOOD, BAD, FAINT, HEAD = "yellow", "cyan", "green", "red", "dim", "bold"
WIDE = 80
"""Columns from which on there is room for more words."""


class Signs(NamedTuple):
    """What the view is drawn with."""

    work: str
    waits: str
    crashed: str
    ended: str
    again: str
    loop: str
    up: str
    down: str
    wire: str
    full: str
    part: str
    empty: str
    levels: str
    rule: str
    dot: str
    dots: str


UNICODE = Signs("●", "○", "✕", "■", "↻", "⟲", "◄", "►", "┈", "█", "▓", "░", "▁▂▃▄▅▆▇█", "─", "·", "…")
ASCII = Signs("*", "o", "x", "#", "^", "@", "<", ">", "-", "#", "=", ".", "_.-=+*#@", "-", "-", "~")


def fitted(text: Text, columns: int, signs: Signs) -> Text:
    """The text in so many columns; where it was longer, a sign says so."""
    if text.cell_len > columns > 0:
        text.truncate(columns - 1)
        text.append(signs.dots)
    return text
