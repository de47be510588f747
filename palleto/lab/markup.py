"""The one mark that the lessons' texts have: what stands between backticks is code."""

from __future__ import annotations

from html import escape


def marked(text: str) -> str:
    """Text as HTML; what stands between backticks is code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))
