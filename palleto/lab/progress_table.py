"""What a learner has solved, as a table with a row a step or lab: `progress()` on the page that lists them.

progress()            # the table, and a button that forgets it all
progress().reset()    # forget it all
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from palleto.errors import SettingError
from palleto.lab import solved
from palleto.lab.challenges.goal import MARK as GOAL
from palleto.lab.challenges.trial import anchor_of as challenge_anchor
from palleto.lab.exercises import names
from palleto.lab.extra import required
from palleto.lab.questions.definition import MARK as QUESTION
from palleto.lab.questions.widgets import anchor_of as question_anchor

__all__ = ["Progress", "progress"]

Item = tuple[str, str, bool]
"""The name of a question or a challenge, its anchor in the notebook, and whether it is solved."""


class Progress:
    """Which questions and challenges of each step are solved, as of this moment."""

    def __init__(self) -> None:
        done = solved.read()
        self.rows: dict[str, tuple[list[Item], list[Item]]] = {}
        for place, (kind, mark, anchor) in enumerate(
            [("questions", QUESTION, question_anchor), ("challenges", GOAL, challenge_anchor)]
        ):
            for name in names(kind, mark):
                row = self.rows.setdefault(name.partition(".")[0], ([], []))
                row[place].append((name, anchor(name), name in done[kind]))

    def reset(self) -> Progress:
        """Forget what was solved, and return the table as it is then."""
        solved.write({"questions": [], "challenges": []})
        return Progress()

    def _cells(self) -> Iterator[tuple[str, str, list[Item]]]:
        """Of each step its name, how many questions are solved, and its challenges."""
        for step, (questions, challenges) in sorted(self.rows.items(), key=lambda row: _rank(row[0])):
            count = sum(right for _, _, right in questions)
            yield step, f"{count} of {len(questions)}", challenges

    def __repr__(self) -> str:
        lines = ["step    questions  challenges"]
        for step, count, challenges in self._cells():
            shown = ", ".join(f"{_sign(right)} {_word(name)}" for name, _, right in challenges)
            lines.append(f"{_title(step):<7} {count:<10} {shown}".rstrip())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = []
        for step, count, challenges in self._cells():
            file = _notebook(step)
            shown = ", ".join(
                f"{_sign(right)} {_link(_word(name), file, anchor)}" for name, anchor, right in challenges
            )
            left = ", ".join(
                _link(_word(name), file, anchor) for name, anchor, right in self.rows[step][0] if not right
            )
            rows.append(_row("td", [_link(_title(step), file), count, left, shown]))
        head = _row("th", ["step", "questions", "still open", "challenges"])
        return f'<table class="palleto-progress"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'

    def _ipython_display_(self) -> None:
        """The table, in the place of which the next one comes when it is reset, and the button for that."""
        display: Any = required("IPython.display").display
        bundle = {"text/html": self._repr_html_(), "text/plain": repr(self)}
        try:
            widgets = required("ipywidgets")
        except SettingError:  # the table has all of it
            display(bundle, raw=True)
            return
        shown: Any = display(bundle, raw=True, display_id=True)
        button = widgets.Button(description="Forget it all", icon="undo", tooltip="Forget which ones are solved")

        def forget(_: Any) -> None:
            left = self.reset()
            shown.update({"text/html": left._repr_html_(), "text/plain": repr(left)}, raw=True)

        button.on_click(forget)
        display(button)


def progress() -> Progress:
    """Which questions and challenges are solved: a table, with links. `.reset()` forgets it all."""
    return Progress()


def _rank(step: str) -> tuple[bool, str]:
    """Steps come before labs."""
    return not step.startswith("step"), step


def _row(cell: str, texts: list[str]) -> str:
    cells = (f'<{cell} style="text-align:left">{text}</{cell}>' for text in texts)
    return f"<tr>{''.join(cells)}</tr>"


def _sign(right: bool) -> str:
    return "✓" if right else "○"


def _title(step: str) -> str:
    return re.sub(r"(?<=[a-z])(?=\d)", " ", step)


def _word(name: str) -> str:
    return name.partition(".")[2].replace("_", " ")


def _notebook(step: str) -> str:
    """The notebook of a step in the working folder; empty if there is none."""
    return next((path.name for path in sorted(Path.cwd().glob(f"{step}_*.ipynb"))), "")


def _link(text: str, file: str, anchor: str = "") -> str:
    if not file:
        return escape(text)
    return f'<a href="{escape(file)}{"#" if anchor else ""}{escape(anchor)}">{escape(text)}</a>'
