"""What the tests of faults share: a backlog of small files, a deadline, and what watches or sabotages a run.

`Rig(play)` plays step 9 on the simulated place and looks at the queue's ledger at every trace event.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from palleto import Supervisor, TaskSupervisor, child
from palleto.cloud import Simulation
from palleto.program import RunState, queue_empty
from steps import step9

PREFIX = "packrat/data/"
VISIBILITY = 30.0  # seconds, the template's


def gz(lines: int) -> bytes:
    """A gzip file of that many lines."""
    return gzip.compress(b"x\n" * lines, compresslevel=1, mtime=0)


def files(count: int) -> dict[str, bytes]:
    """Small files by key; the n-th, counted from 1, has n lines."""
    return {f"{PREFIX}{n:03}.gz": gz(n) for n in range(1, count + 1)}


def event_of(bucket: str, *keys: str) -> str:
    """The body of S3's message about objects with these keys, which are put in as they are (so: encoded)."""
    return json.dumps({"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": key}}} for key in keys]})


@dataclass
class Deadline:
    """An ending: the queue is empty, or `seconds` of run time are over (`missed`)."""

    seconds: float
    missed: bool = False

    async def __call__(self, run: RunState) -> None:
        with anyio.move_on_after(self.seconds) as scope:
            await queue_empty(run)
        self.missed = scope.cancelled_caught


class Meddler(TaskSupervisor):
    """A child of the run that listens to its trace, checks the queue's ledger, and may do harm."""

    name = "Meddler"

    def __init__(self, rig: Rig, warehouse: Any) -> None:
        self.rig, self.warehouse = rig, warehouse

    def init(self) -> None:
        self.system.observer.listeners.append(self.look)
        if self.rig.harm is not None:
            self.start_task(self.rig.harm, self)

    def look(self, _: object) -> None:
        simulated = self.warehouse.cloud.simulated
        if simulated is not None:
            ledger = simulated.ledger(self.warehouse.queue_url)
            if not ledger.holds:
                self.rig.broken.append(str(ledger))


Harm = Callable[[Meddler], Awaitable[None]]


@dataclass
class Rig:
    """One run of step 9, watched. `files` are put, and `messages` sent, before the pipeline starts."""

    play: Callable[..., Any]
    output: Path
    files: dict[str, bytes] = field(default_factory=dict)
    messages: Iterable[str] = ()
    harm: Harm | None = None
    deadline: float = VISIBILITY - 1  # less than the visibility timeout: whatever waits for that is late
    broken: list[str] = field(default_factory=list)
    run: Any = None
    late: bool = False

    def perform(self, **options: Any) -> Any:
        """Play it, and give back what `play` does. `late` says whether the deadline passed first."""

        def pipeline(warehouse: Any, pipelines: int, max_demand: int) -> Supervisor:
            return self.meddle(step9.pipeline(warehouse, pipelines, max_demand), warehouse)

        until = Deadline(self.deadline)
        options = {"files": 0, "output": self.output, **options}
        self.run = self.play(9, pipeline=pipeline, until=until, prepare=self.prepare, **options)
        self.late = until.missed
        assert not self.broken, self.broken[0]
        return self.run

    def meddle(self, top: Supervisor, warehouse: Any) -> Supervisor:
        return Supervisor([*top.children, child(Meddler, self, warehouse)], strategy=top.strategy)

    async def prepare(self, cloud: Any, stack: Any) -> None:
        for key, data in self.files.items():
            await cloud.monitor.s3.put_object(Bucket=stack.bucket, Key=key, Body=data)
        for body in self.messages:
            await cloud.monitor.sqs.send_message(QueueUrl=stack.queue_url, MessageBody=body)

    # ---- what came of it

    @property
    def ledger(self) -> Any:
        """Where the queue's messages were at the end, simulated."""
        return self.run.performance.cloud.simulated.ledger(self.run.performance.warehouse.queue_url)

    @property
    def results(self) -> dict[str, int]:
        """The counts in the output folder, by key."""
        found = {path.relative_to(self.output).as_posix(): path for path in self.output.rglob("*") if path.is_file()}
        return {name.removesuffix(".txt") + ".gz": int(path.read_text()) for name, path in found.items()}

    def check_all_done(self) -> None:
        """Everything was processed, rightly, in time; nothing is in hand or in the queue."""
        assert not self.late, f"not done after {self.deadline} s: {self.ledger}"
        expected = {key: gzip.decompress(data).count(b"\n") for key, data in self.files.items()}
        assert self.results == expected
        assert self.run.performance.warehouse.leases.held == {}
        assert self.ledger.visible + self.ledger.in_flight + self.ledger.delayed + self.ledger.dead_lettered == 0
        assert [event.data for event in self.run.kinds("crash")] == []


def scene(seed: int, most: int, **more: Any) -> tuple[int, dict[str, Any]]:
    """How many files, up to `most`, and the options of a run: drawn from the seed. `more` options are added."""
    chance = random.Random(seed)
    backlog = chance.choice([1, 2, 9, 10, 11, chance.randint(12, most), most])
    simulation = Simulation(
        seed=seed,
        receive=chance.choice([0.0, 0.02, (0.0, 0.05)]),
        get_object=chance.choice([0.0, 0.05, (0.0, 0.1)]),
        delete=chance.choice([0.0, (0.0, 0.02)]),
        arrival=chance.choice([0.0, (0.0, 2.0)]),
        shuffle=chance.random() < 0.5,
    )
    return backlog, {
        "backend": ("asyncio", "trio")[seed % 2],
        "seed": chance.choice([None, seed]),
        "pipelines": chance.randint(1, 12),
        "simulation": simulation,
        **more,
    }
