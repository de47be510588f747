"""What recording costs, as ratios within one run: the bare core, and step 9's pipeline.

    python tests/benchmarks/recording.py [--rounds 5] [--events 20000] [--files 60] [--place simulated embedded]

Each round plays without and with a recorder, one after the other, and the median of the rounds' ratios is shown.
Seconds are of processor time. "bare" is a producer that makes numbers and a consumer that counts them: nothing else is
done, so that all that recording does is seen; "middle" has a producer-consumer between the two, "three" has three
consumers, and "chains" three with a producer-consumer each. In brackets: how many times longer than the clear form
takes without a recorder (core.py's, without express.py). What is kept in memory is made into trace events when it is
asked for: "read" is that, as times of the run without a recorder. "step 9" is the whole pipeline on the simulated place
in virtual time: no server and no waiting, so that it too shows more of the recorder than a real run does, beside a
recorder that is deaf; `--place embedded` is a real run.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import anyio

import palleto
from palleto import Consumer, Producer, ProducerConsumer, Recorder, Supervisor, child, clock, running


sys.path.insert(0, str(Path(__file__).parents[2]))  # the steps, where this is run as a script

DEMANDS = (1, 0), (10, 0), (100, 50), (1000, 500)
SHAPES = {"bare": (1, 0), "middle": (1, 1), "three": (3, 0), "chains": (3, 1)}
"""How many consumers, and whether each has a producer-consumer of its own above it."""
ROWS = {
    f"{shape} {most}/{least}": (most, least, *SHAPES[shape])
    for shape in SHAPES
    for most, least in (DEMANDS if shape == "bare" else DEMANDS[:3])
}


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


def bare(most: int, least: int, count: int, recorder: Recorder | None, consumers: int = 1, middles: int = 0) -> None:
    """A producer, and consumers that get `most` events `count` times in all; if `middles` is 1, each below a middle."""
    above = iter(range(consumers))

    class Middle(ProducerConsumer):
        def init(self) -> None:
            self.subscribe("numbers", max_demand=most, min_demand=least)

        def handle_events(self, events: list[int]) -> list[int]:
            return events

    class Counter(Consumer):
        def init(self) -> None:
            self.seen = 0
            name = f"middle {next(above)}" if middles else "numbers"
            self.subscribe(name, max_demand=most, min_demand=least)

        def handle_events(self, events: list[int]) -> None:
            self.seen += len(events)
            if self.seen >= count * most // consumers:
                done.set()

    done = anyio.Event()

    async def main() -> None:
        between = [child(Middle, name=f"middle {each}") for each in range(consumers * middles)]
        stages = [child(Numbers), *between, *[child(Counter) for _ in range(consumers)]]
        async with running(Supervisor(stages), recorder=recorder):
            await done.wait()

    palleto.run(main)
    if recorder is not None:
        recorder.close()


def step9(files: int, folder: Path, recorder: Recorder, place: str = "simulated") -> None:
    """The ninth step, on the simulated place in virtual time, or on another one in real time."""
    from palleto.program import Options, Performance, queue_empty
    from steps.step9 import pipeline

    virtual = place == "simulated"
    options = Options(virtual=virtual, place=place, files=files, output=folder, quiet=True)
    performance = Performance(pipeline, queue_empty, options, recorder=recorder)
    performance.report = lambda line: None
    clock.run(performance, time="virtual" if virtual else "real")


def seconds(play: Callable[[], None]) -> float:
    """Of processor time, with no garbage of what was measured before."""
    gc.collect()
    start = process_time()
    play()
    return process_time() - start


def ratios(rounds: int, *plays: Callable[[], None]) -> list[float]:
    """How many times longer each of the others takes than the first: the medians of the rounds."""
    taken = [[seconds(play) for play in plays] for _ in range(rounds)]
    return [median(each[at] / each[0] for each in taken) for at in range(1, len(plays))]


def clearly(play: Callable[[], None]) -> None:
    """Without express.py."""
    express, runner.express = runner.express, lambda *_: NO_EXPRESS  # type: ignore[attr-defined]
    try:
        play()
    finally:
        runner.express = express  # type: ignore[attr-defined]


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Measure, print a line each, and return the ratios by name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=20_000, help="demands of the bare core, a round")
    parser.add_argument("--files", type=int, default=60, help="of step 9, a round; 0: none")
    parser.add_argument("--place", nargs="*", default=["simulated"], help="of step 9: simulated, embedded")
    parser.add_argument("--only", default="", metavar="TEXT", help="rows of the core with this in their name")
    options = parser.parse_args(arguments)
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def to_file() -> Recorder:
            return Recorder(keep=False, file=folder / "trace.jsonl")

        for row, (most, least, consumers, middles) in ROWS.items():
            if options.only not in row:
                continue
            count = max(1, options.events * 10 // max(10, most))
            last: list[Recorder] = []

            def off() -> None:
                bare(most, least, count, None, consumers, middles)  # noqa: B023 - called at once

            def in_memory() -> None:
                last.append(Recorder())  # noqa: B023
                bare(most, least, count, last[0], consumers, middles)  # noqa: B023

            def read() -> None:
                assert last.pop().events  # noqa: B023

            def in_file() -> None:
                bare(most, least, count, to_file(), consumers, middles)  # noqa: B023

            off()  # to be warm
            clear, memory, read, file = ratios(
                options.rounds,
                off,
                lambda: clearly(off),
                in_memory,
                read,
                in_file,
            )
            found |= {f"{row}, in memory": memory, f"{row}, to a file": file, f"{row}, read": read}
            of_clear = f"x {memory:.2f} ({memory / clear:.2f}), to a file x {file:.2f} ({file / clear:.2f})"
            print(f"{row:16} in memory {of_clear}, read x {read:.2f}", flush=True)
        for place in options.place if options.files else ():
            memory, file = ratios(
                options.rounds,
                lambda: step9(options.files, folder, Deaf(keep=False), place),  # noqa: B023
                lambda: step9(options.files, folder, Recorder(), place),  # noqa: B023
                lambda: step9(options.files, folder, to_file(), place),  # noqa: B023
            )
            found |= {f"step 9 {place}, in memory": memory, f"step 9 {place}, to a file": file}
            print(f"step 9 {place:9} in memory x {memory:.3f}, to a file x {file:.3f}", flush=True)
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
