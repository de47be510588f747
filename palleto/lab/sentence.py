"""A sentence that a run makes: its numbers come from the trace, and each opens the player where it is seen.

    tell("The last event came at {:.0f} s, {} in all.", evidence.moment(run, text="hey"), evidence.consumed(run))

A value that takes more than one word of evidence is a function of the trace:

    tell("Then nothing for {:.0f} s.", lambda trace: 140 - evidence.consumed(trace).event.t, of=run)

What the run did not do is said in the place of the number; no change of a run makes this an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from string import Formatter
from typing import Any

from palleto.errors import SettingError
from palleto.lab.html import markdown
from palleto.lab.links import Links
from palleto.replay import Answer, events_of
from palleto.replay.evidence import answer_of

__all__ = ["Told", "tell"]

NOT_SHOWN = "(this run did not show it)"


class Told:
    """A sentence of a run, as `tell` makes it: Markdown, in which each number with an event opens the player there."""

    def __init__(self, text: str, values: tuple[Any, ...], named: Mapping[str, Any], of: Any) -> None:
        self._of = of
        self._parts: list[str | tuple[str, Answer]] = list(self._read(text, values, named))

    def _read(self, text: str, values: tuple[Any, ...], named: Mapping[str, Any]) -> Iterator[str | tuple[str, Answer]]:
        following = iter(values)
        for before, name, spec, _ in Formatter().parse(text):
            yield before
            if name is not None:
                value = named[name] if name in named else values[int(name)] if name else next(following)
                answer = self._answer(value)
                yield NOT_SHOWN if answer.value is None else _formatted(answer.value, spec or ""), answer

    def _answer(self, value: Any) -> Answer:
        try:
            return answer_of(value(self._trace()) if callable(value) else value)
        except Exception:  # it looks for what this run did not do
            return Answer(None, None)

    def _trace(self) -> Any:
        if isinstance(self._of, Mapping):
            return {key: events_of(run) for key, run in self._of.items()}
        return events_of(self._of)

    def __repr__(self) -> str:
        return "".join(part if isinstance(part, str) else part[0] for part in self._parts)

    def _repr_html_(self) -> str:
        links, values = Links(), [part for part in self._parts if not isinstance(part, str)]
        marks = (f"\ue000{number}\ue001" for number in range(len(values)))
        # A value is no Markdown: it takes its place when the text around it has become HTML.
        html = markdown("".join(part if isinstance(part, str) else next(marks) for part in self._parts))
        for number, (text, answer) in enumerate(values):
            html = html.replace(f"\ue000{number}\ue001", self._linked(links, text, answer))
        return links.around(html)

    def _linked(self, links: Links, text: str, answer: Answer) -> str:
        runs = self._of.values() if isinstance(self._of, Mapping) else [self._of]
        for run in (answer.run, *runs):
            linked = links.to(text, run, answer.event)
            if linked != escape(text):
                return linked
        return escape(text)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}


def tell(text: str, *values: Any, of: Any = None, **named: Any) -> Told:
    """Text of which the run makes the numbers, as Markdown. Each `{}` is one of the values, as in `str.format`.

    values: a value; an answer of `evidence`, a trace event (its time), or a value and a trace event: a link that opens
            the player there; or a function that gives one of these, called with the trace of `of`.
    of:     the run: needed by functions, and by the links of events without an answer. A dict of several gives
            functions their traces by the same keys.

    Raises SettingError for a text that asks for other values than were given: its author's mistake.
    """
    try:
        return Told(text, values, named, of)
    except (LookupError, RuntimeError, ValueError):
        raise SettingError(
            f"expected a value for each {{}} of the text, got {len(values) + len(named)}: {text!r:.60}"
        ) from None


def _formatted(value: Any, spec: str) -> str:
    if not spec and isinstance(value, float):
        spec = ".0f" if value.is_integer() else ".3g" if abs(value) < 10 else ".1f"
    try:
        return format(value, spec)
    except (TypeError, ValueError):  # a changed run gives another kind of value
        return str(value)
