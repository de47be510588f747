"""A table, as plain text for a terminal and as HTML for a notebook that follows its theme."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from palleto.errors import one_line

__all__ = ["html_table", "text_table"]

STYLE = """\
<style>
.palleto-replay { color: var(--jp-content-font-color1, inherit); max-width: 72rem; }
.palleto-replay table { border-collapse: collapse; margin: 0.4em 0; }
.palleto-replay tr th, .palleto-replay tr td { text-align: left !important; \
vertical-align: top !important; padding: 0.2em 0.9em 0.2em 0; \
border-bottom: 1px solid var(--jp-border-color2, rgba(128,128,128,.4)); white-space: normal; }
.palleto-replay tr .short { white-space: nowrap; }
.palleto-replay code { font-family: var(--jp-code-font-family, ui-monospace, Menlo, Consolas, monospace); }
</style>
"""

SHORT = 28
"""Letters of a cell that stays in one line; a title is broken sooner, as it stands above numbers."""


def text_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The rows under their head, in columns; the last column is as wide as it needs to be.

    >>> print(text_table(["t", "what"], [["0.5", "asked"], ["12.0", "emitted"]]))
    t     what
    0.5   asked
    12.0  emitted
    """
    lines = [[one_line(cell) for cell in line] for line in (head, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]).rstrip()
        for line in lines
    )


def html_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, before: str = "", after: str = "") -> str:
    """The same as HTML, with prose (plain text, a paragraph each) before and after it."""
    cells = "".join("<tr>" + "".join(_cell("td", one_line(cell), SHORT) for cell in row) + "</tr>" for row in rows)
    titles = "".join(_cell("th", cell, SHORT // 3) for cell in head)
    table = f"<table><thead><tr>{titles}</tr></thead><tbody>{cells}</tbody></table>" if cells else ""
    return f'{STYLE}<div class="palleto-replay">{_prose(before)}{table}{_prose(after)}</div>'


def _cell(tag: str, text: str, short: int) -> str:
    kind = ' class="short"' if 0 < len(text) <= short else ""
    return f"<{tag}{kind}>{escape(text)}</{tag}>"


def _prose(text: str) -> str:
    return "".join(f"<p>{escape(one_line(part))}</p>" for part in text.split("\n") if part)
