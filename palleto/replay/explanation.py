"""Why is nothing happening? The chain from a consumer that waits to the cause, in words, each with its trace event.

    explain(run)                  # at the end, before the run was stopped
    explain(run, at=12.5)         # after 12.5 s; or at a trace event, or at its number

The chain goes up the pipeline as demand does: the consumer, who it waits for, what the producer remembers, the loop
that should look, the queue. It ends with the first that does not do its part; `cause` names that in a few words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from palleto.errors import SettingError, one_line
from palleto.replay.moment import Look, Moment, standstill
from palleto.replay.sources import place_of
from palleto.replay.table import html_table
from palleto.runtime.standstill import events, remembers, waits
from palleto.trace import Trace, TraceEvent

__all__ = ["CAUSES", "Cause", "Explanation", "Reason", "explain"]

Cause = Literal[
    "out of restarts", "crashed stage", "crashed loop", "killed loop", "lost demand", "forgotten demand",
    "all in flight", "empty queue", "nothing found yet", "between polls", "busy", "no demand", "no pipeline",
    "under way",
]  # fmt: skip

CAUSES: tuple[Cause, ...] = get_args(Cause)
"""Where a chain can end, the gravest first: of several consumers the one with the gravest is told."""

PASSING = ("crashed stage", "killed loop", "forgotten demand", "between polls", "no demand", "no pipeline")
"""What also looks so for a moment while messages are on their way, and is a cause only if nothing follows at once."""
AT_ONCE = 0.01
"""Seconds within which the next event of a trace follows where nothing waits."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One link of the chain: who, what about it, and the trace event that shows it, if one does."""

    who: str
    text: str
    event: TraceEvent | None = None

    def __str__(self) -> str:
        at = "" if self.event is None else f" [{self.event.t:.3f} s{_place(self.event)}]"
        return one_line(f"{self.who} {self.text}{at}")


class Explanation:
    """A chain of reasons. `cause` is the last of them in a word or two, `event` the trace event that decides it.

    others: the chains of the other consumers, by name, where they end otherwise.
    """

    def __init__(self, t: float, reasons: list[Reason], cause: Cause, others: dict[str, Cause]) -> None:
        self.t, self.reasons, self.cause, self.others = t, reasons, cause, others

    @property
    def event(self) -> TraceEvent | None:
        """The last trace event that the chain names: open the player there."""
        return next((reason.event for reason in reversed(self.reasons) if reason.event is not None), None)

    @property
    def sentence(self) -> str:
        """The chain in one sentence."""
        words = "; ".join(f"{reason.who} {reason.text}" for reason in self.reasons) + "."
        return words.replace("; Its ", "; its ").replace("; The ", "; the ")

    def _others(self) -> str:
        return "; ".join(f"{name}: {cause}" for name, cause in self.others.items())

    def __repr__(self) -> str:
        lines = [f"At {self.t:.3f} s: {self.cause}"]
        lines += [f"{'  ' * depth}└─ {reason}" for depth, reason in enumerate(self.reasons)]
        return "\n".join(lines + ([f"Of the others, {self._others()}"] if self.others else []))

    def _repr_html_(self) -> str:
        rows = [
            (reason.who, reason.text, "" if reason.event is None else f"{reason.event.t:.3f} s{_place(reason.event)}")
            for reason in self.reasons
        ]
        after = f"Of the others, {self._others()}." if self.others else ""
        return html_table(("who", "why", "shown by"), rows, before=f"At {self.t:.3f} s: {self.cause}.", after=after)


def explain(run: Any, at: TraceEvent | int | float | None = None, *, stage: str | None = None) -> Explanation:
    """Why nothing happens at a moment of a run.

    run:   an experiment, a recorder, a trace or a list of trace events.
    at:    a trace event, its number, or seconds of run time (a float); None: the last moment before the run's end.
    stage: the consumer to begin with; None: the one whose chain ends with the gravest cause.

    Raises SettingError for what is no run, a moment below 0, or a stage that is not in it.
    """
    trace = Trace.of(run)
    if isinstance(at, int | float) and at < 0:
        raise SettingError(f"expected a moment of the run, from 0 up, got: {at!r}")
    past = standstill(trace) if at is None else trace.until(at)
    moment = Moment.of(past)
    following = trace[len(past)] if past and len(past) < len(trace) else None
    if isinstance(at, float):
        moment.t = at  # time goes on where nothing happens
    elif at is None and following is not None:
        moment.t = following.t
    sinks = moment.sinks
    if stage is not None:
        if stage not in moment.lives:
            raise SettingError(f"expected a stage of the run ({', '.join(sinks) or 'none'}), got: {stage!r}")
        sinks = [stage]
    chains = {name: _Chain(moment).begin(name) for name in sinks}
    if not chains:
        top = _Chain(moment).gave_up(None)
        chains = {"": top or ([Reason("Nobody", "has subscribed to anything")], "no pipeline")}
    if following is not None and following.t - past[-1].t <= AT_ONCE:
        chains = {name: _going_on(chain, following) for name, chain in chains.items()}
    gravest = min(chains, key=lambda name: CAUSES.index(chains[name][1]))
    reasons, cause = chains[gravest]
    others = {name: other for name, (_, other) in chains.items() if name != gravest and other != cause}
    return Explanation(moment.t, reasons, cause, others)


Chain = tuple[list[Reason], Cause]


def _going_on(chain: Chain, event: TraceEvent) -> Chain:
    """The chain, unless it is so for a moment only, as the next event follows at once."""
    reasons, cause = chain
    if cause not in PASSING:
        return chain
    what = "was ended in the middle of its work" if event.kind == "drain" else f"goes on at once, with {event.kind}"
    return [*reasons, Reason(event.stage or "The run", what, event)], "under way"


class _Chain:
    """Follows one consumer's waiting up the pipeline."""

    def __init__(self, moment: Moment) -> None:
        self.moment = moment
        self.reasons: list[Reason] = []

    def end(self, cause: Cause, who: str, text: str, event: TraceEvent | None = None) -> Chain:
        self.reasons.append(Reason(who, text, event))
        return self.reasons, cause

    def begin(self, name: str) -> Chain:
        if not self.moment.alive(name):
            life = self.moment.lives.get(name)
            self.reasons.append(Reason(name, "does not run any more", life.ended if life else None))
            return self.gave_up(name) or self.ended(name)
        return self.stage(name)

    def gave_up(self, name: str | None) -> Chain | None:
        """A supervisor out of restarts: that of the consumer, if there are several, else any."""
        gone = [
            life.ended
            for label, life in self.moment.lives.items()
            if life.ended is not None and str(life.ended.data["reason"]).startswith("RestartError")
            and (name is None or name.startswith(label) or len(self.moment.sinks) == 1 or label.startswith("#"))
        ]  # fmt: skip
        if not gone:
            return None
        why = str(gone[0].data["reason"]).removeprefix("RestartError: ")
        blamed = [life.ended for label, life in self.moment.lives.items() if life.crashed and f" {label}: " in why]
        if blamed and blamed[-1] is not None:
            culprit = blamed[-1]
            self.reasons.append(Reason(gone[0].stage, f"is out of restarts: {why}", gone[0]))
            return self.end("out of restarts", culprit.stage, f"crashed last on {culprit.data['reason']}", culprit)
        return self.end("out of restarts", gone[0].stage, f"is out of restarts: {why}", gone[0])

    def ended(self, name: str) -> Chain:
        """A stage that has ended, by a crash of its own or with the one above it."""
        life = self.moment.lives[name]
        assert life.ended is not None
        reason = life.ended.data.get("reason")
        if life.crashed:
            return self.end("crashed stage", name, f"crashed on {reason}, and nobody has started it again", life.ended)
        return self.end("crashed stage", name, f"has ended ({reason})", life.ended)

    def stage(self, name: str) -> Chain:
        """A stage that runs: it is busy, or waits for the one above it."""
        moment = self.moment
        if name in moment.handling:
            return self.busy(name)
        above = [(producer, link) for (producer, consumer), link in moment.links.items() if consumer == name]
        if not above:
            gone = moment.consumers.get(name)
            if gone is not None and gone in moment.lives and not moment.alive(gone):
                self.reasons.append(Reason(name, f"is subscribed to nobody: {gone} is not there"))
                return self.gave_up(gone) or self.ended(gone)
            return self.end("no demand", name, "is subscribed to nobody", moment.last.get(name))
        producer, link = max(above, key=lambda pair: pair[1].outstanding)
        if link.outstanding <= 0:
            return self.end("no demand", name, f"has asked {producer} for nothing more", moment.last.get(name))
        self.reasons.append(Reason(name, waits(link.outstanding, producer), link.ask))
        if not moment.alive(producer):
            return self.gave_up(producer) or self.ended(producer)
        if producer in moment.consumers:
            return self.stage(producer)
        return self.producer(producer)

    def busy(self, name: str) -> Chain:
        begun = self.moment.handling[name]
        last = self.moment.last.get(name, begun)
        shown = ", ".join(begun.ids[:2]) + (f" and {len(begun.ids) - 2} more" if len(begun.ids) > 2 else "")
        seconds = self.moment.t - begun.t
        return self.end("busy", name, f"has been handling {shown} for {seconds:.3f} s", last)

    def producer(self, name: str) -> Chain:
        """The source: what it remembers, and who looks for it."""
        moment = self.moment
        remembered, _, buffered, _ = moment.ledgers.get(name, [0, 0, 0, 0])
        told = moment.told.get(name)
        self.reasons.append(Reason(name, remembers(remembered, buffered), told))
        if not moment.looks:
            if told is None:
                return self.end("no demand", name, "has heard of no demand")
            text = f"was told of {events(told.data['count'])}, has not emitted them all, and looks for no more"
            return self.end("forgotten demand", name, text, told)
        looking = [look for look in moment.looks.values() if look.ended is None and look.killed is None]
        if looking:
            return self.looking(looking[-1], remembered)
        return self.looked(list(moment.looks.values())[-1], name, remembered)

    def looking(self, look: Look, remembered: int) -> Chain:
        """A loop that runs, and finds nothing."""
        loop, moment = f"Its loop {look.started.stage}", self.moment
        crashed = look.crashed
        again = crashed.data.get("again") if crashed is not None else None
        runs_again = again is not None and again <= moment.t
        if crashed is not None and not runs_again and crashed.seq > (look.receive.seq if look.receive else -1):
            text = f"crashed on {crashed.data['reason']}" + (f"; it runs again at {again:.3f} s" if again else "")
            return self.end("crashed loop", loop, text, crashed)
        if look.receive is None:
            if moment.messages or look.looks == 0:
                return self.end("between polls", loop, "has just begun to poll", look.started)
            found_some = "has found some, and looks for the rest" if look.cast else "looks for events, in vain"
            text = f"{found_some}: {look.looks} looks so far"
            return self.end("nothing found yet", loop, text, moment.last.get(look.started.stage))
        found = len(look.receive.ids)
        self.reasons.append(Reason(loop, f"polls; the last receive brought {found or 'nothing'}", look.receive))
        visible, in_flight = moment.visible, moment.in_flight
        if visible:
            text = f"has {len(visible)} visible messages, which the next poll will find"
            return self.end("between polls", "The queue", text, moment.messages[visible[0]].event)
        if in_flight:
            text = f"has all its {len(in_flight)} messages in flight"
            if back := [until for name in in_flight if (until := moment.messages[name].until) is not None]:
                text += f"; the first is visible again at {min(back):.3f} s"
            first = min((moment.messages[name].event for name in in_flight), key=lambda event: event.seq)
            return self.end("all in flight", "The queue", text, first)
        return self.end("empty queue", "The queue", "is empty: nothing visible, nothing in flight", look.receive)

    def looked(self, look: Look, name: str, remembered: int) -> Chain:
        """No loop runs: the last one ended, and only new demand would start another."""
        loop, ended, asking = f"Its loop {look.started.stage}", look.ended or look.killed, self.moment.asking
        assert ended is not None
        reason = str(ended.data.get("reason"))
        in_order = look.killed is None and reason in ("normal", "shutdown")
        for_nothing = look.refused is not None and look.refused.data.get("max", 1) < 1
        if for_nothing or (in_order and look.receive is None and look.cast is None and _asked_0(asking)):
            if asking is not None:
                text = f"counts wrong: with demand for {remembered} unmet it asked for {events(asking[0])}"
                self.reasons.append(Reason(name, text, asking[1]))
            if for_nothing and look.refused is not None:
                most = look.refused.data["max"]
                return self.end("lost demand", loop, f"died on MaxNumberOfMessages={most}", look.refused)
            return self.end("lost demand", loop, "looked for nothing and ended", ended)
        if look.killed is not None:
            return self.end("killed loop", loop, "was killed, and no other was started", look.killed)
        if not in_order:
            text = f"died on {reason}, and only new demand starts another"
            if look.receive is not None and look.receive.ids and look.cast is None and not _names(look.receive):
                message = look.receive.ids[0][:8]
                text += f"; it had received {message}, a message that names no file, such as S3's test message"
            return self.end("crashed loop", loop, text, ended)
        text = "found what it was asked for and ended; nobody looks for the rest, which was forgotten"
        return self.end("forgotten demand", loop, text, ended)


def _asked_0(asking: tuple[int, TraceEvent] | None) -> bool:
    return asking is None or asking[0] <= 0


def _names(receive: TraceEvent) -> bool:
    """Whether a receive brought a message that names a file."""
    return any(receive.data.get("names", [[""]]))


def _place(event: TraceEvent) -> str:
    return f", {place}" if (place := place_of(event)) else ""
