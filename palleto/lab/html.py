"""Pieces of HTML that several parts of the lab show: text with code in it, Markdown, an image with its words."""

from __future__ import annotations

import base64
import re
from html import escape

from palleto.errors import one_line

RED, AMBER = "#d55e00", "#e69f00"
"""Of what is wrong, and of what to know. Both are seen on light and on dark."""


def marked(text: str) -> str:
    """Text as HTML; what stands between backticks is code.

    >>> marked("`a < b` is true")
    '<code>a &lt; b</code> is true'
    """
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))


_SPANS = (
    (re.compile(r"\*\*(\S(?:.*?\S)?)\*\*", re.DOTALL), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w*])\*(\S(?:.*?\S)?)\*(?![\w*])", re.DOTALL), r"<em>\1</em>"),
    (re.compile(r"\[([^\]]+)\]\(([^()\s]+)\)"), r'<a href="\2">\1</a>'),
)


def markdown(text: str) -> str:
    """The Markdown that a sentence needs, as HTML: paragraphs, lists of "- ", strong, emphasis, code and links.

    >>> markdown("**Demand** is `10`.")
    '<p><strong>Demand</strong> is <code>10</code>.</p>'
    """
    return "".join(map(_block, filter(None, re.split(r"\n\s*\n", text.strip()))))


def _block(text: str) -> str:
    lines = text.splitlines()
    if all(line.startswith("- ") for line in lines):
        return f"<ul>{''.join(f'<li>{_inline(line[2:])}</li>' for line in lines)}</ul>"
    return f"<p>{_inline(text)}</p>"


def _inline(text: str) -> str:
    parts = escape(text, quote=False).split("`")
    for number in range(0, len(parts), 2):  # the others are code
        for mark, html in _SPANS:
            parts[number] = mark.sub(html, parts[number])
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))


def alarm(what: str, text: str, colour: str = RED) -> str:
    """A line that says that something is wrong."""
    style = f"border-left:4px solid {colour};padding:0 8px;line-height:20px;overflow-wrap:anywhere"
    return f'<div style="{style}"><b>{what}</b> {escape(one_line(text))}</div>'


def image(png: bytes, width: int, alt: str) -> str:
    """A PNG as an HTML image, `width` CSS pixels wide or less, with words for those who cannot see it.

    JupyterLab gives its own images no alternative text. The background is white, whatever the theme.

    >>> image(b"png", 100, 'a "b"')  # doctest: +ELLIPSIS
    '<img src="data:image/png;base64,cG5n" width="100" alt="a &quot;b&quot;" style="...">'
    """
    data = base64.b64encode(png).decode()
    style = "max-width: 100%; height: auto; background: #fff; border-radius: 6px"
    return f'<img src="data:image/png;base64,{data}" width="{width}" alt="{escape(alt, quote=True)}" style="{style}">'
