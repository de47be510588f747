"""Events a second through the core, beside asyncio.Queue, anyio's streams and a bare loop: all in one run.

    python tests/benchmarks/core.py [--json FILE] [--backend asyncio] [--callbacks plain] [--demand 1/0] [--only chain]

Each row is measured in pairs (peer, ours, peer, ours), and the medians of five are shown. `x queue` is ours over
asyncio.Queue, always on asyncio; GenStage's figures are scaled by what asyncio.Queue does in this run. No callback does
any work: the producer slices a list, the last consumers count. Seconds are of processor time: none of these loops
waits, and what else runs on the machine counts against nobody.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import geometric_mean, median
from time import process_time
from typing import Any, NamedTuple

import anyio
import pairs
import peers

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
    """Events a second that the consumers handle in `seconds`, after a fifth of that to warm up."""
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
            await anyio.sleep(seconds / 5)
            before, start = sum(each.got for each in sinks), process_time()
            await anyio.sleep(seconds)
            got, passed = sum(each.got for each in sinks) - before, process_time() - start
            top.system.quiet()  # else the flow goes on while a thousand stages end one after the other
        if listening is not None:
            listening.close()
        return got / passed

    return clock.run(main, backend=backend)


def rows(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure what the options leave."""
    found: list[dict[str, Any]] = []
    first = peers_measures(options, SHAPES["producer, consumer"], DEMANDS["1/0"])["asyncio.Queue"]
    speed = median(first() for _ in range(options.pairs)) / QUEUE  # of this machine now
    with tempfile.TemporaryDirectory() as folder:
        recorders: dict[str, Callable[[], Recorder | None]] = {
            "off": lambda: None,
            "on": Recorder,
            "to a file": lambda: Recorder(keep=False, file=Path(folder, "trace.jsonl")),
        }
        for topology, shape in SHAPES.items():
            for demand, terms in DEMANDS.items():
                if options.only not in topology or options.demand not in (None, demand):
                    continue
                many = shape.width * shape.depth + shape.width > 10
                if many and demand not in ("1/0", "100/50"):
                    continue
                peers_of = peers_measures(options, shape, terms)
                ours: dict[str, dict[str, Any]] = {}
                for backend in options.backend:
                    for callbacks in options.callbacks:
                        for recording in options.recorder:
                            if many and (recording != "off" or callbacks != "plain"):
                                continue
                            ours[f"{backend} {callbacks} {recording}"] = {
                                "backend": backend,
                                "callbacks": callbacks,
                                "recorder": recording,
                            }
                measures = {
                    name: partial(
                        palleto,
                        options.seconds,
                        shape=shape,
                        terms=terms,
                        backend=setting["backend"],
                        callbacks=setting["callbacks"],
                        recorder=recorders[setting["recorder"]],
                    )
                    for name, setting in ours.items()
                }
                medians = pairs.paired(peers_of | measures, options.pairs)
                for name, setting in ours.items():
                    row = {"topology": topology, "demand": demand, **setting, "palleto": medians[name]}
                    for peer in peers_of:
                        row[peer] = medians[peer]
                    if "asyncio.Queue" in row:
                        row["x queue"] = row["palleto"] / row["asyncio.Queue"]
                    if (topology, demand) in GENSTAGE:
                        row["GenStage"] = GENSTAGE[topology, demand] * speed
                        row["x GenStage"] = row["palleto"] / row["GenStage"]
                    if setting["recorder"] == "off" and not many:
                        needed = NEEDED if setting["callbacks"] == "plain" else ASYNC_NEEDED.get(demand)
                        if needed is not None:
                            row["needed"] = needed
                    found.append(row)
                    print(f"{topology} {demand} {name}: {pairs.short(medians[name])}", file=sys.stderr)
    return found


def peers_measures(options: argparse.Namespace, shape: Shape, terms: tuple[int, int]) -> dict[str, Callable[[], float]]:
    """The peers of a row."""
    most, least = terms
    items = max(shape.width, int(options.seconds * (60_000 if most == 1 else 300_000) / (1 + shape.depth)))
    form = {"depth": shape.depth, "width": shape.width}
    return {
        "asyncio.Queue": partial(peers.asyncio_queue, items, most=most, **form),
        "anyio stream": partial(peers.anyio_stream, items // 4 + shape.width, most=most, **form),
        "bare loop": partial(peers.bare_loop, items * 20, batch=most - least, depth=shape.depth, width=shape.width),
    }


COLUMNS = [
    "topology",
    "demand",
    "backend",
    "callbacks",
    "recorder",
    "palleto",
    "asyncio.Queue",
    "x queue",
    "needed",
    "GenStage",
    "x GenStage",
    "anyio stream",
    "bare loop",
]


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", metavar="FILE", help="write the numbers here too")
    parser.add_argument("--seconds", type=float, default=0.15, help="of each measurement (%(default)s)")
    parser.add_argument("--pairs", type=int, default=pairs.PAIRS, help="medians of so many (%(default)s)")
    parser.add_argument("--only", default="", metavar="TEXT", help="topologies with this in their name")
    parser.add_argument("--demand", choices=DEMANDS)
    parser.add_argument("--backend", nargs="+", default=["asyncio", "trio"], choices=["asyncio", "trio"])
    parser.add_argument("--callbacks", nargs="+", default=["plain", "async"], choices=["plain", "async"])
    parser.add_argument("--recorder", nargs="+", default=["off", "on", "to a file"], choices=["off", "on", "to a file"])
    parser.add_argument("--smoke", action="store_true", help="tiny numbers, to see that all of it runs")
    options = parser.parse_args(arguments)
    if options.smoke:
        options.seconds, options.pairs = 0.001, 1
        SHAPES.update({"producer, 1000 consumers": Shape(0, 20), "chain of 100": Shape(18, 1)})
    found = rows(options)
    pairs.publish(COLUMNS, found, options.json)
    beside = [
        row["x GenStage"]
        for row in found
        if "x GenStage" in row and (row["recorder"], row["callbacks"]) == ("off", "plain")
    ]
    if beside:
        mean, least = geometric_mean(beside), min(beside)
        print(f"times GenStage, of {len(beside)} rows: {mean:.2f} in the mean, {least:.2f} the least")


if __name__ == "__main__":
    main()
