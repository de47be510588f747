"""What came of a run, in numbers: from the traces of its workers alone."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from palleto.lab.overload import percentile
from palleto.replay import events_of
from palleto.trace import Trace

__all__ = ["Measured"]

REQUESTS = ("receive", "delete", "visibility", "download")
"""The kinds of trace events that are a request: three to SQS, and one to S3."""


@dataclass
class Measured:
    """A run's numbers.

    sent, done: files that arrived, and files whose results were written.
    throughput: files a second: the slope of the line that fits the results over time best. So neither the first wait
              for a file counts, nor the last files, when no more come.
    latency:  seconds of each file from its arrival to its result, the shortest first.
    requests: how many of each of REQUESTS there were, up to the last result, and all deletes.
    in_hand:  the longest that a message was in hand, from its receive to its deletion, in seconds; NaN if none was.
    held:     the most messages that were in hand at any one time.
    idle:     the share of the pipelines' time, 0 to 1, in which a pipeline had no file; NaN where there is no pipeline.
    """

    sent: int = 0
    done: int = 0
    throughput: float = 0.0
    latency: list[float] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    in_hand: float = math.nan
    held: int = 0
    idle: float = math.nan

    @classmethod
    def of(cls, *runs: Any) -> Measured:
        """The numbers of a run's workers, each an experiment, a recorder or a list of trace events of one clock."""
        traces = [events_of(run) for run in runs]
        sent = {key: event.t for trace in traces for event in trace if event.kind == "sent" for key in event.ids}
        written = sorted((event.t, key) for trace in traces for event in trace if event.kind == "written"
                         for key in event.ids)  # fmt: skip
        found = cls(len(sent), len({key for _, key in written}))
        if not written:
            return found
        end = written[-1][0]
        found.throughput = cls.slope([at for at, _ in written])
        found.latency = sorted(at - sent[key] for at, key in written if key in sent)
        for trace in traces:
            found.requests.update(
                event.kind for event in trace if event.kind in REQUESTS and (event.t <= end or event.kind == "delete")
            )
        found._hold(traces)
        found.idle = _idle(traces, end)
        return found

    @staticmethod
    def slope(times: Sequence[float]) -> float:
        """Results a second, by the moments of all, the first one first; 0 for one, infinite if all came at once."""
        if len(times) < 2:
            return 0.0
        if times[0] == times[-1]:
            return math.inf
        return statistics.linear_regression(times, range(len(times))).slope

    def _hold(self, traces: Sequence[Trace]) -> None:
        """Find out how long messages were in hand, and how many."""
        moves: list[tuple[float, int]] = []
        for trace in traces:
            since: dict[str, float] = {}
            for event in trace:
                if event.kind == "receive":
                    since.update(dict.fromkeys(event.ids, event.t))
                elif event.kind == "delete":
                    for name in event.ids:
                        if (start := since.pop(name, None)) is not None:
                            moves += [(start, 1), (event.t, -1)]
                            self.in_hand = max(event.t - start, 0.0 if math.isnan(self.in_hand) else self.in_hand)
        held = 0
        for _, change in sorted(moves):
            held += change
            self.held = max(self.held, held)

    def each(self, kind: str) -> float:
        """Requests of a kind a file; NaN if nothing was done."""
        return self.requests[kind] / self.done if self.done else math.nan

    @property
    def sqs(self) -> float:
        """Requests to SQS a file: receives, deletes and extensions; NaN if nothing was done."""
        return sum(self.each(kind) for kind in REQUESTS[:3])

    @property
    def p50(self) -> float:
        """Half of the files were done within so many seconds from their arrival; NaN if none was."""
        return percentile(self.latency, 0.5)

    @property
    def p99(self) -> float:
        """All but one in a hundred were done within so many seconds from their arrival; NaN if none was."""
        return percentile(self.latency, 0.99)


def _idle(traces: Sequence[Trace], end: float) -> float:
    """The share of all pipelines' time up to `end` in which none of a pipeline's stages had a file."""
    busy: list[float] = []
    for trace in traces:
        hands: dict[str, list[tuple[float, float]]] = defaultdict(list)
        began: dict[str, float] = {}
        for event in trace:
            if event.kind == "handle_events":
                began[event.stage] = event.t
            elif event.kind == "handled" and event.stage in began:
                hands[_pipeline(event.stage)].append((began.pop(event.stage), min(event.t, end)))
        busy += [_together(spans) for spans in hands.values()]
        # A pipeline that never had a file is one that was idle.
        asked = {_pipeline(event.peer) for event in trace if event.kind == "ask" and event.peer}
        busy += [0.0] * len(asked - {*hands})
    return 1 - sum(busy) / (end * len(busy)) if busy and end > 0 else math.nan


def _pipeline(stage: str) -> str:
    """What a stage is part of: Pipeline1Consumer and Pipeline1ProducerConsumer of Pipeline1; others of themselves."""
    return stage.removesuffix("Consumer").removesuffix("Producer")


def _together(spans: list[tuple[float, float]]) -> float:
    """Seconds in one or more of the spans."""
    total = reached = 0.0
    for start, stop in sorted(spans):
        total += max(0.0, stop - max(start, reached))
        reached = max(reached, stop)
    return total
