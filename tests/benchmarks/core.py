"""Events a second through the core, beside asyncio.Queue in the same run.

    python tests/benchmarks/core.py [--json FILE] [--backend asyncio] [--callbacks plain] [--demand 1/0] [--only chain]

Each row is measured in pairs (queue, ours, queue, ours), and the medians of five are shown. `x queue` is ours over
asyncio.Queue, always on asyncio: a task a stage, and a queue between each two. GenStage's figures are scaled by what
asyncio.Queue does in this run. No callback does any work: the producer slices a list, the last consumers count. Seconds
are of processor time: none of these loops waits, and what else runs on the machine counts against nobody.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from functools import partial
from statistics import geometric_mean, median
from time import process_time
from typing import Any, NamedTuple

import anyio
import pairs

from palleto import Consumer, Producer, ProducerConsumer, Recorder, Supervisor, child, clock, running

ITEMS = [0] * 1000
DEMANDS = {"1/0": (1, 0), "10/0": (10, 0), "100/50": (100, 50), "1000/500": (1000, 500)}


class Shape(NamedTuple):
    """`width` chains under one producer, each of `depth` producer-consumers and a consumer."""

    depth: int
    width: int


SHAPES = {
    "producer, consumer": Shape(0, 1),
    "producer, producer-consumer, consumer": Shape(1, 1),
    "producer, 3 consumers": Shape(0, 3),
    "producer, 3 x (producer-consumer, consumer)": Shape(1, 3),
    "producer, 1000 consumers": Shape(0, 1000),
    "chain of 100": Shape(98, 1),
}
NEEDED = 2.0
"""How many times asyncio.Queue our stages reach at the least, with plain callbacks."""
ASYNC_NEEDED = {"1/0": 0.4, "10/0": 0.8, "100/50": 2.0}
"""The same with async callbacks, which cost a switch of tasks a message."""
GENSTAGE = {
    ("producer, consumer", "1/0"): 445e3,
    ("producer, consumer", "10/0"): 5.4e6,
    ("producer, consumer", "100/50"): 15.6e6,
    ("producer, consumer", "1000/500"): 33e6,
    ("producer, producer-consumer, consumer", "1/0"): 255e3,
    ("producer, producer-consumer, consumer", "100/50"): 8.8e6,
    ("producer, 3 consumers", "1/0"): 633e3,
    ("producer, 3 x (producer-consumer, consumer)", "1/0"): 302e3,
    ("producer, 3 x (producer-consumer, consumer)", "100/50"): 9.9e6,
}
"""Events a second of GenStage 1.3 (OTP 25) on one scheduler of a machine on which asyncio.Queue does QUEUE at 1/0."""
QUEUE = 145e3


class Source(Producer):
    """Gives what is wanted, from a list that is there already."""

    def handle_demand(self, demand: int) -> list[int]:
        return ITEMS[:demand]


class Middle(ProducerConsumer):
    """Hands on what comes."""

    def __init__(self, above: str, terms: tuple[int, int], name: str) -> None:
        self.above, self.terms, self.name = above, terms, name

    def init(self) -> None:
        self.subscribe(self.above, max_demand=self.terms[0], min_demand=self.terms[1])

    def handle_events(self, events: list[int]) -> list[int]:
        return events


class Sink(Consumer):
    """Counts what comes."""

    def __init__(self, above: str, terms: tuple[int, int]) -> None:
        self.above, self.terms, self.got = above, terms, 0

    def init(self) -> None:
        self.subscribe(self.above, max_demand=self.terms[0], min_demand=self.terms[1])

    def handle_events(self, events: list[int]) -> None:
        self.got += len(events)


class AsyncSource(Source):
    """The same with an `async` callback."""

    async def handle_demand(self, demand: int) -> list[int]:  # type: ignore[override]
        return ITEMS[:demand]


class AsyncMiddle(Middle):
    """The same with an `async` callback."""

    async def handle_events(self, events: list[int]) -> list[int]:  # type: ignore[override]
        return events


class AsyncSink(Sink):
    """The same with an `async` callback."""

    async def handle_events(self, events: list[int]) -> None:  # type: ignore[override]
        self.got += len(events)


KINDS: dict[str, tuple[type[Source], type[Middle], type[Sink]]] = {
    "plain": (Source, Middle, Sink),
    "async": (AsyncSource, AsyncMiddle, AsyncSink),
}


def palleto(
    seconds: float,
    *,
    shape: Shape,
    terms: tuple[int, int],
    backend: str = "asyncio",
    callbacks: str = "plain",
    recorder: Callable[[], Recorder | None] = lambda: None,
) -> float:
    """Events a second that the consumers handle in `seconds`, once each of them has had some."""
    source, middle, sink = KINDS[callbacks]
    sinks: list[Sink] = []

    def make_sink(above: str) -> Sink:
        sinks.append(sink(above, terms))
        return sinks[-1]

    children = [child(source, name="source")]
    for chain in range(shape.width):
        above = "source"
        for number in range(shape.depth):
            name = f"middle {chain}.{number}"
            children.append(child(middle, above, terms, name))
            above = name
        children.append(child(make_sink, above))

    async def main() -> float:
        listening = recorder()
        async with running(Supervisor(children), recorder=listening) as top:
            while not all(each.got for each in sinks):  # noqa: ASYNC110 - an event would cost each callback some time
                await anyio.sleep(seconds / 5)
            before, start = sum(each.got for each in sinks), process_time()
            await anyio.sleep(seconds)
            got, passed = sum(each.got for each in sinks) - before, process_time() - start
            top.system.quiet()  # else the flow goes on while a thousand stages end one after the other
        if listening is not None:
            listening.close()
        return got / passed

    return clock.run(main, backend=backend)


def asyncio_queue(events: int, *, shape: Shape, most: int) -> float:
    """Events a second through tasks with an `asyncio.Queue` of `most` items between them, item by item."""
    each = events // shape.width

    async def main() -> float:
        first: asyncio.Queue[int] = asyncio.Queue(most)

        async def produce() -> None:
            for item in [0] * (each * shape.width):
                await first.put(item)

        async def hand_on(above: asyncio.Queue[int], below: asyncio.Queue[int]) -> None:
            for _ in range(each):
                await below.put(await above.get())

        async def consume(above: asyncio.Queue[int]) -> None:
            for _ in range(each):
                await above.get()

        tasks = [produce()]
        for _ in range(shape.width):
            above = first
            for _ in range(shape.depth):
                below: asyncio.Queue[int] = asyncio.Queue(most)
                tasks.append(hand_on(above, below))
                above = below
            tasks.append(consume(above))
        start = process_time()
        await asyncio.gather(*tasks)
        return each * shape.width / (process_time() - start)

    return asyncio.run(main())


def queue_of(options: argparse.Namespace, shape: Shape, most: int) -> Callable[[], float]:
    """The peer of a row, with as many events as take it about as long as ours."""
    events = max(shape.width, int(options.seconds * (60_000 if most == 1 else 300_000) / (1 + shape.depth)))
    return partial(asyncio_queue, events, shape=shape, most=most)


def rows(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure what the options leave."""
    found: list[dict[str, Any]] = []
    first = queue_of(options, SHAPES["producer, consumer"], 1)
    speed = median(first() for _ in range(options.pairs)) / QUEUE  # of this machine now
    for topology, shape in SHAPES.items():
        many = shape.width * shape.depth + shape.width > 10
        for demand, terms in DEMANDS.items():
            if options.only not in topology or options.demand not in (None, demand):
                continue
            if many and demand not in ("1/0", "100/50"):
                continue
            measures = {("asyncio.Queue", ""): queue_of(options, shape, terms[0])}
            for backend in options.backend:
                for callbacks in options.callbacks if not many else ["plain"]:
                    measures[backend, callbacks] = partial(
                        palleto, options.seconds, shape=shape, terms=terms, backend=backend, callbacks=callbacks
                    )
            medians = pairs.paired(measures, options.pairs)
            queue = medians.pop(("asyncio.Queue", ""))
            for (backend, callbacks), ours in medians.items():
                row = {"topology": topology, "demand": demand, "backend": backend, "callbacks": callbacks}
                row |= {"palleto": ours, "asyncio.Queue": queue, "x queue": ours / queue}
                if (topology, demand) in GENSTAGE:
                    row["GenStage"] = GENSTAGE[topology, demand] * speed
                    row["x GenStage"] = ours / row["GenStage"]
                needed = NEEDED if callbacks == "plain" else ASYNC_NEEDED.get(demand)
                if needed is not None and not many:
                    row["needed"] = needed
                found.append(row)
                print(f"{topology} {demand} {backend} {callbacks}: {pairs.short(ours)}", file=sys.stderr)
    return found


COLUMNS = [
    *("topology", "demand", "backend", "callbacks", "palleto"),
    *("asyncio.Queue", "x queue", "needed", "GenStage", "x GenStage"),
]


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, measure, and print."""
    parser = pairs.parser(__doc__)
    parser.add_argument("--seconds", type=float, default=0.15, help="of each measurement (%(default)s)")
    parser.add_argument("--pairs", type=int, default=pairs.PAIRS, help="medians of so many (%(default)s)")
    parser.add_argument("--only", default="", metavar="TEXT", help="topologies with this in their name")
    parser.add_argument("--demand", choices=DEMANDS)
    parser.add_argument("--backend", nargs="+", default=["asyncio", "trio"], choices=["asyncio", "trio"])
    parser.add_argument("--callbacks", nargs="+", default=["plain", "async"], choices=["plain", "async"])
    options = parser.parse_args(arguments)
    if options.smoke:
        options.seconds, options.pairs = 0.001, 1
        SHAPES.update({"producer, 1000 consumers": Shape(0, 20), "chain of 100": Shape(18, 1)})
    found = rows(options)
    pairs.publish(COLUMNS, found, options.json)
    beside = [row["x GenStage"] for row in found if "x GenStage" in row and row["callbacks"] == "plain"]
    if beside:
        mean, least = geometric_mean(beside), min(beside)
        print(f"times GenStage, of {len(beside)} rows: {mean:.2f} in the mean, {least:.2f} the least")


if __name__ == "__main__":
    main()
