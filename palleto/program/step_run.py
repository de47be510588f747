"""One run of one step: its place, its pipeline, and its summary."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractContextManager, AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from palleto.cloud import deploy, open_cloud
from palleto.cloud.clients.errors import ABANDONED
from palleto.cloud.command_line import unwritable
from palleto.cloud.endurance import Endurance, advised
from palleto.cloud.queue import BATCH
from palleto.cloud.streams import silence
from palleto.cloud.warehouse import open_warehouse
from palleto.errors import CloudError, SettingError, one_line
from palleto.program.endings import Ending, endings_of
from palleto.program.memory import share_arenas
from palleto.program.notes import Notes
from palleto.program.options import Options
from palleto.program.progress import Say, progress
from palleto.program.queue_depth import look_at_queue, messages_in
from palleto.program.shutdown import Shutdown
from palleto.program.state import RunState
from palleto.program.summary import Summary, plural
from palleto.program.upload import head_start, upload_files, user_files
from palleto.program.watch import shows_view, watch
from palleto.runtime import Observer, Order, Supervisor, Task, actor, background, running
from palleto.trace import Recorder

Pipeline = Callable[..., Supervisor]
Job = Callable[[], Coroutine[Any, Any, None]]

VIEWED = 0.5
"""Real seconds from one look at a queue that is watched to the next."""
CLOSING = 5.0
"""Real seconds for the last requests of a run that ended as it should."""
UNHEARD = logging.NullHandler()
"""Where nobody has set logging up: a step reports a crash in one line, and Python would print its traceback besides."""


class StepRun:
    """One run of one step; to be called once, in an event loop.

    recorder:   hears of everything; one is made if none is given.
    simulation: how the simulated place behaves (`palleto.cloud.Simulation`), or one that other runs use, too.
    faults:     what goes wrong with the pipeline's requests (`palleto.cloud.faults`); each is noted in the trace.
    observers:  hear of everything after it (`palleto.runtime.observer`).
    order:      decides whose turn it is, on virtual time (`palleto.running`), in the place of the options' seed.
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
        observers: Iterable[Observer] = (),
        order: Order | None = None,
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
        self.observers = observers
        self.order = order
        self.prepare = prepare
        self.summary = Summary()
        self.recorder.on_consumed.append(self.summary.consume)
        self.recorder.on_note.append(self.summary.note)
        self.say = self._as_long_as_it_goes((lambda line: None) if options.quiet else partial(print, flush=True))
        self.report = self._as_long_as_it_goes(lambda line: print(line, file=sys.stderr, flush=True))
        self.cloud: Any = None
        self.warehouse: Any = None
        self._notes = Notes(self.recorder)
        self._endurance = Endurance(options.patience)
        self._shutdown: Shutdown

    async def __call__(self) -> list[str]:
        """Run to the end, and return the summary's lines."""
        lines = await self._run()
        if self.recorder.failure is not None:  # its last lines did not go to the disk
            raise self.recorder.failure
        return lines

    async def _run(self) -> list[str]:
        self._shutdown = Shutdown(self.options.drain_timeout, self._limit, self.report)
        self.recorder.on_failure.append(self._shutdown.fail)
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
                undeleted = self.warehouse.leases.undeleted
                lines = self.summary.lines(self.cloud.requests, await self._dead_letters() - dead_before)
                if undeleted:
                    for line in lines:
                        self.report(line)
                    what = f"{undeleted} finished {plural('message', undeleted)} {'was' if undeleted == 1 else 'were'}"
                    said = f"{what} not deleted, and will come again; their results are on disk"
                    raise CloudError("sqs.DeleteMessageBatch", ABANDONED, said)
                return lines
        except BaseExceptionGroup as group:  # a task group wraps what is no Exception
            if group.subgroup(KeyboardInterrupt) is None:
                raise
            raise KeyboardInterrupt from None
        finally:
            self.recorder.close()

    # ---- the cloud

    async def _open_warehouse(self, stack: AsyncExitStack) -> Any:
        options = self.options
        share_arenas()
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
        self.report(self._why_simulated() or str(self.cloud.place))
        try:
            deployed = await deploy(self.cloud, report=self.report)
        except CloudError as error:
            raise advised(error) from error
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
        """The place that was named; the simulated one for a time of the run's own, which no server keeps."""
        options, time = self.options, self._time_of_its_own()
        if time is None:
            return options.place
        if options.endpoint is not None or options.place not in (None, "simulated"):
            other = f"--endpoint {options.endpoint}" if options.endpoint is not None else f"--place {options.place}"
            raise SettingError(f"expected {time} with --place simulated, as servers keep real time; got: {other}")
        return "simulated"

    def _time_of_its_own(self) -> str | None:
        """The option that says that this run's time is not the real one."""
        if self.options.virtual:
            return "--virtual"
        return f"--speed {self.options.speed:g}" if self.options.speed not in (None, 1.0) else None

    def _why_simulated(self) -> str | None:
        """Why the run is on the simulated place, where nobody named that."""
        time = self._time_of_its_own()
        return None if time is None or self.options.place else f"simulated, because servers keep real time ({time})"

    def _answered(self, operation: str, arguments: dict[str, Any], answer: Any) -> None:
        """A request of the pipeline's has its answer, or its error."""
        self._notes.request(operation, arguments, answer)
        if isinstance(task := actor(), Task) and not isinstance(answer, CloudError):
            task.progressed()
        if (error := self._endurance.judge(operation, arguments, answer, anyio.current_time())) is not None:
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
        if self.warehouse is not None and self._watched() and not self.options.virtual:
            ends.append(partial(look_at_queue, state, VIEWED * (self.options.speed or 1.0)))
        upload = self._attempt(upload_files, state, self.own_files, self.options.files, self.options.patience)
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
        logging.getLogger("palleto").addHandler(UNHEARD)
        with self._shown() as beside:
            if beside is not None and not self.options.quiet:
                say, report = map(self._as_long_as_it_goes, beside)
            async with running(
                top,
                recorder=self.recorder,
                observers=self.observers,
                seed=self.options.seed,
                order=self.order,
                say=say,
                report=self._noted(report),
                on_standstill=self._noted(report),
            ):
                system = self._notes.system = self._shutdown.system = top.system
                state.playing.set()
                if self.cloud is not None and self.cloud.simulated is not None:
                    self._notes.messages(self.cloud.simulated, self.warehouse.queue_url)
                system.on_lost.append(self.summary.lose)
                if self.warehouse is not None:
                    system.on_lost.append(lambda process, events: self.warehouse.lost(events))
                    system.on_refused.append(lambda message: self.warehouse.lost([message]))
                await self._shutdown.follow(system, *jobs)
            self.summary.seconds = system.now()
            self._notes.system = self._shutdown.system = None
            self._shutdown.verdict()

    def _shown(self) -> AbstractContextManager[tuple[Say, Say] | None]:
        """What is shown of the run on a terminal: the view that was asked for, or a progress bar."""
        options = self.options
        if not self._watched():
            return progress(self.recorder, self._expected())
        files = None if self.warehouse is None else self._expected()
        speed = None if options.virtual else options.speed or 1.0
        title, quiet = self._title(), options.quiet
        recorder, say, report = self.recorder, self.say, self.report
        return watch(recorder, title, expected=files, speed=speed, quiet=quiet, say=say, report=report)

    def _watched(self) -> bool:
        return self.options.watch and shows_view()

    def _title(self) -> str:
        """What runs, where, and how fast."""
        step = inspect.getmodule(self.pipeline)
        name = Path(step.__file__ or "").stem if step is not None else ""
        place = "" if self.cloud is None else self.cloud.place.name
        factor = self.options.speed or 1.0
        time = "virtual time" if self.options.virtual else f"speed {factor:g}" if factor != 1.0 else ""
        return "  ".join(part for part in (name, place, time) if part)

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
        """Report lines, and note them in the trace. What the run's own error will say at the end is noted only."""

        def noted(line: str) -> None:
            self._notes.report(line)
            system = self._shutdown.system
            failure = self._shutdown.failure or (None if system is None else system.failure)
            said = failure.code if isinstance(failure, CloudError) else str(failure)
            if failure is None or said not in line:
                report(line)

        return noted

    def _as_long_as_it_goes(self, write: Callable[[str], None]) -> Callable[[str], None]:
        """Write lines; where that fails, end the run, and write nothing more there."""

        def written(line: str) -> None:
            try:
                write(one_line(line))
            except OSError as error:
                silence()
                if isinstance(error, BrokenPipeError):  # `| head` has had enough: so have we
                    self._shutdown.begin()
                else:
                    self._shutdown.fail(SettingError(unwritable(error)))

        return written
