"""A question of a notebook, its learner's answers, and the way to the right one.

    kills = ask("step5.kills", of=run)
    kills                       # shows itself
    kills.check(2)              # the same without a mouse
    kills.show()                # the answer, and the event that shows it

Whatever a learner does here is answered by one clear line, never by an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from palleto.lab import solved
from palleto.lab.html import marked
from palleto.lab.links import has
from palleto.lab.player import Player
from palleto.lab.questions.answer import number_of, same
from palleto.lab.questions.definition import Definition
from palleto.replay import Answer, events_of, evidence
from palleto.trace import Trace, TraceEvent

__all__ = ["Question", "State", "Verdict"]

State = Literal["right", "wrong", "open"]

SIGNS: dict[State, str] = {"right": "✓", "wrong": "✗", "open": "○"}


@dataclass(frozen=True)
class Verdict:
    """What a check says, or who shows the answer. True if the question is answered right.

    In a notebook, one that shows the answer opens the player at the trace event that decides the question.
    """

    state: State
    text: str
    player: Callable[[], Player] | None = field(default=None, compare=False)

    def __bool__(self) -> bool:
        return self.state == "right"

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        bundle = {"text/plain": self.text}
        if self.player is not None:
            bundle["text/html"] = f"<p>{marked(self.text)}</p>{self.player()._repr_html_()}"
        return bundle


class Question:
    """A question to a run. Make it with `palleto.lab.ask`.

    definition: what is asked and what is said. name: as "step5.kills".
    of:         the run: an experiment, a recorder, a list of trace events, or a function that gives one of them; or
                several of these by keys (a dict), and the answer's function gets their traces by the same keys.

    `state` is "right", "wrong" or "open", as of the last check; `given` the learner's answer (None: none yet);
    `shows` whether the answer has been asked for with `show`. `listeners` are called after each change of these.
    """

    def __init__(self, definition: Definition, of: Any, name: str = "") -> None:
        self.definition = definition
        self.name = name
        self.text = definition.text
        self.choices = definition.choices
        self.unit = definition.unit
        self.of = of
        self.state: State = "open"
        self.given: Any = None
        self.shows = False
        self.line = ""
        self.listeners: list[Callable[[], None]] = []
        self._wrong: list[Any] = []

    # ---- what a learner does

    def answer(self, value: Any) -> Question:
        """Answer, without a check: a choice's text or value, or a number. `question.answer(2).check()`."""
        given, complaint = self._read(value)
        if complaint:
            self.line = complaint
        else:
            self.given, self.state, self.shows = given, "open", False
            self.line = f"answered: {self.shown(given)}; not checked yet"
        self._changed()
        return self

    def check(self, answer: Any = None) -> Verdict:
        """Say whether the answer is right. If it is wrong, say what to look at; if it is wrong again, give a hint."""
        if answer is not None:
            given, complaint = self._read(answer)
            if complaint:
                return self._say(self.state, complaint)
            self.given = given
        if self.given is None:
            return self._say("open", f"not answered yet; {self.how()}")
        found, complaint = self._solve()
        if complaint:
            return self._say("open", complaint)
        if self.equal(self.given, found.value):
            if self.name:
                solved.add("questions", self.name)
            return self._right()
        if not any(self.equal(self.given, before) for before in self._wrong):  # the same once more is no other try
            self._wrong.append(self.given)
        helps = self.definition.help
        helped = f" {helps[min(len(self._wrong), len(helps)) - 1]}" if helps else ""
        going = " The run still goes on; check again at its end." if self._of("running") is True else ""
        return self._say("wrong", f"not {self.shown(self.given)}.{helped}{going}")

    def show(self) -> Verdict:
        """The right answer, computed from the run, why, and the player at the trace event that decides it."""
        found, complaint = self._solve()
        if complaint:
            return self._say(self.state, complaint)
        seen = f": {evidence.words(found.event, self._trace_with(found.event))}" if found.event else ""
        line = f"The answer is {self.shown(found.value)}{seen}. {self.definition.why}".strip()
        return self._say(self.state, line, self.player)

    def solve(self) -> Verdict:
        """Answer it right, by the run, without its counting as solved: what proves that it can be."""
        found, complaint = self._solve()
        if complaint:
            return self._say(self.state, complaint)
        self.given = found.value
        return self._right()

    def _right(self) -> Verdict:
        return self._say("right", f"{self.shown(self.given)}. {self.definition.why}".strip())

    def player(self, height: int | None = None) -> Player:
        """The player on the latest run, at the trace event that decides the answer; at the first if none does.

        height: as of a Player.
        """
        event = self._solve()[0].event
        return Player(self._trace_with(event), event, height=height)

    def reset(self) -> Question:
        """Forget the answers and the help, as if it had never been tried."""
        self.given, self.state, self.shows, self.line = None, "open", False, ""
        self._wrong.clear()
        self._changed()
        return self

    # ---- how it is decided

    def _solve(self) -> tuple[Answer, str]:
        """The right answer by the latest run, or why there is none yet."""
        nothing = Answer(None, None)
        value: Any = self.definition.answer
        if callable(value):
            traces = self._traces()
            if not all(traces.values()):
                error = self._of("error")
                return nothing, f"the run failed: {error}" if isinstance(error, str) else self._run_first()
            try:
                value = value(traces if isinstance(self.of, Mapping) else traces[None])
            except Exception:  # it looks for what this run did not do
                return nothing, NOT_SHOWN
        found = evidence.answer_of(value)
        if found.value is None:
            return nothing, NOT_SHOWN
        if self.choices and not any(self.equal(choice.value, found.value) for choice in self.choices):
            return nothing, "this run's answer is none of the choices; run the step as it was, then check again"
        return found, ""

    def _traces(self) -> dict[Any, Trace]:
        """The traces of the latest runs by their keys; of a single one by None. Those that there are not are empty."""
        runs = self.of if isinstance(self.of, Mapping) else {None: self.of}
        return {key: _trace_of(run) for key, run in runs.items()}

    def _trace_with(self, event: TraceEvent | None) -> Trace:
        """The trace that an event is in: of several runs it is of one. The first, if it is in none."""
        traces = list(self._traces().values())
        return next((trace for trace in traces if has(trace, event)), traces[0] if traces else Trace())

    def _of(self, name: str) -> Any:
        """An attribute of the run, or of the first of the runs that has it; None if none has."""
        runs: Iterable[Any] = self.of.values() if isinstance(self.of, Mapping) else [self.of]
        return next((value for run in runs if (value := getattr(run, name, None))), None)

    def _run_first(self) -> str:
        return f"run the cell under “{self.definition.under}” first, then check again"

    def equal(self, given: Any, right: Any) -> bool:
        """Whether two answers are the same, within the tolerance."""
        return same(given, right, self.definition.tolerance)

    def _read(self, value: Any) -> tuple[Any, str]:
        """What a learner's input means, or what is wrong with it."""
        if self.choices:
            text = str(value).strip().casefold()
            for choice in self.choices:
                same_type = isinstance(value, bool) == isinstance(choice.value, bool)
                if (same_type and self.equal(value, choice.value)) or text == choice.label.casefold():
                    return choice.value, ""
            return None, f"expected {self.how()}; got: {value!r:.40}"
        number = number_of(value, self.unit)
        if number is None:
            return None, f"expected {self.how()}; got: {value!r:.40}"
        return number, ""

    def how(self) -> str:
        """What to answer with."""
        if self.choices:
            return f"one of: {' / '.join(choice.label for choice in self.choices)}"
        return f"a number ({self.unit})" if self.unit else "a number"

    def shown(self, value: Any) -> str:
        """An answer as it is shown: a choice's text, or the number and its unit."""
        for choice in self.choices:
            if self.equal(choice.value, value):
                return choice.label
        number = f"{value:.6g}" if isinstance(value, float) else str(value)
        return f"{number} {self.unit}".strip()

    # ---- how it is shown

    def _say(self, state: State, line: str, player: Callable[[], Player] | None = None) -> Verdict:
        self.state, self.line, self.shows = state, line, player is not None
        self._changed()
        return Verdict(state, self.status, player)

    @property
    def sign(self) -> str:
        """The state as a sign."""
        return SIGNS[self.state]

    @property
    def status(self) -> str:
        """The state as a sign and a word, and what was said last; the answer alone, if it is shown."""
        return self.line if self.shows or not self.line else f"{self.sign} {self.state}: {self.line}"

    def __repr__(self) -> str:
        lines = [f"Question: {self.text}"]
        for choice in self.choices:
            chosen = self.given is not None and self.equal(choice.value, self.given)
            lines.append(f"  {'(x)' if chosen else '( )'} {choice.label}")
        if not self.choices:
            lines.append(f"  [{'' if self.given is None else self.shown(self.given)}] {self.how()}")
        if self.status:
            lines.append(self.status)
        if self.state != "right":
            example = repr(self.choices[0].value if self.choices else 1)
            lines.append(f"Answer with .check({example}); .show() shows the answer.")
        return "\n".join(lines)

    def _changed(self) -> None:
        for changed in self.listeners:
            changed()


NOT_SHOWN = "this run did not show the answer; let it run longer, or unchanged, then check again"


def _trace_of(run: Any) -> Trace:
    try:
        return events_of(run() if callable(run) else run)
    except Exception:  # it is not made by the cell above yet, or is something else
        return Trace()
