"""Subscriptions: what it costs to subscribe one more consumer, to restart one that crashed, to lose one, among many.

    python tests/benchmarks/subscriptions.py [--json FILE]

N idle consumers of one producer, under one supervisor. Subscribing ends when the producer has accepted; a crash, with
its restart, when it has accepted the new subscription; the crash of a temporary child, when the supervisor has
forgotten it. Medians, in microseconds; `cost` is against the smallest N. Issue 6: O(log n).
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import core
import pairs

from palleto import Producer, Supervisor, cast, child, clock, running

COUNTS = (10, 100, 1_000, 10_000)
REPEATS = 100
WHATS = ("subscribe", "restart", "lose")


class Silent(Producer):
    """Has nothing, and says when somebody has subscribed."""

    def init(self) -> None:
        self.subscribed = anyio.Event()

    def handle_subscribe(self, kind: str, subscription: Any) -> str:
        self.subscribed.set()
        return "automatic"

    def handle_demand(self, demand: int) -> list[int]:
        return []


class Sink(core.Sink):
    """Waits, and crashes when it is told to."""

    def handle_cast(self, message: str) -> None:
        raise RuntimeError(message)


class Top(Supervisor):
    """Says when it has dealt with a child's exit."""

    dealt: anyio.Event

    async def _replace(self, *ended: Any) -> None:
        await super()._replace(*ended)
        self.dealt.set()


async def measured(consumers: int, repeats: int) -> dict[str, float]:
    """Microseconds of a subscription, a restart and a loss among so many, medians of `repeats`."""
    source, chance = Silent(), random.Random(consumers)
    source.name = "source"
    sinks = [child(Sink, "source", (10, 5)) for _ in range(consumers)]
    top = Top([child(lambda: source), *sinks], max_restarts=10 * repeats)

    async def timed(act: Callable[[], Any], done: Callable[[], anyio.Event]) -> float:
        top.dealt, source.subscribed = anyio.Event(), anyio.Event()
        start = time.perf_counter()
        act()
        await done().wait()
        return 1e6 * (time.perf_counter() - start)

    taken: dict[str, list[float]] = {what: [] for what in WHATS}
    async with running(top, report=lambda line: None):  # a line for each crash, and all are on purpose
        await top.system.idle()
        for _ in range(repeats):
            more = child(Sink, "source", (10, 5), restart="temporary")
            taken["subscribe"].append(await timed(partial(top.start_child, more), lambda: source.subscribed))
            assert more.process is not None
            taken["lose"].append(await timed(partial(cast, more.process, "told to"), lambda: top.dealt))
            one = chance.choice(sinks).process
            assert one is not None
            taken["restart"].append(await timed(partial(cast, one, "told to"), lambda: source.subscribed))
    return {f"{what} us": statistics.median(values) for what, values in taken.items()}


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, measure, and print."""
    options = pairs.parser(__doc__).parse_args(arguments)
    rows: list[dict[str, Any]] = []
    for count in (10, 20) if options.smoke else COUNTS:
        row: dict[str, Any] = {"consumers": count}
        row |= clock.run(partial(measured, count, 5 if options.smoke else REPEATS))
        for what in WHATS:
            row[f"{what} cost"] = row[f"{what} us"] / (rows[0] if rows else row)[f"{what} us"]
        rows.append(row)
    pairs.publish(["consumers", *(f"{what} {unit}" for what in WHATS for unit in ("us", "cost"))], rows, options.json)


if __name__ == "__main__":
    main()
