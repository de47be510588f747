"""Parallel efficiency: N pipelines, each file a blocking call of 50 ms in a thread, as a download with boto3 is.

    python tests/benchmarks/efficiency.py [--json FILE]

1.0 is N / 0.05 s files a second: no time is lost between one file and the next. Beside it the same calls in a
ThreadPoolExecutor, in asyncio.to_thread and in anyio.to_thread, each with room for N. Medians of runs of `--seconds`.
Issue 6: 0.97 for 1, 3 and 10 pipelines, 0.95 for 40, 0.92 for 100.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Thread
from time import monotonic, sleep
from typing import Any

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


def palleto(pipelines: int, seconds: float, backend: str = "asyncio") -> float:
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


def threads(pipelines: int, seconds: float) -> float:
    """A ThreadPoolExecutor: each of its threads is given the next call by the one that is through."""
    done, until = 0, monotonic() + WARM_UP + seconds
    counted_from = until - seconds

    def file() -> None:
        nonlocal done
        sleep(FILE)
        done += monotonic() >= counted_from

    with ThreadPoolExecutor(pipelines) as pool:

        def keep_busy() -> None:
            while monotonic() < until:
                pool.submit(file).result()

        feeders = [Thread(target=keep_busy) for _ in range(pipelines)]
        for feeder in feeders:
            feeder.start()
        sleep(max(0.0, until - monotonic()))
        result = done
        for feeder in feeders:
            feeder.join()
    return result / seconds * FILE / pipelines


def asyncio_threads(pipelines: int, seconds: float) -> float:
    """asyncio.to_thread, with an executor of its own."""

    async def main() -> float:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(pipelines))
        return await counted(partial(asyncio.to_thread, sleep, FILE), pipelines, seconds)

    return asyncio.run(main())


def anyio_threads(pipelines: int, seconds: float) -> float:
    """anyio.to_thread, with a limiter of its own."""

    async def main() -> float:
        limiter = anyio.CapacityLimiter(pipelines)
        return await counted(partial(to_thread.run_sync, sleep, FILE, limiter=limiter), pipelines, seconds)

    return anyio.run(main)


async def counted(call: Callable[[], Any], pipelines: int, seconds: float) -> float:
    """The efficiency of as many loops over `call`."""
    done = 0

    async def loop() -> None:
        nonlocal done
        while True:
            await call()
            done += 1

    async with anyio.create_task_group() as tasks:
        for _ in range(pipelines):
            tasks.start_soon(loop)
        await anyio.sleep(WARM_UP)
        before, begun = done, monotonic()
        await anyio.sleep(seconds)
        result = (done - before) / (monotonic() - begun) * FILE / pipelines
        tasks.cancel_scope.cancel()
    return result


COLUMNS = ["pipelines", "palleto", "palleto on trio", "ThreadPoolExecutor", "asyncio.to_thread", "anyio.to_thread"]


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", metavar="FILE", help="write the numbers here too")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run (%(default)s)")
    parser.add_argument("--pairs", type=int, default=3, help="medians of so many (%(default)s)")
    parser.add_argument("--pipelines", type=int, nargs="+", default=[*NEEDED])
    parser.add_argument("--smoke", action="store_true", help="tiny numbers, to see that all of it runs")
    options = parser.parse_args(arguments)
    if options.smoke:
        options.seconds, options.pairs, options.pipelines = 0.1, 1, [1, 3]
        globals()["WARM_UP"] = 0.05
    rows: list[dict[str, Any]] = []
    for pipelines in options.pipelines:
        measures: dict[str, Callable[[], float]] = {
            "ThreadPoolExecutor": partial(threads, pipelines, options.seconds),
            "palleto": partial(palleto, pipelines, options.seconds),
            "asyncio.to_thread": partial(asyncio_threads, pipelines, options.seconds),
            "palleto on trio": partial(palleto, pipelines, options.seconds, "trio"),
            "anyio.to_thread": partial(anyio_threads, pipelines, options.seconds),
        }
        medians = pairs.paired(measures, options.pairs)
        rows.append({"pipelines": pipelines, **medians, "needed": NEEDED.get(pipelines, "")})
    pairs.publish([*COLUMNS, "needed"], rows, options.json)


if __name__ == "__main__":
    main()
