"""Pieces of HTML that several parts of the lab show: text with code in it, an image with its words."""

from __future__ import annotations

import base64
from html import escape


def marked(text: str) -> str:
    """Text as HTML; what stands between backticks is code.

    >>> marked("`a < b` is true")
    '<code>a &lt; b</code> is true'
    """
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))


def image(png: bytes, width: int, alt: str) -> str:
    """A PNG as an HTML image, `width` CSS pixels wide or less, with words for those who cannot see it.

    JupyterLab gives its own images no alternative text. The background is white, whatever the theme.

    >>> image(b"png", 100, 'a "b"')  # doctest: +ELLIPSIS
    '<img src="data:image/png;base64,cG5n" width="100" alt="a &quot;b&quot;" style="...">'
    """
    data = base64.b64encode(png).decode()
    style = "max-width: 100%; height: auto; background: #fff; border-radius: 6px"
    return f'<img src="data:image/png;base64,{data}" width="{width}" alt="{escape(alt, quote=True)}" style="{style}">'
