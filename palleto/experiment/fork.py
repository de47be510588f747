"""Fork a moment: the run up to a trace event as it was, then one change, and both futures side by side.

    fork(run, at=event, pipelines=6)
    fork(run, at=1200, kill="Pipeline1Consumer")

The run is repeated from its beginning, with the same seed, and the change is made in the very moment of the event: so
the two are the same up to there, byte for byte, and where nothing changes they are the same to the end.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from palleto.errors import SettingError
from palleto.experiment import changes
from palleto.experiment.experiment import Experiment
from palleto.experiment.repetition import Change, Repetition
from palleto.replay import Comparison
from palleto.runtime import Consumer, ProducerConsumer, System
from palleto.trace import Trace, TraceEvent, line_of

__all__ = ["Fork", "fork"]


class Fork:
    """Two futures of one run. `before` is the trace as it was, `after` the one with the change, `at` where they fork.

    comparison: the differences of the two (`palleto.lab.compare`).
    """

    def __init__(self, before: Trace, after: Trace, at: TraceEvent, change: str) -> None:
        self.before, self.after, self.at, self.change = before, after, at, change
        self.comparison = Comparison(before, after, ("the run as it was", f"the run with {change}"))

    @property
    def same(self) -> bool:
        """Whether the change made no difference at all."""
        return list(map(line_of, self.before)) == list(map(line_of, self.after))

    @property
    def headline(self) -> str:
        """Where the run forks, and the most telling difference after that."""
        return f"{self._where()} {'Nothing is different.' if self.same else self.comparison.headline}"

    def _where(self) -> str:
        return f"Forked at trace event {self.at.seq}, at {self.at.t:.3f} s, with {self.change}."

    def __repr__(self) -> str:
        return self.headline if self.same else f"{self._where()}\n\n{self.comparison!r}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(self._where())}</p>{self.comparison._repr_html_()}"


def fork(
    run: Experiment,
    at: TraceEvent | int | float,
    *,
    demand: int | None = None,
    pipelines: int | None = None,
    consumers: int | None = None,
    rate: float | None = None,
    kill: str | None = None,
) -> Fork:
    """Run an experiment again up to a moment, make one change there (or none), and run on.

    run:  an experiment on virtual time. If it has not run yet, it runs now. One whose handles were used while it ran
          cannot be repeated.
    at:   a trace event of it, its number, or seconds of run time (a float: the last event until then).
    demand:    what each consumer asks for at a time, 1 or more.
    pipelines, consumers: how many there are, 1 or more: others like the last one start, or the last ones end.
    rate: files that arrive a second, above 0.
    kill: the name of a stage, the id of a loop, or "loops" for all.

    Raises SettingError for more than one change, a number out of range, a name that the run does not have, a moment
    that it does not have or before all has started, a run in real time, or one that does not repeat itself.
    """
    change, words = _change(demand=demand, pipelines=pipelines, consumers=consumers, rate=rate, kill=kill)
    repetition = Repetition(run)
    before = Trace(run.trace.events) if run.trace.events and not run.running else Repetition(run).perform()
    moment = before.until(at)
    if not moment or (isinstance(at, TraceEvent) and moment[-1] != at):
        raise SettingError(f"expected a moment of this run, 0 to {len(before) - 1}, got: {at!r:.60}")
    if kill not in (None, "loops") and all(event.stage != kill for event in before):
        raise SettingError(f"expected the name of a stage or the id of a loop of this run, got: {kill!r}")
    after = repetition.perform(moment[-1].seq, change, words)
    if change is not None and repetition.early:
        raise SettingError(f"expected a moment when the whole pipeline has started, got trace event {moment[-1].seq}")
    if list(map(line_of, after[: len(moment)])) != list(map(line_of, moment)):
        parted = Comparison(before, after)
        raise SettingError(f"expected a run that repeats itself, got another one. {parted.parted}")
    return Fork(before, after, moment[-1], words)


def _change(**asked: Any) -> tuple[Change | None, str]:
    wanted = {name: value for name, value in asked.items() if value is not None}
    if not wanted:
        return None, "no change"
    if len(wanted) > 1:
        raise SettingError(f"expected one change, got {len(wanted)}: {', '.join(wanted)}")
    ((name, value),) = wanted.items()
    if name == "kill":
        return _killed(str(value)), f"{value} killed"
    whole = name != "rate"
    least = isinstance(value, int) and value >= 1 if whole else isinstance(value, int | float) and value > 0
    if not least or isinstance(value, bool):
        raise SettingError(f"expected {name} to be {'1 or more' if whole else 'above 0'}, got: {value!r}")
    if name == "demand":
        return _demand(value), f"a demand of {value}"
    if name == "rate":
        return _rate(value), f"{value:g} files a second"
    return _copies(value), f"{value} {name if value > 1 else name.removesuffix('s')}"


def _demand(number: int) -> Change:
    def change(run: Repetition) -> Callable[[], Any] | None:
        others = [stage for stage in changes.consumers_of(_system(run)) if _terms(stage) - {(number, 0)}]
        return (lambda: [stage.resize(number, 0) for stage in others]) if others else None

    return change


def _terms(stage: Consumer[Any] | ProducerConsumer[Any, Any]) -> set[tuple[int, int]]:
    return {(window.most, window.least) for window in stage.core.windows.values()}


def _copies(number: int) -> Change:
    def change(run: Repetition) -> Callable[[], Any] | None:
        system = _system(run)
        top, children = changes.copies_of(system)
        if top is None or len(children) == number:
            return None
        return lambda: system.tasks.start_soon(changes.set_copies, system, number)

    return change


def _rate(rate: float) -> Change:
    def change(run: Repetition) -> Callable[[], Any] | None:
        return None if run.rate == rate else lambda: setattr(run, "rate", rate)  # for the files that are to come

    return change


def _killed(name: str) -> Change:
    def change(run: Repetition) -> Callable[[], Any] | None:
        kills = [stage.kill for stage in changes.stages_of(_system(run)) if stage.label == name]
        kills += [task.kill for task in changes.tasks_of(_system(run)) if name in ("loops", task.label)]
        return (lambda: [kill() for kill in kills]) if kills else None

    return change


def _system(run: Repetition) -> System:
    assert run.system is not None, "a change is made in a run"
    return run.system
