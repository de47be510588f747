"""The busy and idle time of consumers: from when to when each had files in hand, and how many it did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from palleto.replay import events_of


@dataclass
class Lane:
    """A consumer: when it was busy, as (start, end) in seconds of run time, and when it was done with each file."""

    label: str
    busy: list[tuple[float, float]] = field(default_factory=list)
    done: list[float] = field(default_factory=list)

    def idle(self, end: float) -> float:
        """Seconds before `end` in which it had nothing in hand."""
        return end - sum(stop - start for start, stop in self.busy)


def lanes(run: Any) -> list[Lane]:
    """The consumers of a run (an experiment, a recorder, a list of trace events), in the order in which they asked."""
    found: dict[str, Lane] = {}
    began: dict[str, float] = {}
    last = 0.0
    events = events_of(run)
    asked = {event.stage for event in events if event.kind == "ask"}
    for event in events:
        if event.kind == "drain":
            break
        last = event.t
        if event.kind == "ask" and event.peer is not None and event.peer not in asked:
            found.setdefault(event.peer, Lane(event.peer))
        elif event.kind == "handle_events" and event.stage in found:
            began[event.stage] = event.t
        elif event.kind == "handled" and event.stage in began:
            found[event.stage].busy.append((began.pop(event.stage), event.t))
        elif event.kind == "written" and event.stage in found:
            found[event.stage].done.append(event.t)
    for label, start in began.items():
        found[label].busy.append((start, last))
    return list(found.values())
