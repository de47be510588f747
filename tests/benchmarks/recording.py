"""What recording costs: how many times as long the bare core, and step 9's pipeline, take with a recorder.

    python tests/benchmarks/recording.py [--json FILE] [--files 60] [--place simulated embedded]

Without and with a recorder in turn, medians of five, processor time. The core makes numbers and counts them: nothing
else is done, so that all that recording does is seen. Step 9 is the whole pipeline on the simulated place in virtual
time: no server and no waiting, so that it too shows more of the recorder than a real run does, beside a recorder that
is deaf; `--place embedded` is a real run.
"""

from __future__ import annotations

import gc
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import anyio
import core
import pairs

from palleto import Recorder, Supervisor, child, clock, running

sys.path.insert(0, str(Path(__file__).parents[2]))  # the steps, where this is run as a script

SHAPES = list(core.SHAPES)[:4]
NEEDED = {"core": 5.0, "embedded": 1.05}


class Deaf(Recorder):
    """Hears of everything and notes nothing."""

    def note(self, *_: Any, **__: Any) -> None: ...

    started = ended = restarted = task_started = task_killed = task_crashed = task_ended = note
    took = called = awaits = returned = sent = dropped = settled = lost = cast = note


class Numbers(core.Source):
    """Makes as many numbers as are asked for."""

    name = "source"
    next = 0

    def handle_demand(self, demand: int) -> list[int]:
        self.next += demand
        return list(range(self.next - demand, self.next))


class Counter(core.Sink):
    """Counts what comes, and says when it is enough."""

    def __init__(self, above: str, terms: tuple[int, int], count: int, done: anyio.Event) -> None:
        super().__init__(above, terms)
        self.count, self.done = count, done

    def handle_events(self, events: list[int]) -> None:
        self.got += len(events)
        if self.got >= self.count:
            self.done.set()


def bare(shape: core.Shape, terms: tuple[int, int], batches: int, make: Callable[[], Recorder] | None = None) -> float:
    """Seconds until the first of the consumers has had its share of so many batches."""
    recorder = make() if make is not None else None

    async def main() -> None:
        done = anyio.Event()
        children = [child(Numbers)]
        for chain in range(shape.width):
            above = "source"
            if shape.depth:
                above = f"middle {chain}"
                children.append(child(core.Middle, "source", terms, above))
            children.append(child(Counter, above, terms, batches * terms[0] // shape.width, done))
        async with running(Supervisor(children), recorder=recorder):
            await done.wait()

    def run() -> None:
        clock.run(main)
        if recorder is not None:
            recorder.close()

    return seconds(run)


def step9(files: int, folder: Path, place: str, make: Callable[[], Recorder]) -> float:
    """Seconds of the ninth step, on the simulated place in virtual time, or on another one in real time."""
    from palleto.program import Options, StepRun, queue_empty
    from steps.step9 import pipeline

    virtual = place == "simulated"
    options = Options(virtual=virtual, place=place, files=files, output=folder, quiet=True)
    performance = StepRun(pipeline, queue_empty, options, recorder=make())
    performance.report = lambda line: None
    return seconds(partial(clock.run, performance, time="virtual" if virtual else "real"))


def seconds(play: Callable[[], object]) -> float:
    """Of processor time, with no garbage of what was measured before."""
    gc.collect()
    start = process_time()
    play()
    return process_time() - start


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, measure, and print."""
    parser = pairs.parser(__doc__)
    parser.add_argument("--pairs", type=int, default=pairs.PAIRS, help="medians of so many (%(default)s)")
    parser.add_argument("--batches", type=int, default=20_000, help="of the core at a demand of 1 or 10 (%(default)s)")
    parser.add_argument("--files", type=int, default=60, help="of step 9 (%(default)s)")
    parser.add_argument("--place", nargs="*", default=["simulated"], help="of step 9: simulated, embedded")
    options = parser.parse_args(arguments)
    if options.smoke:
        options.pairs, options.batches, options.files = 1, 200, 2
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        recorders: dict[str, Callable[[], Recorder]] = {
            "in memory": Recorder,
            "to a file": lambda: Recorder(keep=False, file=Path(name, "trace.jsonl")),
        }

        def measure(about: dict[str, Any], off: Callable[[], float], on: Callable[..., float]) -> None:
            taken = pairs.paired(
                {"off": off, **{what: partial(on, make) for what, make in recorders.items()}}, options.pairs
            )
            rows.append(about | {what: taken[what] / taken["off"] for what in recorders})

        for topology in SHAPES:
            for demand, terms in core.DEMANDS.items():
                play = partial(bare, core.SHAPES[topology], terms, max(1, options.batches * 10 // max(10, terms[0])))
                measure({"what": topology, "demand": demand, "needed": NEEDED["core"]}, play, play)
        for place in options.place:
            play = partial(step9, options.files, Path(name), place)
            measure(
                {"what": f"step 9, {place}", "needed": NEEDED.get(place, "")},
                partial(play, lambda: Deaf(keep=False)),
                play,
            )
    pairs.publish(["what", "demand", *recorders, "needed"], rows, options.json)


if __name__ == "__main__":
    main()
