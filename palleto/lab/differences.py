"""The difference of two steps, section by section, as a notebook shows it.

    difference("step4", "step5")
    difference("step4", "step5", beside=compare(four, five))     # and what two runs of them do otherwise

Changed lines are lit and begin with + or -; what is the same in both is folded. No JavaScript; the colours are those
of JupyterLab's theme, and see-through, so that they are read on light and on dark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from itertools import groupby
from typing import Any

from palleto.errors import SettingError
from palleto.lab.html import marked
from palleto.program import Change, Lesson, Line, counted, lesson, stretches
from palleto.replay import Comparison

__all__ = ["StepDifference", "difference"]

SIGNS = {"kept": " ", "added": "+", "removed": "-"}
TAGS = {"kept": "span", "added": "ins", "removed": "del"}

STYLE = """\
<style>
.palleto-difference { color: var(--jp-content-font-color1, inherit); max-width: 62rem; }
.palleto-difference details { margin: 0.3em 0; border: 1px solid var(--jp-border-color2, rgba(128,128,128,.4)); \
border-radius: 4px; }
.palleto-difference summary { padding: 0.25em 0.7em; cursor: pointer; }
.palleto-difference summary .quiet { color: var(--jp-content-font-color2, inherit); }
.palleto-difference details details { margin: 0; border: 0; border-radius: 0; }
.palleto-difference details details summary { color: var(--jp-content-font-color2, inherit); font-size: 90%; }
.palleto-difference .code { font-family: var(--jp-code-font-family, ui-monospace, Menlo, Consolas, monospace); \
font-size: var(--jp-code-font-size, 13px); line-height: 1.4; overflow-x: auto; padding: 0.2em 0; }
.palleto-difference .lines { display: inline-block; min-width: 100%; }
.palleto-difference .line { display: block; white-space: pre; padding-right: 1em; text-decoration: none; \
border-left: 4px solid transparent; color: inherit; background: none; }
.palleto-difference .sign { display: inline-block; width: 2em; text-align: center; user-select: none; }
.palleto-difference ins.line { background: rgba(0,158,115,.2); border-left: 4px solid #009E73; }
.palleto-difference.beside { max-width: none; }
.palleto-difference .sides { display: flex; flex-wrap: wrap; gap: 0 1.5em; align-items: flex-start; }
.palleto-difference .sides > div { flex: 1 1 24rem; min-width: 0; }
.palleto-difference del.line { background: rgba(213,94,0,.2); border-left: 4px double #D55E00; }
</style>
"""


class StepDifference:
    """What changes from one step to another. Shows itself in a notebook; `str` is the same as plain text.

    beside: the comparison of two runs of them, or None.
    """

    def __init__(self, before: Lesson, after: Lesson, beside: Comparison | None = None) -> None:
        self.before, self.after, self.beside = before, after, beside
        self.changes = lesson.difference(before, after)

    @property
    def why(self) -> str:
        """The step's reason in one paragraph, if the two are neighbours; else empty."""
        if self.after.number != self.before.number + 1:
            return ""
        return " ".join(self.after.why.partition("\n\n")[0].split())

    def __repr__(self) -> str:
        return "\n".join(self._text())

    def _text(self) -> Iterator[str]:
        yield f"Step {self.before.number}: {self.before.title}"
        yield f"Step {self.after.number}: {self.after.title}"
        if self.beside is not None:
            yield f"\n{self.beside!r}"
        for change in self.changes:
            yield ""
            yield f"{change.name}: {counted(change)}"
            if change.kind == "unchanged":
                continue
            for stretch in stretches(change):
                if isinstance(stretch, Line):
                    yield f"{SIGNS[stretch.mark]} {stretch.text}".rstrip()
                else:
                    yield f"  ... {len(stretch)} lines, the same in both"

    def _repr_html_(self) -> str:
        heading = (
            f"<p><b>From step {self.before.number}</b> ({escape(self.before.title)}) "
            f"<b>to step {self.after.number}</b> ({escape(self.after.title)})"
            f"<br><span>{SIGNS['added']} added, {SIGNS['removed']} removed; open a line to see what is the same.</span>"
            "</p>"
        )
        why = f"<p><b>Why:</b> {marked(self.why)}</p>" if self.why else ""
        if self.beside is None:
            sections = "".join(_section(change) for change in self.changes)
            return f'{STYLE}<div class="palleto-difference">{heading}{why}{sections}</div>'
        sections = "".join(_section(change, open_=False) for change in self.changes if change.kind != "unchanged")
        sides = f"<div>{self.beside._repr_html_()}</div><div>{heading}{sections}</div>"
        return f'{STYLE}<div class="palleto-difference beside"><div class="sides">{sides}</div></div>'

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}


def difference(before: str | int, after: str | int, *, beside: Comparison | None = None) -> StepDifference:
    """The difference of two steps: `difference("step4", "step5")`, or their numbers.

    beside: the comparison of two runs of them; it is shown beside the code, which is folded then.
    Raises SettingError for a step that there is not.
    """
    return StepDifference(lesson.read(_number(before)), lesson.read(_number(after)), beside)


def _number(step: Any) -> int:
    match = re.fullmatch(r"\s*(?:step)?[ _]*(\d+)\s*", str(step), re.IGNORECASE | re.ASCII)
    if match is None or isinstance(step, bool) or int(match[1]) not in lesson.STEPS:
        first, last = lesson.STEPS[0], lesson.STEPS[-1]
        raise SettingError(f'expected a step, "step{first}" to "step{last}", got: {step!r:.60}')
    return int(match[1])


def _section(change: Change, *, open_: bool = True) -> str:
    summary = f'<summary><b>{escape(change.name)}</b> <span class="quiet">{counted(change)}</span></summary>'
    if change.kind == "unchanged":
        return f"<details>{summary}{_code(list(change.lines))}</details>"
    parts = []
    for folded, group in groupby(stretches(change), key=lambda stretch: isinstance(stretch, list)):
        for stretch in [list(group)] if not folded else group:
            code = _code(stretch)  # type: ignore[arg-type]
            same = f"{len(stretch)} lines, the same in both"  # type: ignore[arg-type]
            parts.append(f"<details><summary>{same}</summary>{code}</details>" if folded else code)
    return f"<details{' open' if open_ else ''}>{summary}{''.join(parts)}</details>"


def _code(lines: list[Line]) -> str:
    return f'<div class="code"><div class="lines">{"".join(map(_line, lines))}</div></div>'


def _line(line: Line) -> str:
    tag, text = TAGS[line.mark], escape(line.text)
    return f'<{tag} class="line"><span class="sign">{SIGNS[line.mark]}</span>{text}\n</{tag}>'
