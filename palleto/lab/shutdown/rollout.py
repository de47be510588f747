"""Deploys under load: the workers of a service are ended one after the other, and each has a successor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path

import anyio

from palleto.core import whole
from palleto.lab.links import Links
from palleto.lab.shutdown.rungs import RUNGS, Rung, rung
from palleto.lab.shutdown.service import above_zero, performed, serving
from palleto.lab.shutdown.worker import Worker
from palleto.replay import Verdict, html_table, text_table, verdict
from palleto.runtime import background
from palleto.trace import Trace, TraceEvent

__all__ = ["Life", "Rollout", "Rollouts", "roll_out", "rollouts"]

WORKERS, PIPELINES = 3, 2
LOAD = 0.9
"""How many files arrive, as a share of what all workers can do."""
CLOSEST = 0.5
"""Seconds from one file to the next, at least: short files in great numbers would show nothing else."""
START = 2.0
"""Seconds from the start of a worker until the next one may be ended."""


@dataclass
class Life:
    """A worker: its place among the others, from 0, and when it started, was told to end, and was gone, in seconds."""

    place: int
    start: float
    told: float | None = None
    gone: float = 0.0


class Rollout:
    """What came of some deploys, one after the other, and of the load until the last file was done.

    deploys: of each, when it began and when the last of its workers had started. lives: of all workers.
    """

    def __init__(self, rung: Rung, trace: Trace, deploys: list[tuple[float, float]], lives: list[Life]) -> None:
        self.rung, self.trace, self.deploys, self.lives = rung, trace, deploys, lives

    def __repr__(self) -> str:
        return f"{len(self.deploys)} deploys, {self.rung}: {self.verdict.line}"

    def _repr_html_(self) -> str:
        links = Links()
        first = next(self._dead(), None)
        shown = links.to("Show me the first dead letter", self.trace, first) if first is not None else ""
        said = f"<p><b>{escape(self.rung.name)}</b>: {escape(self.rung.what)}</p>"
        return links.around(f"{said}<p>{escape(self.verdict.line)}</p><p>{shown}</p>")

    @cached_property
    def verdict(self) -> Verdict:
        """What became of each message and file."""
        return verdict(self.trace)

    @property
    def dead(self) -> list[float]:
        """When each message went to the dead-letter queue."""
        return [event.t for event in self._dead()]

    def _dead(self) -> Iterator[TraceEvent]:
        return (event for event in self.trace if event.kind == "message" and event.data["state"] == "dead_lettered")

    @property
    def took(self) -> float:
        """Seconds that the longest deploy took; 0 if there was none."""
        return max((end - begin for begin, end in self.deploys), default=0.0)


class Rollouts(dict[str, Rollout]):
    """Several of them, by names, as a table."""

    HEAD = ("", "files", "done once", "came back", "done twice", "dead letters", "a deploy takes")

    @property
    def rows(self) -> list[list[str]]:
        """A row each, as HEAD says."""
        rows = []
        for name, one in self.items():
            files = [len(one.verdict.files)]
            files += [one.verdict.count(fate)[1] for fate in ("done once", "delayed", "done twice", "dead-lettered")]
            rows.append([name, *map(str, files), f"{one.took:.0f} s" if one.deploys else "-"])
        return rows

    def __repr__(self) -> str:
        return text_table(self.HEAD, self.rows)

    def _repr_html_(self) -> str:
        return html_table(self.HEAD, self.rows)


def roll_out(
    name: str,
    deadline: float = 5.0,
    seconds: float = 15.0,
    *,
    deploys: int = 3,
    every: float = 35.0,
    receives: int = 3,
    seed: int = 0,
    backend: str = "asyncio",
) -> Rollout:
    """Deploy again and again, while files arrive: each worker is ended as the rung of that name does.

    deadline: seconds for what a worker has in hand, above 0. seconds: that a file takes, more or less, above 0.
    deploys:  how many, 0 or more. every: seconds from the beginning of one to that of the next, above 0, or longer, if
              it takes longer. receives: the queue's `maxReceiveCount`. seed: of all chance.
    backend:  asyncio or trio.
    Raises SettingError for other seconds, and a name that there is not, DemandError for other whole numbers.
    """
    chosen = rung(name)
    above_zero(deadline=deadline, seconds=seconds, every=every)
    whole("deploys", deploys, 0)
    whole("receives", receives, 1)

    async def main(output: Path) -> Rollout:
        async with serving(output, seconds, receives=receives, seed=seed) as service:
            found = Rollout(chosen, service.trace, [], [])

            async def arrive() -> None:
                while True:
                    await service.put()
                    await anyio.sleep(max(CLOSEST, seconds / (WORKERS * PIPELINES * LOAD)))

            def start(place: int) -> tuple[Worker, Life]:
                found.lives.append(Life(place, service.now))
                return service.start(deadline, PIPELINES, f"worker {place + 1}"), found.lives[-1]

            async def end(worker: Worker, life: Life, how: Rung) -> None:
                life.told = service.now
                how.end(worker)
                await worker.gone.wait()
                life.gone = service.now

            async with background(arrive):
                workers = [start(place) for place in range(WORKERS)]
                for number in range(deploys):
                    await anyio.sleep(max(0.0, (number + 1) * every - service.now))
                    begun = service.now
                    service.note(f"deploy {number + 1} begins")
                    for place, (worker, life) in enumerate(workers):
                        await end(worker, life, chosen)
                        workers[place] = start(place)
                        await anyio.sleep(START)
                    found.deploys.append((begun, service.now))
                await anyio.sleep(max(0.0, (deploys + 1) * every - service.now))
            await service.until_empty()
            for worker, life in workers:
                await end(worker, life, RUNGS[-1])
            return found

    return performed(main, backend)


def rollouts(
    deadline: float = 5.0, seconds: float = 15.0, *, seed: int = 0, rungs: Iterable[str] = tuple(map(str, RUNGS))
) -> Rollouts:
    """Three deploys with each of these rungs; see `roll_out`."""
    return Rollouts({name: roll_out(name, deadline, seconds, seed=seed) for name in rungs})
