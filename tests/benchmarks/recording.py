"""What recording costs, as ratios within one run: the bare core, and step 9's pipeline.

    python tests/benchmarks/recording.py [--rounds 5] [--events 20000] [--files 60]

Each round plays without and with a recorder, one after the other, and the median of the rounds' ratios is shown.
Seconds are of processor time. "bare" is a producer that makes numbers and a consumer that counts them: nothing else is
done, so that all that recording does is seen. "step 9" is the whole pipeline on the simulated place in virtual time: no
server and no waiting, so that it too shows more of the recorder than a real run does, beside a recorder that is deaf.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import anyio

import palleto
from palleto import Consumer, Producer, Recorder, Supervisor, child, clock, running

sys.path.insert(0, str(Path(__file__).parents[2]))  # the steps, where this is run as a script

DEMANDS = {"1/0": (1, 0), "10/0": (10, 0), "100/50": (100, 50)}


class Deaf(Recorder):
    """Hears of everything and notes nothing."""

    def note(self, *_: Any, **__: Any) -> None: ...

    message = effect = returned = settled = started = runs = killed = note


class Numbers(Producer):
    """Makes as many numbers as are asked for."""

    name = "numbers"

    def init(self) -> None:
        self.next = 0

    def handle_demand(self, demand: int) -> list[int]:
        self.next += demand
        return list(range(self.next - demand, self.next))


def bare(most: int, least: int, count: int, recorder: Recorder | None) -> None:
    """One producer, one consumer, `count` events."""

    class Counter(Consumer):
        seen = 0

        def init(self) -> None:
            self.subscribe("numbers", max_demand=most, min_demand=least)

        def handle_events(self, events: list[int]) -> None:
            self.seen += len(events)
            if self.seen >= count:
                done.set()

    done = anyio.Event()

    async def main() -> None:
        async with running(Supervisor([child(Numbers), child(Counter)]), recorder=recorder):
            await done.wait()

    palleto.run(main)
    if recorder is not None:
        recorder.close()


def step9(files: int, folder: Path, recorder: Recorder) -> None:
    """The ninth step, on the simulated place."""
    from palleto.ending import queue_empty
    from palleto.options import Options
    from palleto.program import Performance
    from steps.step9 import pipeline

    options = Options(virtual=True, files=files, output=folder, quiet=True)
    performance = Performance(pipeline, queue_empty, options, recorder=recorder)
    performance.report = lambda line: None
    clock.run(performance, time="virtual")


def seconds(play: Callable[[], None]) -> float:
    """Of processor time."""
    start = process_time()
    play()
    return process_time() - start


def ratio(rounds: int, without: Callable[[], None], with_it: Callable[[], None]) -> float:
    """How many times longer the second takes: the median of the rounds."""
    return median(1 / (seconds(without) / seconds(with_it)) for _ in range(rounds))


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Measure, print a line each, and return the ratios by name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=20_000, help="of the bare core, a round")
    parser.add_argument("--files", type=int, default=60, help="of step 9, a round")
    options = parser.parse_args(arguments)
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def to_file() -> Recorder:
            return Recorder(keep=False, file=folder / "trace.jsonl")

        for demand, (most, least) in DEMANDS.items():
            for what, make in (("in memory", Recorder), ("to a file", to_file)):
                found[f"bare {demand}, {what}"] = ratio(
                    options.rounds,
                    lambda: bare(most, least, options.events, None),  # noqa: B023 - called at once
                    lambda: bare(most, least, options.events, make()),  # noqa: B023
                )
        for what, make in (("in memory", Recorder), ("to a file", to_file)):
            found[f"step 9, {what}"] = ratio(
                options.rounds,
                lambda: step9(options.files, folder, Deaf(keep=False)),
                lambda: step9(options.files, folder, make()),  # noqa: B023
            )
    for row, times in found.items():
        print(f"{row:24} x {times:.2f}")
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
