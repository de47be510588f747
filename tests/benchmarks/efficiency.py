"""Parallel efficiency: N pipelines, each file a blocking call of 50 ms in a thread, as a download with boto3 is.

    python tests/benchmarks/efficiency.py [--json FILE]

1.0 is N / 0.05 s files a second: no time is lost between one file and the next. Medians of runs of `--seconds`.
Issue 6: 0.97 for 1, 3 and 10 pipelines, 0.95 for 40, 0.92 for 100.
"""

from __future__ import annotations

from functools import partial
from time import monotonic, sleep

import anyio
import pairs
from anyio import to_thread

from palleto import Consumer, Producer, Supervisor, child, clock, running

FILE = 0.05
"""Seconds that a file takes."""
WARM_UP = 0.5
"""Seconds before it counts."""
NEEDED = {1: 0.97, 3: 0.97, 10: 0.97, 40: 0.95, 100: 0.92}


class Files(Producer):
    """Has as many as are wanted."""

    def handle_demand(self, demand: int) -> list[float]:
        return [FILE] * demand


class Pipeline(Consumer):
    """Downloads one file at a time, in a thread; the next waits at hand meanwhile."""

    def __init__(self, limiter: anyio.CapacityLimiter) -> None:
        self.limiter, self.done = limiter, 0

    def init(self) -> None:
        self.subscribe("files", max_demand=2, min_demand=1)

    async def handle_events(self, events: list[float]) -> None:
        for file in events:
            await to_thread.run_sync(sleep, file, limiter=self.limiter)
            self.done += 1


def palleto(pipelines: int, seconds: float, backend: str) -> float:
    """The efficiency of as many pipelines."""

    async def main() -> float:
        limiter = anyio.CapacityLimiter(pipelines)
        made = [Pipeline(limiter) for _ in range(pipelines)]
        async with running(Supervisor([child(Files, name="files"), *(child(lambda one=one: one) for one in made)])):
            await anyio.sleep(WARM_UP)
            before, begun = sum(each.done for each in made), monotonic()
            await anyio.sleep(seconds)
            return (sum(each.done for each in made) - before) / (monotonic() - begun) * FILE / pipelines

    return clock.run(main, backend=backend)


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, measure, and print."""
    parser = pairs.parser(__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run (%(default)s)")
    parser.add_argument("--pairs", type=int, default=3, help="medians of so many (%(default)s)")
    parser.add_argument("--pipelines", type=int, nargs="+", default=[*NEEDED])
    options = parser.parse_args(arguments)
    if options.smoke:
        options.seconds, options.pairs, options.pipelines = 0.1, 1, [1, 3]
        globals()["WARM_UP"] = 0.05
    rows = []
    for pipelines in options.pipelines:
        measures = {backend: partial(palleto, pipelines, options.seconds, backend) for backend in ("asyncio", "trio")}
        medians = pairs.paired(measures, options.pairs)
        rows.append({"pipelines": pipelines, **medians, "needed": NEEDED.get(pipelines, "")})
    pairs.publish(["pipelines", "asyncio", "trio", "needed"], rows, options.json)


if __name__ == "__main__":
    main()
