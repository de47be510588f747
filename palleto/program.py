"""A step as a program: its options, its place, its clock, what ends it, and the summary.

    if __name__ == "__main__":
        main(pipeline, until=after_events(30))

First Ctrl-C (or SIGTERM): stop asking, finish what is in hand, end. Second: end now; what is in hand is given back.
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
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import anyio

from palleto import clock
from palleto.background import background
from palleto.data import user_files
from palleto.ending import Ending, Run, after_events, first_of, messages_in, queue_empty, second_time
from palleto.errors import PalletoError, SettingError
from palleto.options import Options, parse, parser
from palleto.progress import progress
from palleto.recorder import Recorder
from palleto.stage import Stage
from palleto.summary import Summary, observation
from palleto.supervise import Supervisor
from palleto.system import System, actor, running

__all__ = ["after_events", "main", "perform", "queue_empty", "second_time"]

Pipeline = Callable[..., Supervisor]


def main(pipeline: Pipeline, until: Ending, arguments: Sequence[str] | None = None) -> None:
    """Run a step's pipeline as the command line says, and exit: 0, 1 after an error, 130 after a second Ctrl-C.

    `pipeline` makes the step's supervisor; if it takes a `warehouse` it gets one, and if it takes `pipelines`
    their number is an option.
    """
    takes = inspect.signature(pipeline).parameters
    module = sys.modules[pipeline.__module__]
    program = f"python -m steps.{Path(module.__file__ or 'step').stem}"
    cloud = "warehouse" in takes
    options = parse(parser(program, module.__doc__ or "", cloud=cloud, pipelines="pipelines" in takes), arguments)
    if isinstance(sys.stdout, TextIOWrapper):  # a key may hold characters that the terminal has not
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        for line in perform(pipeline, until, options):
            print(line, file=sys.stderr)
    except PalletoError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def perform(
    pipeline: Pipeline, until: Ending, options: Options, *, say: Callable[[str], None] | None = None, **watch: Any
) -> list[str]:
    """Run a step's pipeline and return the lines of its summary.

    say: takes what the step says, in place of standard output. watch: see `Performance`.
    """
    performance = Performance(pipeline, until, options, **watch)
    if say is not None:
        performance.say = say
    time: Any = "virtual" if options.virtual else options.speed or "real"
    return clock.run(performance, backend=options.backend, time=time, seed=options.seed)


class Performance:
    """One run of one step.

    recorder:   hears of everything; one is made if none is given.
    simulation: how the simulated place behaves (`palleto.cloud.Simulation`).
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
        prepare: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.options = options
        self.endings = _endings(until, options, cloud="warehouse" in inspect.signature(pipeline).parameters)
        self.data = user_files(options.data)  # here, so that a path that is not there is told before anything runs
        self.recorder = recorder or Recorder(keep=False, file=options.trace)
        self.simulation = simulation
        self.prepare = prepare
        self.summary = Summary()
        self.recorder.listeners.append(self.summary)
        self.say: Callable[[str], None] = (lambda line: None) if options.quiet else self._print
        self.report: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)
        self.system: System | None = None
        self.failure: PalletoError | None = None
        self.cloud: Any = None
        self.warehouse: Any = None

    async def __call__(self) -> list[str]:
        """Run to the end, and return the summary's lines."""
        takes = inspect.signature(self.pipeline).parameters
        try:
            async with AsyncExitStack() as stack:
                arguments: dict[str, Any] = {}
                if "warehouse" in takes:
                    self.warehouse = arguments["warehouse"] = await self._open_warehouse(stack)
                    dead_before = await messages_in(self.warehouse, self.warehouse.stack.dead_letter_url)
                for setting in ("pipelines", "max_demand"):
                    if setting in takes:
                        arguments[setting] = getattr(self.options, setting)
                await self._play(self.pipeline(**arguments))
                if self.warehouse is None:
                    return self.summary.lines()
                given_back = await self.warehouse.leases.give_back()
                if given_back:
                    self.report(f"{given_back} messages were given back to the queue")
                dead = await messages_in(self.warehouse, self.warehouse.stack.dead_letter_url)
                return self.summary.lines(self.cloud.requests, dead - dead_before)
        except BaseExceptionGroup as group:  # a task group wraps what is no Exception
            if group.subgroup(KeyboardInterrupt) is None:
                raise
            raise KeyboardInterrupt from None
        finally:
            self.recorder.close()

    async def _open_warehouse(self, stack: AsyncExitStack) -> Any:
        from palleto.cloud import deploy, open_cloud
        from palleto.cloud.leases import BATCH
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
        self.cloud = await stack.enter_async_context(
            open_cloud(
                place,
                endpoint=options.endpoint,
                concurrency=3 * options.pipelines + 16,
                seed=options.seed,
                observer=self._observe,
                simulation=self.simulation,
            )
        )
        self.report(f"{self.cloud.place.name}: {self.cloud.place.reason}")
        deployed = await deploy(self.cloud)
        warehouse = await stack.enter_async_context(
            open_warehouse(
                self.cloud,
                deployed,
                output=options.output,
                max_bytes=options.max_bytes,
                batch=min(options.max_demand, BATCH),
                report=self.report,
            )
        )
        if self.prepare is not None:
            await self.prepare(self.cloud, deployed)
        return warehouse

    def _observe(self, operation: str, arguments: dict[str, Any], answer: Any) -> None:
        if self.system is not None:
            kind, ids, data = observation(operation, arguments, answer)
            self.recorder.note(kind, actor(), events=ids, **data)

    async def _play(self, top: Supervisor) -> None:
        """Run the pipeline until an ending is reached, then drain it."""
        run = Run(self.recorder, self.warehouse, self._over)
        self.over = anyio.Event()
        self.at_once = anyio.CancelScope()
        jobs = [partial(self._upload, run), *(partial(self._end, ending, run) for ending in self.endings)]
        output = {"say": self.say, "report": self.report}
        with progress(self.recorder, self._expected()) as say_beside:
            if say_beside is not None and not self.options.quiet:
                output = dict.fromkeys(output, say_beside)
            async with running(top, recorder=self.recorder, seed=self.options.seed, **output):
                self.system = top.system
                if self.warehouse is not None:
                    top.system.on_lost.append(lambda process, events: self.warehouse.leases.lost(events))
                    top.system.on_refused.append(lambda message: self.warehouse.leases.lost([message]))
                with self.at_once:
                    async with background(self._heed_signals, *(partial(self._try, job) for job in jobs)):
                        await self.over.wait()
                        with anyio.move_on_after(self.options.drain_timeout):
                            await top.system.drain()
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
        """From now on, cancel what runs in a stage instead of waiting until it is done."""
        for process in list(self.system.processes.values()) if self.system is not None else []:
            if isinstance(process, Stage):
                process.patience = 0.0  # type: ignore[misc]

    async def _upload(self, run: Run) -> None:
        if self.warehouse is not None:
            from palleto.cloud import samples, upload

            files: Any = self.data or samples(self.options.files)
            await upload(self.cloud, self.warehouse.stack, files)
        run.uploaded.set()

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


def _endings(until: Ending, options: Options, *, cloud: bool) -> list[Ending]:
    endings: list[Ending] = []
    if options.events is not None:
        enough = after_events(options.events)
        # Nobody but this run can put files on the simulated place: an empty queue there stays empty for ever.
        endings.append(first_of(enough, queue_empty) if options.virtual and cloud else enough)
    if options.seconds is not None:
        seconds = options.seconds
        endings.append(lambda run: anyio.sleep(seconds))
    if options.forever:
        return endings
    return endings or [until]
