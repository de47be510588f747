"""A service: workers that come and go, on one simulated queue and one clock, and one trace of all of it."""

from __future__ import annotations

import math
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import anyio
from anyio.abc import TaskGroup

from palleto.cloud import Cloud, Simulated, Simulation, Stack, deploy, open_cloud
from palleto.cloud.stack import PREFIX
from palleto.cloud.trace_events import watch
from palleto.errors import SettingError
from palleto.lab.failures.failure import SMALL
from palleto.lab.shutdown.worker import Worker
from palleto.lab.thread import run_aside
from palleto.trace import Trace, TraceEvent

__all__ = ["SPREAD", "Service", "above_zero", "performed", "serving"]

T = TypeVar("T")

SPREAD = 0.2
"""By how much of its length a file may take longer or shorter."""
LOOK = 0.5
"""Seconds between two looks at the queue."""
DELETE = 0.1
"""Seconds until SQS has answered a delete."""


class Service:
    """Workers on one queue. Made by `serving`.

    trace:     of all workers, each as long as it lives, of the queue, and of what is done to them. Times are the
               service's; where several workers live at a time, a stage has its worker's name before its own.
    listeners: hear of each trace event.
    """

    def __init__(self, cloud: Cloud, world: Simulated, stack: Stack, output: Path, tasks: TaskGroup) -> None:
        self._cloud, self._world, self._stack, self._output, self._tasks = cloud, world, stack, output, tasks
        self._put = 0
        self.trace = Trace()
        self.listeners: list[Callable[[TraceEvent], None]] = []
        watch(world, stack.queue_url, self._tell, 0.0)  # and so the queue tells no worker

    def __repr__(self) -> str:
        return f"<Service at {self.now:.1f} s: {self._world.ledger(self._stack.queue_url)}>"

    @property
    def now(self) -> float:
        """Seconds of run time, as in the trace."""
        return round(anyio.current_time(), 6)

    @property
    def in_flight(self) -> int:
        """Messages that were received, and are hidden."""
        return self._world.ledger(self._stack.queue_url).in_flight

    async def until_empty(self) -> None:
        """Wait until the queue has no message, visible or in flight."""
        while True:
            ledger = self._world.ledger(self._stack.queue_url)
            if not (ledger.visible or ledger.in_flight):
                return
            await anyio.sleep(LOOK)

    async def put(self, count: int = 1) -> None:
        """Put so many more files into the bucket."""
        for number in range(self._put, self._put + count):
            key = f"{PREFIX}{number:03}.gz"
            await self._cloud.monitor.s3.put_object(Bucket=self._stack.bucket, Key=key, Body=SMALL)
        self._put += count

    def start(self, deadline: float, pipelines: int, name: str = "") -> Worker:
        """Start a worker. name: what stands before its stages' names in the trace."""

        def named(stage: str | None) -> str | None:
            return f"{name} {stage}" if name and stage else stage

        def hear(event: TraceEvent, began: float) -> None:
            t = round(event.t + began, 6)
            self._add(replace(event, t=t, stage=named(event.stage) or "", peer=named(event.peer)))

        worker = Worker(self._world, self._output, deadline, pipelines, hear)
        self._tasks.start_soon(worker.live)
        return worker

    def note(self, text: str) -> TraceEvent:
        """Add a line of the service's own to the trace."""
        return self._add(TraceEvent(0, self.now, "", "report", data={"text": text}))

    def _tell(self, message_id: str, data: dict[str, Any]) -> None:
        self._add(TraceEvent(0, self.now, "", "message", ids=(message_id,), data=data))

    def _add(self, event: TraceEvent) -> TraceEvent:
        event.seq = len(self.trace)
        self.trace.append(event)
        for hear in self.listeners:
            hear(event)
        return event


@asynccontextmanager
async def serving(
    output: Path, seconds: float, *, visibility: int = 30, receives: int = 3, seed: int = 0
) -> AsyncIterator[Service]:
    """A service without a worker. At the end of the block it waits until none is left.

    output:     the folder for results.
    seconds:    of run time that a file takes, above 0, up to SPREAD of it more or less.
    visibility: the queue's visibility timeout, in seconds. receives: its `maxReceiveCount`.
    seed:       of all chance.
    """
    latency = seconds * (1 - SPREAD), seconds * (1 + SPREAD)
    world = Simulated(Simulation(seed=seed, get_object=latency, delete=DELETE))
    async with open_cloud("simulated", simulation=world) as cloud, anyio.create_task_group() as tasks:
        stack = await deploy(cloud, visibility_timeout=visibility, max_receive_count=receives)
        await cloud.monitor.sqs.purge_queue(QueueUrl=stack.queue_url)  # of S3's test message
        yield Service(cloud, world, stack, output, tasks)


def performed(main: Callable[[Path], Awaitable[T]], backend: str) -> T:
    """What an async function returns, on virtual time. It is called with a folder for results."""
    with tempfile.TemporaryDirectory(prefix="palleto-lab-") as folder:
        return run_aside(lambda: main(Path(folder)), time="virtual", backend=backend)


def above_zero(**numbers: float) -> None:
    """Refuse numbers that are not above 0. Raises SettingError."""
    for name, number in numbers.items():
        if not (isinstance(number, int | float) and 0 < number < math.inf):
            raise SettingError(f"expected {name} to be above 0, got: {number!r}")
