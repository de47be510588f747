"""One load against one setting: step 9's pipeline, or yours, in one or more workers on one simulated queue."""

from __future__ import annotations

import gzip
import math
import tempfile
from collections.abc import Callable
from functools import cached_property, wraps
from pathlib import Path
from typing import Any

import anyio

from palleto.cloud import Simulated, Simulation, Stack, deploy, open_cloud
from palleto.errors import PalletoError, SettingError
from palleto.lab.capacity.load import Load
from palleto.lab.capacity.measured import Measured
from palleto.lab.capacity.setting import Setting, TunedWarehouse
from palleto.lab.thread import run_aside
from palleto.program import Options, RunState, StepRun, queue_empty
from palleto.runtime import Supervisor, describe
from palleto.trace import Recorder, TraceEvent
from steps import step9

__all__ = ["Trial"]

SMALL = gzip.compress(b"one line\n", mtime=0)
"""What is in each file: how long its bytes take, and what it takes beside, is the load's to say."""
RECEIVE, DELETE = 0.02, 0.01
"""Seconds that the answer to such a request takes, as on AWS in the same region."""
ENOUGH = 0.95
"""What does this share of what there is to do does enough: runs are short, and no number is exact."""
LEISURE = 0.5
"""Of pipelines that are idle for this share of their time this share is enough: then it is the run that is short."""
LONGEST = 600.0
"""Run time of a trial that does not come to its end: so long after one pipeline would have done all files."""


class Trial:
    """A load against a setting. It runs when it is asked for what came of it, once.

    pipeline: makes the supervisor of a worker, as step 9's: `pipeline(warehouse, pipelines=3, max_demand=1)`.

    `trace` is the recorder of the first worker, `traces` has those of all; `error` the one line that a worker failed
    with, or None. Raises SettingError for a setting that cannot be, and what is no function.
    """

    def __init__(self, load: Load, setting: Setting, pipeline: Callable[..., Supervisor] = step9.pipeline) -> None:
        if not callable(pipeline):
            raise SettingError(f"expected a function that makes a pipeline, got: {pipeline!r:.60}")
        self.load, self.setting, self.pipeline = load, setting.checked(), pipeline
        self.traces = [Recorder() for _ in range(setting.workers)]
        self.error: str | None = None
        self._left = load.files

    @property
    def trace(self) -> Recorder:
        """The recorder of the first worker."""
        return self.traces[0]

    def __repr__(self) -> str:
        it = self.measured
        parts = [f"{it.throughput:.2f} files a second", f"{it.done} of {self.load.files} done"]
        parts += [f"99% within {it.p99:.1f} s", f"{it.sqs:.2f} requests to SQS a file"] if it.done else []
        parts += [] if math.isnan(it.idle) else [f"{it.idle:.0%} idle"]
        parts += [f"failed: {self.error}"] if self.error else []
        return f"{self.setting}: {', '.join(parts)}"

    @property
    def keeps_up(self) -> bool:
        """Whether it does files as fast as they arrive, but for 5 %; always true of a backlog that it does."""
        it = self.measured
        share = LEISURE if it.idle >= LEISURE else ENOUGH
        return it.done == self.load.files and it.throughput >= share * (self.load.rate or 0)

    @cached_property
    def measured(self) -> Measured:
        """The numbers of the run."""
        try:
            with tempfile.TemporaryDirectory(prefix="palleto-lab-") as folder:
                run_aside(lambda: self._play(Path(folder)), time="virtual")
        except PalletoError as error:
            self.error = str(error)
        except BaseExceptionGroup as group:  # of a worker
            first = group.exceptions[0]
            self.error = str(first) if isinstance(first, PalletoError) else describe(first)
        return Measured.of(*self.traces)

    async def _play(self, folder: Path) -> None:
        """All workers beside each other, on one simulated place, until every file is done."""
        load, setting = self.load, self.setting
        place = Simulated(Simulation(load.seed, receive=RECEIVE, delete=DELETE, get_object=load.downloads))
        async with open_cloud("simulated", simulation=place) as cloud:
            stack = await deploy(cloud, visibility_timeout=setting.visibility)
            await cloud.monitor.sqs.purge_queue(QueueUrl=stack.queue_url)  # of S3's test message
            keys = [f"packrat/data/{number:06}.gz" for number in range(load.files)]
            if load.rate is None:
                for key in keys:
                    await put(cloud, stack, key)
            over = anyio.Event()

            def look(event: TraceEvent) -> None:
                if event.kind == "written":
                    self._left -= len(event.ids)
                    if self._left <= 0:
                        over.set()

            async def first(state: RunState) -> None:
                if load.rate is None:
                    state.recorder.note("sent", None, events=keys)
                for number, key in enumerate(keys if load.rate else ()):
                    await anyio.sleep_until(start + number / (load.rate or 1))
                    await put(cloud, stack, key)
                    state.recorder.note("sent", None, events=[key])
                await end(state)

            async def end(state: RunState) -> None:
                with anyio.move_on_after(LONGEST + load.files * (load.seconds + 1 / (load.rate or math.inf))):
                    await over.wait()
                    await queue_empty(state)  # a message that is done may wait for others to be deleted with

            start = anyio.current_time()
            async with anyio.create_task_group() as tasks:
                for number, recorder in enumerate(self.traces):
                    recorder.listeners.append(look)
                    options = Options(
                        place="simulated", virtual=True, files=0, quiet=True, output=folder / str(number),
                        pipelines=setting.pipelines, max_demand=setting.max_demand,
                    )  # fmt: skip
                    run = StepRun(
                        self._tuned(), first if number == 0 else end, options, recorder=recorder, simulation=place
                    )
                    run.report = lambda line: None
                    tasks.start_soon(run)

    def _tuned(self) -> Callable[..., Supervisor]:
        """The pipeline, with a warehouse that does what the load and the setting say."""

        @wraps(self.pipeline)  # so that it is seen what it takes
        def tuned(warehouse: Any, **arguments: Any) -> Supervisor:
            return self.pipeline(TunedWarehouse(warehouse, self.setting.wait, self.load.works), **arguments)

        return tuned


async def put(cloud: Any, stack: Stack, key: str) -> None:
    """Put a file into the bucket; S3 announces it."""
    await cloud.monitor.s3.put_object(Bucket=stack.bucket, Key=key, Body=SMALL)
