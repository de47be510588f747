"""Memory: a million events through the core with a recorder that writes to a file, and ten thousand idle consumers.

    python tests/benchmarks/memory.py [--json FILE]

Each is a process of its own; its peak of resident memory counts, with the interpreter and all of Palleto in it.
Issue 6: under 80 MiB, and under 100 MiB.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import anyio
import core
import pairs

from palleto import Recorder, Supervisor, child, clock, running

NEEDED = {"recorded": 80.0, "idle": 100.0}


class Last(core.Sink):
    """Counts, and says when it has them all."""

    def __init__(self, above: str, terms: tuple[int, int], events: int) -> None:
        super().__init__(above, terms)
        self.events, self.all = events, anyio.Event()

    def handle_events(self, events: list[int]) -> None:
        self.got += len(events)
        if self.got >= self.events:
            self.all.set()


class Silent(core.Source):
    """Has nothing."""

    def handle_demand(self, demand: int) -> list[int]:
        return []


async def recorded(events: int) -> None:
    """Send `events` through a producer and a consumer, each message and effect written to a file."""
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(keep=False, file=Path(folder, "trace.jsonl"))
        last = Last("source", core.DEMANDS["100/50"], events)
        async with running(Supervisor([child(core.Source, name="source"), child(lambda: last)]), recorder=recorder):
            await last.all.wait()
        recorder.close()


async def idle(consumers: int) -> None:
    """Let so many consumers wait for a producer that has nothing."""
    sinks = [child(core.Sink, "source", (10, 5)) for _ in range(consumers)]
    async with running(Supervisor([child(Silent, name="source"), *sinks])) as top:
        await top.system.idle()


def peak(what: str, count: int) -> float:
    """The peak of resident memory, in MiB, of a process that does this."""
    command = [sys.executable, __file__, "--run", what, "--count", str(count)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, measure, and print."""
    parser = pairs.parser(__doc__)
    parser.add_argument("--run", choices=NEEDED, help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.run is not None:
        function = {"recorded": recorded, "idle": idle}[options.run]
        clock.run(lambda: function(options.count))
        kilo = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(kilo / (1024 * 1024 if sys.platform == "darwin" else 1024))
        return
    counts = {"recorded": 1000, "idle": 100} if options.smoke else {"recorded": 1_000_000, "idle": 10_000}
    rows: list[dict[str, Any]] = [
        {"what": what, "count": count, "MiB": peak(what, count), "needed": NEEDED[what]}
        for what, count in counts.items()
    ]
    pairs.publish(["what", "count", "MiB", "needed"], rows, options.json)


if __name__ == "__main__":
    main()
