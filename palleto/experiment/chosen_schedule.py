"""A schedule that somebody chooses, one decision at a time: whose turn it is, or that time goes on.

    schedule = ChosenSchedule(experiment)
    schedule.options                  # what may come next, in words
    schedule.choose(0).choose(1).back()
    ChosenSchedule(experiment, [0, 1])    # the same run: a list of choices repeats it, byte for byte

After each choice the run is made anew, from its start: it is on virtual time, so that takes milliseconds, and to go
back is to make it with one choice less. Whatever is chosen, a run on a real machine could go so: no stage is as fast as
its order says, each may have its turn late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from palleto.core import ASK, CALL, CAST, EMIT, EVENTS, Message
from palleto.errors import PalletoError, SettingError
from palleto.experiment.experiment import Experiment
from palleto.experiment.repetition import Repetition
from palleto.replay import plural, sentence
from palleto.runtime import Stage
from palleto.trace import Trace, TraceEvent, carried

__all__ = ["ChosenSchedule", "Option"]

DECIDED = (ASK, CALL, CAST, EMIT, EVENTS)
"""Messages that somebody decides about. Others, such as a subscription, are taken at once."""
BESIDE = ("message", "waits", "said", "shown", "started")
"""Kinds of trace events that only tell more of others."""
TELLING = ("crash", "loop_crashed", "handled", "receive", "cast", "loop_ended")
"""Kinds of trace events that say best what happened meanwhile, the best first."""


@dataclass(frozen=True, slots=True)
class Option:
    """What may come next. stage: who takes its next message; None: time goes on. text: what that is, in words."""

    stage: str | None
    text: str

    def __str__(self) -> str:
        return self.text


class ChosenSchedule:
    """An experiment's run up to where the choices end.

    run:     an experiment on virtual time that ends by itself (`seconds` or `until`).
    choices: numbers of options, 0 or more each, the first choice first.

    trace:   what has happened up to there. options: what may come next; none where the run has ended.
    error:   the one line that it ended with, where it failed; else None.
    Raises SettingError for a run that cannot be repeated or fails to begin, and a choice that is none of the options.
    """

    def __init__(self, run: Experiment, choices: Sequence[int] = ()) -> None:
        self.run = run
        self.choices: tuple[int, ...] = ()
        self.trace = Trace()
        self.options: list[Option] = []
        self.error: str | None = None
        self._perform(tuple(choices))

    def __repr__(self) -> str:
        now = self.trace[-1].t if self.trace else 0.0
        lines = [f"At {_seconds(now)}, after {plural(len(self.choices), 'choice')}: {list(self.choices)}"]
        lines += [f"  {number}  {option}" for number, option in enumerate(self.options)]
        return "\n".join(lines if self.options else [*lines, f"  {self.end}"])

    @property
    def end(self) -> str:
        """How the run has ended, in a sentence."""
        return f"The run has failed: {self.error}" if self.error else "The run has ended."

    def choose(self, number: int) -> ChosenSchedule:
        """Let the option of that number happen. Raises SettingError if there is none."""
        self._perform((*self.choices, number))
        return self

    def back(self) -> ChosenSchedule:
        """Undo the last choice, if there is one."""
        self._perform(self.choices[:-1])
        return self

    def reset(self) -> ChosenSchedule:
        """Undo all choices."""
        self._perform(())
        return self

    def _perform(self, choices: tuple[int, ...]) -> None:
        run = _Ordered(self.run, choices)
        run.look()
        self.choices, self.trace, self.options = choices, run.upto, run.possible
        self.error = None if run.enough or self.options else run.error


class _Enough(PalletoError):
    """All that was to be seen of a run has happened."""


class _Ordered(Repetition):
    """A run in which choices decide, and then, to see what comes of it, that time goes on once more.

    upto: the trace where the choices end. possible: what may come then. wrong: the error of a choice that cannot be.
    enough: whether the run was broken off, as nothing more is to be seen.
    """

    def __init__(self, run: Experiment, choices: Sequence[int]) -> None:
        super().__init__(run)
        self.order = self._decide
        self.upto = Trace()
        self.possible: list[Option] = []
        self.wrong: SettingError | None = None
        self.enough = False
        self._choices, self._made = choices, 0
        self._known = 0  # trace events at the last decision
        self._time_goes_on = False
        self._stages: list[Option] | None = None  # the options that are stages, once the choices end

    def look(self) -> None:
        """Run, and see what may come when the choices end. Raises SettingError for a choice that cannot be."""
        trace = self.perform()
        if self.wrong is not None:
            raise self.wrong
        if self._stages is None:  # its end came before
            self.upto = _before_the_end(trace)
            if self._made < len(self._choices):
                raise SettingError(f"expected {self._made} choices, as the run ends then, got: {self._choices}")
        elif not self.possible:  # its end came when time went on
            fresh = _before_the_end(trace[len(self.upto) :]) or self.upto[-1:]
            self.possible = [*self._stages, Option(None, _of_time(trace, fresh, over=True))]

    def _decide(self, waiting: Sequence[Stage]) -> Stage | None:
        for stage in waiting:
            if _next(stage)[0] not in DECIDED:
                return stage
        trace = self.trace.events
        fresh = trace[self._known :]
        over = any(event.kind == "drain" for event in fresh)
        if self._time_goes_on and not over and not any(map(_tells, fresh)):
            return None  # nothing has happened yet
        if self._stages is not None:
            self.possible = [*self._stages, Option(None, _of_time(trace, fresh, over=over))]
        if over or self._stages is not None:
            self.enough = True
            raise _Enough
        self._known = len(trace)
        return self._made_choice(waiting)

    def _made_choice(self, waiting: Sequence[Stage]) -> Stage | None:
        if self._made == len(self._choices):
            self.upto = Trace(self.trace.events)
            self._stages = [Option(stage.label, _of_stage(stage)) for stage in waiting]
            number = len(waiting)
        else:
            number = self._choices[self._made]
            if isinstance(number, bool) or number not in range(len(waiting) + 1):
                self.wrong = SettingError(
                    f"expected choice {self._made + 1} to be the number of an option, 0 to {len(waiting)}, "
                    f"got: {number!r}"
                )
                raise self.wrong
            self._made += 1
        self._time_goes_on = number == len(waiting)
        return None if self._time_goes_on else waiting[number]


def _before_the_end(trace: Sequence[TraceEvent]) -> Trace:
    return Trace(takewhile(lambda event: event.kind != "drain", trace))


def _next(stage: Stage) -> Message:
    """The message that a stage would take."""
    message: Message = stage._mailbox.messages[0]
    return message


def _of_stage(stage: Stage) -> str:
    """The message that it would take, and how many wait behind that, in words."""
    behind = sum(kind in DECIDED for kind, _, _ in stage._mailbox.messages) - 1
    more = f", with {plural(behind, 'message')} behind it" if behind else ""
    return f"{_name(stage)}: {_of(_next(stage))}{more}"


def _name(process: Any) -> str:
    return str(process.name or f"{type(process).__name__} {process.id}")


def _of(message: Message) -> str:
    """A message in words."""
    kind, about, what = message
    if kind == ASK:
        return f"demand of {what} from {_name(about.consumer)}"
    if kind == EVENTS:
        return f"{plural(len(what), 'event')} from {_name(about.producer)}"
    if kind == EMIT:
        return f"{plural(len(what), 'event')} to emit"
    if kind == CALL:
        return "a question"
    events = carried(what).get("carried", [])
    return f"word of {plural(len(events), 'event')}" if events else "a message"


def _seconds(t: float) -> str:
    return f"{round(t, 3):g} s"


def _tells(event: TraceEvent) -> bool:
    """Whether an event is something that a stage or a loop did."""
    return event.stage != "" and event.kind not in BESIDE


def _of_time(trace: Trace, fresh: Sequence[TraceEvent], *, over: bool) -> str:
    """What happens when time goes on, in words."""
    to = f"Time goes on to {_seconds(fresh[-1].t)}"
    if over:
        return f"{to}: the run ends"
    telling = [event for kind in TELLING for event in fresh if event.kind == kind] or list(filter(_tells, fresh))
    return f"{to}: {sentence(telling[0], trace)}"
