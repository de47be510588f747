"""One run of one step: its place, its pipeline, and its summary."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import anyio

from palleto.cloud import deploy, open_cloud
from palleto.cloud.endurance import Endurance
from palleto.cloud.queue import BATCH
from palleto.cloud.warehouse import open_warehouse
from palleto.errors import CloudError, SettingError
from palleto.program.endings import Ending, endings_of
from palleto.program.notes import Notes
from palleto.program.options import Options
from palleto.program.progress import progress
from palleto.program.queue_depth import messages_in
from palleto.program.shutdown import Shutdown
from palleto.program.state import RunState
from palleto.program.summary import Summary
from palleto.program.upload import head_start, upload_files, user_files
from palleto.runtime import Supervisor, Task, actor, background, running
from palleto.trace import Recorder

Pipeline = Callable[..., Supervisor]
Job = Callable[[], Coroutine[Any, Any, None]]

CLOSING = 5.0
"""Real seconds for the last requests of a run that ended as it should."""


class StepRun:
    """One run of one step; to be called once, in an event loop.

    recorder:   hears of everything; one is made if none is given.
    simulation: how the simulated place behaves (`palleto.cloud.Simulation`).
    faults:     what goes wrong with the pipeline's requests (`palleto.cloud.faults`); each is noted in the trace.
    prepare:    called with the open cloud and the stack before the pipeline starts; a test scripts deliveries there.

    `say` takes what the step says (standard output), `report` what is for the user (standard error): both may be set.
    `cloud` and `warehouse` are None for a step without a queue. Raises SettingError for options that cannot be used.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        until: Ending,
        options: Options,
        *,
        recorder: Recorder | None = None,
        simulation: Any = None,
        faults: Any = None,
        prepare: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.takes = inspect.signature(pipeline).parameters
        self.options = options
        self.endings = endings_of(until, options, cloud="warehouse" in self.takes)
        self.own_files = user_files(options.data)  # here, so that a missing path is told before anything runs
        self.recorder = recorder or Recorder(keep=False, file=options.trace)
        self.simulation = simulation
        self.faults = faults
        self.prepare = prepare
        self.summary = Summary()
        self.recorder.on_consumed.append(self.summary.consume)
        self.recorder.on_note.append(self.summary.note)
        self.say: Callable[[str], None] = (lambda line: None) if options.quiet else self._print
        self.report: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)
        self.cloud: Any = None
        self.warehouse: Any = None
        self._notes = Notes(self.recorder)
        self._endurance = Endurance()
        self._shutdown: Shutdown

    async def __call__(self) -> list[str]:
        """Run to the end, and return the summary's lines."""
        self._shutdown = Shutdown(self.options.drain_timeout, self._limit, self.report)
        names = [name for name in ("pipelines", "max_demand") if name in self.takes]
        arguments = {name: getattr(self.options, name) for name in names}
        try:
            async with AsyncExitStack() as stack:
                if "warehouse" not in self.takes:
                    await self._play(self.pipeline(**arguments))
                    return self.summary.lines()
                self.warehouse = await self._open_warehouse(stack)
                dead_before = await self._dead_letters()
                await self._play(self.pipeline(warehouse=self.warehouse, **arguments))
                self._limit(CLOSING)
                given_back = await self.warehouse.leases.give_back()
                if given_back:
                    self.report(f"{given_back} messages were given back to the queue")
                return self.summary.lines(self.cloud.requests, await self._dead_letters() - dead_before)
        except BaseExceptionGroup as group:  # a task group wraps what is no Exception
            if group.subgroup(KeyboardInterrupt) is None:
                raise
            raise KeyboardInterrupt from None
        finally:
            self.recorder.close()

    # ---- the cloud

    async def _open_warehouse(self, stack: AsyncExitStack) -> Any:
        options = self.options
        if self.faults is not None:
            self.recorder.listeners.append(self.faults.hear)
            self.faults.listeners.append(self._notes.fault)
        self.cloud = await stack.enter_async_context(
            open_cloud(
                self._place(),
                endpoint=options.endpoint,
                concurrency=max(2 * options.pipelines, options.max_demand, 12) + 2,  # two polls; 8 more cost a tenth
                seed=options.seed,
                observer=self._answered,
                simulation=self.simulation,
                yes=options.yes,
                faults=self.faults,
            )
        )
        self.report(str(self.cloud.place))
        deployed = await deploy(self.cloud, report=self.report)
        warehouse = await stack.enter_async_context(
            open_warehouse(
                self.cloud,
                deployed,
                output=options.output,
                max_bytes=options.max_bytes,
                batch=min(options.max_demand, BATCH),
                report=self._noted(self.report),
            )
        )
        allowed = deployed.max_receive_count if self.cloud.simulated is None else None
        self._notes.of_queue(deployed.visibility_timeout, allowed)
        if self.prepare is not None:
            await self.prepare(self.cloud, deployed)
        return warehouse

    def _place(self) -> str | None:
        options = self.options
        if not options.virtual:
            return options.place
        if options.endpoint is not None or options.place not in (None, "simulated"):
            other = f"--endpoint {options.endpoint}" if options.endpoint is not None else f"--place {options.place}"
            raise SettingError(f"expected --virtual with --place simulated, as servers keep real time; got: {other}")
        return "simulated"

    def _answered(self, operation: str, arguments: dict[str, Any], answer: Any) -> None:
        """A request of the pipeline's has its answer, or its error."""
        self._notes.request(operation, arguments, answer)
        if isinstance(task := actor(), Task) and not isinstance(answer, CloudError):
            task.progressed()
        if (error := self._endurance.judge(operation, answer, anyio.current_time())) is not None:
            self._shutdown.fail(error)

    async def _dead_letters(self) -> int:
        """How many dead letters there are. A server that is away costs no more than this figure of the summary."""
        try:
            return await messages_in(self.warehouse, self.warehouse.stack.dead_letter_url)
        except CloudError as error:
            self.report(f"dead letters were not counted: {error}")
            return 0

    def _limit(self, seconds: float) -> None:
        """Wait for the cloud at most so many real seconds from now on."""
        if self.cloud is not None:
            self.cloud.hurry(seconds * (self.options.speed or 1.0))

    # ---- the pipeline

    async def _play(self, top: Supervisor) -> None:
        """Run the pipeline until an ending is reached, then drain it; the files are put meanwhile."""
        state = RunState(self.recorder, self.warehouse, self._shutdown.begin)
        ends = [self._attempt(self._end, ending, state) for ending in self.endings]
        upload = self._attempt(upload_files, state, self.own_files, self.options.files)
        if self.warehouse is None:
            await self._play_beside(top, state, ends)
        elif self.options.virtual:  # a nap costs nothing
            await self._play_beside(top, state, [upload, *ends])
        else:
            async with background(upload):
                await head_start(state)
                await self._play_beside(top, state, ends)

    async def _play_beside(self, top: Supervisor, state: RunState, jobs: list[Job]) -> None:
        say, report = self.say, self.report
        with progress(self.recorder, self._expected()) as say_beside:
            if say_beside is not None and not self.options.quiet:
                say = report = say_beside
            async with running(
                top, recorder=self.recorder, seed=self.options.seed, say=say, report=self._noted(report)
            ):
                system = self._notes.system = self._shutdown.system = top.system
                state.playing.set()
                if self.cloud is not None and self.cloud.simulated is not None:
                    self._notes.messages(self.cloud.simulated, self.warehouse.queue_url)
                if self.warehouse is not None:
                    system.on_lost.append(lambda process, events: self.warehouse.lost(events))
                    system.on_refused.append(lambda message: self.warehouse.lost([message]))
                await self._shutdown.follow(system, *jobs)
        self.summary.seconds = system.now()
        self._notes.system = self._shutdown.system = None
        self._shutdown.verdict()

    def _attempt(self, job: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> Job:
        return partial(self._shutdown.attempt, partial(job, *arguments))

    async def _end(self, ending: Ending, state: RunState) -> None:
        await ending(state)
        self._shutdown.begin()

    def _expected(self) -> int | None:
        """How many events the run will consume, as far as that is known."""
        if self.options.events is not None or self.options.seconds is not None or self.options.forever:
            return self.options.events
        return None if self.warehouse is None else len(self.own_files) or self.options.files

    # ---- what is printed

    def _noted(self, report: Callable[[str], None]) -> Callable[[str], None]:
        """Report lines, and note them in the trace."""

        def noted(line: str) -> None:
            self._notes.report(line)
            report(line)

        return noted

    def _print(self, line: str) -> None:
        try:
            print(line, flush=True)
        except BrokenPipeError:  # `| head` has had enough: so have we
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
            self._shutdown.begin()
