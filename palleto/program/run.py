"""One run of one step: its place, what ends it, its end, and its summary. program.py makes one of a command line.

Its end, or the first Ctrl-C (or SIGTERM): stop asking, finish what is in hand; at most `--drain-timeout` seconds. Then,
or at the second Ctrl-C: end now; what is in hand is given back. A server that does not answer is waited for `HURRY`
seconds then, and left behind; what a poll under way receives later comes again after its visibility timeout.
"""

from __future__ import annotations

import inspect
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import anyio

from palleto.cloud.trace_events import Observation, watch
from palleto.errors import CloudError, PalletoError, SettingError
from palleto.program.data import user_files
from palleto.program.endings import Ending, Run, endings, messages_in
from palleto.program.options import Options
from palleto.program.progress import progress
from palleto.program.summary import Summary
from palleto.program.supply import head_start, supply
from palleto.runtime import Stage, Supervisor, System, Task, actor, background, running
from palleto.trace import Recorder

__all__ = ["Performance", "Pipeline"]

Pipeline = Callable[..., Supervisor]

HURRY = 1.0
"""Real seconds for answers that are still to come, and for giving back what is in hand, where the run must end now."""
CLOSING = 5.0
"""Real seconds for the last requests of a run that ended as it should."""


class Performance:
    """One run of one step.

    recorder:   hears of everything; one is made if none is given.
    simulation: how the simulated place behaves (`palleto.cloud.Simulation`).
    faults:     what goes wrong with the pipeline's requests (`palleto.cloud.faults`); each is noted in the trace.
    prepare:    called with the open cloud and the stack before the pipeline starts; a test scripts deliveries there.
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
        self.options = options
        self.endings = endings(until, options, cloud="warehouse" in inspect.signature(pipeline).parameters)
        self.data = user_files(options.data)  # here, so that a path that is not there is told before anything runs
        self.recorder = recorder or Recorder(keep=False, file=options.trace)
        self.simulation = simulation
        self.faults = faults
        self.endurance: Any = None
        self.prepare = prepare
        self.summary = Summary()
        self.recorder.on_consumed.append(self.summary.consume)
        self.recorder.on_note.append(self.summary.note)
        self.say: Callable[[str], None] = (lambda line: None) if options.quiet else self._print
        self.report: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)
        self.system: System | None = None
        self.failure: PalletoError | None = None
        self.cloud: Any = None
        self._observation = Observation()
        self.warehouse: Any = None

    async def __call__(self) -> list[str]:
        """Run to the end, and return the summary's lines."""
        takes = inspect.signature(self.pipeline).parameters
        try:
            async with AsyncExitStack() as stack:
                arguments: dict[str, Any] = {}
                if "warehouse" in takes:
                    self.warehouse = arguments["warehouse"] = await self._open_warehouse(stack)
                    dead_before = await self._dead_letters()
                for setting in ("pipelines", "max_demand"):
                    if setting in takes:
                        arguments[setting] = getattr(self.options, setting)
                await self._play(self.pipeline(**arguments))
                if self.warehouse is None:
                    return self.summary.lines()
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

    async def _open_warehouse(self, stack: AsyncExitStack) -> Any:
        from palleto.cloud import deploy, open_cloud
        from palleto.cloud.endurance import Endurance
        from palleto.cloud.queue import BATCH
        from palleto.cloud.warehouse import open_warehouse

        options = self.options
        place = options.place
        if options.virtual:
            if options.endpoint is not None or place not in (None, "simulated"):
                other = f"--endpoint {options.endpoint}" if options.endpoint is not None else f"--place {place}"
                raise SettingError(
                    f"expected --virtual with --place simulated, as servers keep real time; got: {other}"
                )
            place = "simulated"
        self.endurance = Endurance()
        if self.faults is not None:
            self.recorder.listeners.append(self.faults.hear)
            self.faults.listeners.append(self._note_fault)
        self.cloud = await stack.enter_async_context(
            open_cloud(
                place,
                endpoint=options.endpoint,
                concurrency=max(2 * options.pipelines, options.max_demand, 12) + 2,  # two polls; 8 more cost a tenth
                seed=options.seed,
                observer=self._observe,
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
                report=lambda line: self._reported(self.report, line),
            )
        )
        allowed = deployed.max_receive_count if self.cloud.simulated is None else None
        self._observation.of_queue(deployed.visibility_timeout, allowed)
        if self.prepare is not None:
            await self.prepare(self.cloud, deployed)
        return warehouse

    def _observe(self, operation: str, arguments: dict[str, Any], answer: Any) -> None:
        if self.system is not None:
            for kind, ids, data in self._observation.told(operation, arguments, answer, self.system.now()):
                self.recorder.note(kind, actor(), events=ids, **data)
        if isinstance(task := actor(), Task) and not isinstance(answer, CloudError):
            task.progressed()
        if (error := self.endurance.judge(operation, answer, anyio.current_time())) is not None:
            self.failure = self.failure or error
            self._over()

    def _note_fault(self, operation: str, what: str) -> None:
        if self.system is not None:
            self.recorder.note("fault", actor(), operation=operation, what=what)

    def _reported(self, report: Callable[[str], None], line: str) -> None:
        if self.system is not None:
            self.recorder.note("report", actor(), text=line)
        report(line)

    def _watch(self) -> None:
        """Have the simulated queue tell of each message; those that it holds already come first."""
        if self.cloud is None or self.cloud.simulated is None:
            return

        def tell(message_id: str, data: dict[str, Any]) -> None:
            if self.system is not None:
                self.recorder.note("message", actor(), events=[message_id], **data)

        watch(self.cloud.simulated, self.warehouse.queue_url, tell)

    async def _play(self, top: Supervisor) -> None:
        """Run the pipeline until an ending is reached, then drain it."""
        run = Run(self.recorder, self.warehouse, self._over)
        self.over = anyio.Event()
        self.at_once = anyio.CancelScope()
        upload = partial(self._try, partial(supply, self.cloud, run, self.data, self.options.files))
        jobs = [partial(self._try, partial(self._end, ending, run)) for ending in self.endings]
        if self.warehouse is None:
            await self._play_beside(top, run, jobs)
        elif self.options.virtual:  # a nap costs nothing
            await self._play_beside(top, run, [upload, *jobs])
        else:
            async with background(upload):
                await head_start(run)
                await self._play_beside(top, run, jobs)

    async def _play_beside(self, top: Supervisor, run: Run, jobs: Sequence[Callable[[], Any]]) -> None:
        output = {"say": self.say, "report": self.report}
        with progress(self.recorder, self._expected()) as say_beside:
            if say_beside is not None and not self.options.quiet:
                output = dict.fromkeys(output, say_beside)
            output["report"] = partial(self._reported, output["report"])
            async with running(top, recorder=self.recorder, seed=self.options.seed, **output):
                self.system = top.system
                run.playing.set()
                self._watch()
                if self.warehouse is not None:
                    top.system.on_lost.append(lambda process, events: self.warehouse.lost(events))
                    top.system.on_refused.append(lambda message: self.warehouse.lost([message]))
                with self.at_once:
                    async with background(self._heed_signals, *jobs):
                        await self.over.wait()
                        with anyio.move_on_after(self.options.drain_timeout) as drain:
                            await top.system.drain()
                        if drain.cancelled_caught:
                            self._hurry()
        self.summary.seconds = top.system.now()
        self.system = None
        if self.at_once.cancel_called:
            raise KeyboardInterrupt
        if self.failure is not None:
            raise self.failure

    def _expected(self) -> int | None:
        """How many events the run will consume, as far as that is known."""
        if self.options.events is not None or self.options.seconds is not None or self.options.forever:
            return self.options.events
        return None if self.warehouse is None else len(self.data) or self.options.files

    def _print(self, line: str) -> None:
        try:
            print(line, flush=True)
        except BrokenPipeError:  # `| head` has had enough: so have we
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
            self._over()

    async def _try(self, job: Callable[[], Awaitable[None]]) -> None:
        """Do a job beside the pipeline. If it fails, what is in hand is finished, and the run fails with its error."""
        try:
            await job()
        except PalletoError as error:
            self.failure = self.failure or error
            self._over()

    async def _end(self, ending: Ending, run: Run) -> None:
        await ending(run)
        self._over()

    def _over(self) -> None:
        """The end is reached: ask for nothing more, from this very moment."""
        if not self.over.is_set():
            self.over.set()
            if self.system is not None:  # else the pipeline is still starting
                self.system.quiet()

    def _hurry(self) -> None:
        """From now on, cancel what runs in a stage instead of waiting until it is done, and wait for no server."""
        self._limit(HURRY)
        for process in list(self.system.processes.values()) if self.system is not None else []:
            if isinstance(process, Stage):
                process.patience = 0.0  # type: ignore[misc]

    async def _heed_signals(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for number in signals:
                if self.over.is_set():
                    self._hurry()
                    self.at_once.cancel()
                    return
                self.report(f"{signal.Signals(number).name}: finishing what is in hand; once more ends at once")
                self._over()
