"""Questions of a notebook whose answers are computed from the run's own trace.

    kills = question(
        "How many loops are killed before the first event is found?",
        choices=[0, 1, 2, 3],
        answer=lambda trace: tally(trace, kind="loop_killed", before=25),
        of=run,
        hint="Three consumers ask, one after the other.",
    )
    kills                       # shows itself
    kills.answer(2).check()     # the same without a mouse

`answer` gets the trace events of the latest run, and gives a value, or a value and the trace event that decides it
(`palleto.replay.evidence` has words for that). Whatever a learner does here is answered by one clear line, never by an
exception.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from palleto.lab.html import marked
from palleto.lab.player import Player
from palleto.lab.questions.answer import Choice, number_of, same
from palleto.replay import Answer, events_of, evidence
from palleto.trace import TraceEvent

__all__ = ["Question", "State", "Verdict"]

State = Literal["right", "wrong", "not tried"]

SIGNS: dict[State, str] = {"right": "✓", "wrong": "✗", "not tried": "○"}

RUN_FIRST = "run the cell above first, then check again"
HEIGHT = 860
"""The height of a question's player, in CSS pixels: its code, log, pipeline and lanes are seen at once."""


@dataclass(frozen=True)
class Verdict:
    """What a check, a hint or a solution says. True if the question is answered right.

    In a notebook, one that is wrong opens the player at the trace event that decides the question.
    """

    state: State
    text: str
    deciding: TraceEvent | None = None
    player: Callable[[], Player] | None = field(default=None, compare=False)

    def __bool__(self) -> bool:
        return self.state == "right"

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        bundle = {"text/plain": self.text}
        if self.state == "wrong" and self.deciding is not None and self.player is not None:
            bundle["text/html"] = f"<p>{marked(self.text)}</p>{self.player()._repr_html_()}"
        return bundle


class Question:
    """A question, its learner's answer, and the way to the right one. Make it with `palleto.lab.question`.

    `state` is "right", "wrong" or "not tried", as of the last check; `given` the learner's answer (None: none yet);
    `deciding` the trace event that decides the answer, known after a check that found one. `listeners` are called
    after each change of these.
    """

    def __init__(
        self,
        text: str,
        answer: Any,
        *,
        choices: list[Choice],
        of: Any,
        tolerance: float,
        unit: str,
        hints: list[str],
        why: str,
    ) -> None:
        self.text = text
        self.choices = choices
        self.of = of
        self.tolerance = tolerance
        self.unit = unit
        self.why = why
        self.state: State = "not tried"
        self.given: Any = None
        self.deciding: TraceEvent | None = None
        self._answer = answer
        self._hints = hints
        self._hinted = 0
        self.line = ""
        self.listeners: list[Callable[[], None]] = []

    # ---- what a learner does

    def answer(self, value: Any) -> Question:
        """Answer, without a check: a choice's text or value, or a number. `question.answer(2).check()`."""
        given, complaint = self._read(value)
        if complaint:
            self.line = complaint
        else:
            self.given, self.state, self.deciding = given, "not tried", None
            self.line = f"answered: {self.shown(given)}; not checked yet"
        self._changed()
        return self

    def check(self, answer: Any = None) -> Verdict:
        """Say whether the answer is right, and if it is wrong which trace event decides it."""
        if answer is not None:
            given, complaint = self._read(answer)
            if complaint:
                return self._say(self.state, complaint)
            self.given = given
        if self.given is None:
            return self._say("not tried", f"not answered yet; {self.how()}")
        found, complaint = self._solve()
        if complaint:
            return self._say("not tried", complaint)
        self.deciding = found.event
        if self.equal(self.given, found.value):
            return self._say("right", f"{self.shown(self.given)}. {self.why}".strip())
        decided = f" Look at {evidence.words(found.event)}." if found.event else ""
        going = " The run still goes on; check again at its end." if getattr(self.of, "running", False) is True else ""
        return self._say("wrong", f"not {self.shown(self.given)}.{decided}{going}")

    def player(self, height: int = HEIGHT) -> Player:
        """The player on the latest run, at the trace event that decides the answer; at the first if none does.

        height: in the notebook, in CSS pixels, above 0.
        """
        return Player(self._events(), self._solve()[0].event, height=height)

    def hint(self) -> Verdict:
        """The next hint; the last one again when there are no more."""
        if not self._hints:
            return self._say(self.state, "there is no hint for this one")
        number = min(self._hinted, len(self._hints) - 1)
        self._hinted += 1
        of_many = f" {number + 1} of {len(self._hints)}" if len(self._hints) > 1 else ""
        return self._say(self.state, f"hint{of_many}: {self._hints[number]}")

    def solution(self) -> Verdict:
        """The right answer, computed from the run, and the trace event that decides it."""
        found, complaint = self._solve()
        if complaint:
            return self._say(self.state, complaint)
        self.deciding = found.event
        decided = f" Decided by {evidence.words(found.event)}." if found.event else ""
        return self._say(self.state, f"the answer is {self.shown(found.value)}. {self.why}".strip() + decided)

    def reset(self) -> Question:
        """Forget the answer and the hints, as if it had never been tried."""
        self.given, self.state, self.deciding, self._hinted, self.line = None, "not tried", None, 0, ""
        self._changed()
        return self

    # ---- how it is decided

    def _solve(self) -> tuple[Answer, str]:
        """The right answer by the latest run, or why there is none yet."""
        nothing = Answer(None, None)
        value: Any = self._answer
        if callable(value):
            if not (events := self._events()):
                error = getattr(self.of, "error", None)
                return nothing, f"the run failed: {error}" if isinstance(error, str) else RUN_FIRST
            try:
                value = value(events)
            except Exception as error:  # it looks for what this run did not do
                return nothing, f"{self._not_shown()} ({type(error).__name__})"
        pair = isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], TraceEvent | None)
        found = Answer(*value) if pair else Answer(value, None)
        if isinstance(found.value, TraceEvent):
            found = Answer(found.value.t, found.value)  # the event itself: the answer is when it happened
        if found.value is None:
            return nothing, self._not_shown()
        if self.choices and not any(self.equal(choice.value, found.value) for choice in self.choices):
            return nothing, "this run's answer is none of the choices; run the step as it was, then check again"
        return found, ""

    def _events(self) -> list[TraceEvent]:
        """The trace events of the latest run; none where there is no run yet."""
        try:
            return [] if self.of is None else events_of(self.of() if callable(self.of) else self.of)
        except Exception:  # `of` is not made by the cell above yet, or is something else
            return []

    def _not_shown(self) -> str:
        return "this run did not show the answer; let it run longer, or unchanged, then check again"

    def equal(self, given: Any, right: Any) -> bool:
        """Whether two answers are the same, within the tolerance."""
        return same(given, right, self.tolerance)

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

    def _say(self, state: State, line: str) -> Verdict:
        self.state = state
        self.line = line
        self._changed()
        return Verdict(state, f"{SIGNS[state]} {state}: {line}", self.deciding, self.player)

    @property
    def sign(self) -> str:
        """The state as a sign."""
        return SIGNS[self.state]

    @property
    def status(self) -> str:
        """The state as a sign and a word, and what was said last."""
        return f"{SIGNS[self.state]} {self.state}" + (f": {self.line}" if self.line else "")

    def __repr__(self) -> str:
        lines = [f"Question: {self.text}"]
        for choice in self.choices:
            chosen = self.given is not None and self.equal(choice.value, self.given)
            lines.append(f"  {'(x)' if chosen else '( )'} {choice.label}")
        if not self.choices:
            lines.append(f"  [{'' if self.given is None else self.shown(self.given)}] {self.how()}")
        lines.append(self.status)
        if self.state != "right":
            example = repr(self.choices[0].value if self.choices else 1)
            lines.append(f"Answer with .check({example}); there are .hint() and .solution() too.")
        return "\n".join(lines)

    def _changed(self) -> None:
        for changed in self.listeners:
            changed()
