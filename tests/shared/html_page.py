"""A page, or a part of one, read as a browser would: what it loads, where it leads, what it shows."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}


class Page(HTMLParser):
    """Holds that tags are closed in order.

    `texts`: of the elements of each tag; `anchors`: the headings' ids; `shown`: all that a reader sees.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.anchors: list[str] = []
        self.shown: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == [], "not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag in HEADINGS:
            self.anchors.append(known.get("id") or "")
        if tag not in VOID:
            self._open.append(tag)
        self.texts.setdefault(tag, []).append("")
        if tag == "a":
            self.links.append(known.get("href") or "")
        elif tag == "script":
            self.loaded.append(known.get("src") or "script")
        else:
            names = ("src", "href", "xlink:href", "data", "srcset")
            self.loaded += [value or "" for name, value in attrs if name in names]

    def handle_endtag(self, tag: str) -> None:
        assert tag in VOID or self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data
        if not {"style", "script"} & set(self._open):
            self.shown.append(data)
