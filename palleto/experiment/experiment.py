"""A run of a step in a thread of its own, and the handles to change it while it runs.

The notebook's kernel stays free: the run has an event loop of its own in a worker thread, and each handle passes its
change (`changes.py`) to that loop. Only one experiment runs at a time: starting one stops the one before, so a cell can
be run again.
"""

from __future__ import annotations

import asyncio
import atexit
import inspect
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import fields, replace
from functools import wraps
from pathlib import Path
from typing import Any

import anyio

from palleto import clock
from palleto.core import Terms
from palleto.errors import PalletoError, SettingError
from palleto.experiment import changes
from palleto.experiment.code import Code, code_of, edited
from palleto.experiment.command import Command
from palleto.files import result_path
from palleto.program import Ending, Options, RunState, StepRun, messages_in
from palleto.runtime import Observer, Order, Supervisor, System, describe
from palleto.trace import Recorder, Trace, TraceEvent

LOOK = 0.5
"""Seconds of run time between two looks at the queue."""
COMMANDS = 20
"""Commands that are remembered."""
BACKLOG = 100
"""Messages in the queue at which no more files are fed to a run that lasts until it is stopped."""
FILES = 1_000
"""Files of such a run that stay in the bucket and among the results; older ones are removed."""
EVENTS = 200_000
"""Trace events of such a run that are kept in memory, 120 MB; listeners hear all."""

_live: set[Experiment] = set()

readers: list[Callable[[Record], None]] = []
"""Each hears, in the thread that does it, of a run that begins, and whenever the trace events of one are read."""


class Experiment:
    """A step's pipeline, run as often as you like.

    pipeline:  makes the supervisor, as in the step: `pipeline()` or `pipeline(warehouse)` or
               `pipeline(warehouse, pipelines=3)`.
    speed:     how many times faster than real time, above 0; may be changed while it runs.
    virtual:   True: no waiting at all, time jumps (with a queue: on the simulated place); cannot be paused then.
    seconds:   of run time after which it ends; None: at `until`, or when stopped.
    until:     an ending (`palleto.program.endings`), or None.
    files:     sample files that arrive in the bucket, `rate` a second of run time (None: all at once).
    place, endpoint, pipelines, seed, max_bytes: as the options of a step.
    output:    the folder for results; a temporary one if None.
    simulation: how the simulated place behaves (`palleto.cloud.Simulation`: latencies, chance); others ignore it.
    faults:    what goes wrong with the pipeline's requests (`palleto.cloud.faults`), also while it runs.
    observers: hear of everything that happens, after the trace (`palleto.runtime.observer`), in each of its runs.
    fresh:     empty LocalStack's queue first: it lasts, and a run before may have left messages. Elsewhere it does
               nothing: an embedded or simulated queue is new for each run, and any other is not ours to empty.
    prepare:   called with the open cloud and the stack before the pipeline starts, and awaited.

    `trace` is the recorder, `said` the printed lines, `error` the one line that the run failed with, or None;
    `commands` what the handles were asked for last. What `resize`, `set_copies`, `set_speed` and `set_rate` set holds
    from then on, also for stages that start later and for the next run.
    """

    def __init__(
        self,
        pipeline: Callable[..., Supervisor],
        *,
        speed: float = 1.0,
        virtual: bool = False,
        seconds: float | None = None,
        until: Ending | None = None,
        files: int = 12,
        rate: float | None = None,
        output: Path | None = None,
        simulation: Any = None,
        faults: Any = None,
        observers: Iterable[Observer] = (),
        fresh: bool = False,
        prepare: Callable[[Any, Any], Any] | None = None,
        **options: Any,
    ) -> None:
        if not callable(pipeline):
            raise SettingError(f"expected a function that makes a pipeline, got: {pipeline!r:.60}")
        for name, number in (("speed", speed), ("seconds", seconds)):
            if number is not None and not (isinstance(number, int | float) and number > 0):
                raise SettingError(f"expected {name} to be a number above 0, got: {number!r}")
        if until is not None and not callable(until):
            raise SettingError(f"expected until to be an ending, such as queue_empty, got: {until!r:.60}")
        if unknown := sorted(options.keys() - {field.name for field in fields(Options)}):
            raise SettingError(f"expected settings of an Experiment or options of a step, got: {', '.join(unknown)}")
        self.pipeline = pipeline
        self.speed = speed
        self.virtual = virtual
        self.seconds = seconds
        self.until = until
        self.files = files
        self.rate = rate
        self.output = output
        self.simulation = simulation
        self.faults = faults
        self.observers = tuple(observers)
        self.fresh = fresh
        self.prepare = prepare
        self.options = options
        self.order: Order | None = None  # of a run whose turns somebody decides: `ChosenSchedule`
        self.listeners: list[Callable[[TraceEvent], None]] = []
        self.commands: deque[Command] = deque(maxlen=COMMANDS)
        self.max_demand: int | None = None
        self.wanted_copies: int | None = None
        self._made = 0
        self._reset()

    def __repr__(self) -> str:
        state = "paused" if self.paused else "running" if self.running else "not running"
        now = self.trace.events[-1].t if self.trace.events else 0.0
        return f"<Experiment {state} at {now:.1f} s, {len(self.trace.events)} trace events{self._trouble()}>"

    def _trouble(self) -> str:
        return f", failed: {self.error}" if self.error else ""

    def _reset(self, *, until_stopped: bool = False) -> None:
        self.until_stopped = until_stopped
        self.trace: Record = Record(self.pipeline, self._begin, keep=EVENTS if until_stopped else True)
        self.arrived = False
        self.said: list[str] = []
        self.reported: list[str] = []
        self.summary: list[str] = []
        self.error: str | None = None
        self.paused = False
        self.system: System | None = None
        self.performance: StepRun | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._over: anyio.Event | None = None
        self._wake: asyncio.Event | None = None
        self._changes: deque[tuple[Callable[[System], Any], Command]] = deque()
        self._rated: anyio.Event | None = None
        self._looked: anyio.Event | None = None
        self._waiting = 0
        self._ready = threading.Event()

    # ---- life

    @property
    def running(self) -> bool:
        """Whether the run's thread is alive."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def now(self) -> float:
        """Seconds of run time since the pipeline started; any thread may ask. 0 before that and after the end."""
        loop, system = self._loop, self.system
        return 0.0 if loop is None or system is None else max(0.0, loop.time() - system.started)

    @property
    def place(self) -> str:
        """Where the run's queue is, and why; empty for a step without one, or before it runs."""
        if self.performance is None or self.performance.cloud is None:
            return ""
        return str(self.performance.cloud.place)

    @property
    def kept(self) -> float | None:
        """Up to which run time `trace` has kept its events; None: all of them. So far figures and a player go."""
        return self.trace.events[-1].t if self.until_stopped and len(self.trace.events) >= EVENTS else None

    @property
    def edited(self) -> list[str]:
        """The names of the user's functions and classes that have been edited since the run began, as it knows them."""
        return edited(self.pipeline, self.trace.code)

    def start(self, *, until_stopped: bool = False) -> Experiment:
        """Start a fresh run and return at once. What ran before, here or in another experiment, is stopped.

        until_stopped: the run lasts until `stop`, whatever `seconds` and `until` say, and is fed files as long, but
                       for AWS. Its memory is bounded. One on virtual time ends as it always does.
        """
        for other in list(_live):
            other.stop()
        self._reset(until_stopped=until_stopped and not self.virtual)
        self.trace.listeners += self.listeners
        self.trace.code = code_of(self.pipeline)
        self.trace.tell()
        self._thread = threading.Thread(target=self._run, name="palleto experiment", daemon=True)
        _live.add(self)
        self._thread.start()
        return self

    def stop(self, timeout: float = 15.0) -> None:
        """End the run as a first Ctrl-C does, and wait until it has (at most `timeout` real seconds)."""
        if self.running:
            self._ready.wait(timeout)
            if self.paused:
                self.paused = False
                self._pass(self._resume)
            self._pass(lambda system: self._over.set() if self._over is not None else None)
        self.join(timeout)
        if not self.running:  # else another thread has started it again, or it hangs
            _live.discard(self)

    def join(self, timeout: float | None = None) -> None:
        """Wait until the run has ended, at most `timeout` real seconds."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def wait_ready(self, timeout: float = 30.0) -> bool:
        """Wait until the pipeline is up (or has failed to come up)."""
        return self._ready.wait(timeout)

    # ---- the handles: all may be called from any thread; what each is asked for stands in `commands`

    def pause(self) -> None:
        """Let time stand, and let no stage take another message."""
        if self.virtual:
            self.asked("pause").failed("virtual time cannot be paused")
        elif not self.paused:
            self.paused = self.running
            self._pass(self._pause, self.asked("pause"))

    def _pause(self, system: System) -> None:
        system.pause()
        self._set_factor(0.0)

    def resume(self) -> None:
        """Undo `pause`."""
        if self.paused:
            self.paused = False
            self._pass(self._resume, self.asked("resume"))

    def _resume(self, system: System) -> None:
        self._set_factor(self.speed)
        system.resume()

    def set_speed(self, factor: float) -> None:
        """Let time go `factor` (above 0) times faster than real time from now on."""
        if factor <= 0:
            raise SettingError(f"expected speed to be above 0, got: {factor!r}")
        self.speed = factor
        command = self.asked(f"speed {factor:g}", setting=True)
        self._pass(lambda system: None if self.paused else self._set_factor(factor), command)

    def set_rate(self, rate: float | None) -> None:
        """Let files arrive at that rate a second of run time (above 0; None: all at once) from now on."""
        if rate is not None and rate <= 0:
            raise SettingError(f"expected the rate to be above 0, got: {rate!r}")
        self.rate = rate
        words = "all files at once" if rate is None else f"{rate:g} files a second"
        self._pass(
            lambda system: self._rated.set() if self._rated is not None else None, self.asked(words, setting=True)
        )

    def _set_factor(self, factor: float) -> None:
        loop: Any = self._loop
        if not self.virtual:
            loop.set_factor(factor)

    def resize(self, max_demand: int) -> None:
        """Give every consumer and producer-consumer the demand 0/`max_demand`, 1 or more."""
        if max_demand < 1:
            raise SettingError(f"expected max_demand to be 1 or more, got: {max_demand!r}")
        self.max_demand = max_demand
        command = self.asked(f"max_demand {max_demand}", setting=True)
        self._pass(lambda system: changes.resize(system, max_demand), command)

    @property
    def stages(self) -> list[str]:
        """The labels of the stages that run."""
        return [] if self.system is None else [stage.label for stage in changes.stages_of(self.system)]

    def kill_stage(self, label: str) -> None:
        """Kill the stage of that label, in the middle of whatever it does; its supervisor starts it again."""
        self._pass(lambda system: changes.kill_stage(system, label), self.asked(f"kill {label}"))

    def kill_loop(self) -> None:
        """Cancel the server loops that run. Nobody starts them again: only new demand does."""
        self._pass(changes.kill_loops, self.asked("kill the loop"))

    def crash_loop(self) -> None:
        """Let the server loops that run crash. One that is supervised as "transient" runs again, from its run 0."""
        self._pass(changes.crash_loops, self.asked("crash the loop"))

    def drop(self, content: bytes = b"this is not gzip", name: str = "bad") -> None:
        """Put a file into the bucket, by default one that is not gzip."""
        self._made += 1
        key = f"packrat/data/{name}-{self._made}.gz"

        async def change(system: System) -> None:
            assert self.performance is not None
            warehouse = self.performance.warehouse
            if warehouse is None:
                raise SettingError("this step has no queue")
            await warehouse.cloud.monitor.s3.put_object(Bucket=warehouse.bucket, Key=key, Body=content)
            self.trace.note("sent", None, events=[key])

        self._pass(change, self.asked(f"drop {key}"))

    @property
    def copies(self) -> int:
        """How many children like the last one the top supervisor has (consumers, or pipelines); 0 when it has ended."""
        system = self.system
        return len(changes.copies_of(system)[1]) if self.running and system is not None else 0

    def set_copies(self, count: int, noun: str = "copies") -> None:
        """Start or stop consumers (or pipelines) like the last one, until there are `count` of them, 1 or more.

        noun: what they are called in `commands`.
        """
        if count < 1:
            raise SettingError(f"expected 1 or more, got: {count!r}")
        self.wanted_copies = count
        self._pass(lambda system: changes.set_copies(system, count), self.asked(f"{count} {noun}", setting=True))

    def asked(self, words: str, *, setting: bool = False) -> Command:
        """Write down that somebody asked for something; whoever does it says so."""
        command = Command(words, setting=setting)
        self.commands.append(command)
        return command

    # ---- in the run's thread

    def _run(self) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="palleto-lab-") as folder:
                chosen = {} if self.wanted_copies is None else {"pipelines": self.wanted_copies}
                options = Options(
                    files=0,
                    output=self.output or Path(folder),
                    drain_timeout=5.0,
                    virtual=self.virtual,
                    **{**self.options, **chosen},
                )
                performance = StepRun(
                    self._prepared(),
                    self._ending,
                    options,
                    recorder=self.trace,
                    simulation=self.simulation,
                    faults=self.faults,
                    observers=self.observers,
                    order=self.order,
                    prepare=self._prepare,
                )
                performance.say = self.said.append
                performance.report = self.reported.append
                self.performance = performance
                self.summary = clock.run(performance, time="virtual" if self.virtual else self.speed)
        except PalletoError as error:
            self.error = str(error)
        except BaseException as error:  # shown in the dashboard: a thread's error is seen by nobody else
            while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
                error = error.exceptions[0]
            self.error = f"{type(error).__name__}: {error}"
        finally:
            self._loop = self._wake = None
            self._ready.set()
            _live.discard(self)
            while self._changes:
                self._changes.popleft()[1].missed("the run has ended")

    def _prepared(self) -> Callable[..., Supervisor]:
        """The pipeline, with as many copies as were asked for before it starts."""

        @wraps(self.pipeline)  # so that it is seen what it takes
        def prepared(*args: Any, **arguments: Any) -> Supervisor:
            top = self.pipeline(*args, **arguments)
            if not isinstance(top, Supervisor):
                raise SettingError(f"expected a function that returns a Supervisor, got one that returns: {top!r:.60}")
            if self.wanted_copies is not None:
                changes.prepare_copies(top, self.wanted_copies)
            return top

        return prepared

    def _begin(self, system: System) -> None:
        """The run begins: with what was set before, so stages subscribe with the demand that was asked for."""
        system.on_terms = self._terms
        for command in self.commands:
            if command.state == "kept":
                command.done(0.0)

    def _terms(self, own: Terms) -> Terms:
        return own if self.max_demand is None else replace(own, max_demand=self.max_demand, min_demand=0)

    async def _ending(self, run: RunState) -> None:
        """Runs beside the pipeline, in its loop, and returns when the run should end."""
        # The run's own word that all files are up comes at once, as the options name none: here `_arrivals` says it.
        run = RunState(run.recorder, run.warehouse, run.end)
        self._loop = asyncio.get_running_loop()
        self.system = System.current()
        over = self._over = anyio.Event()
        self._wake = asyncio.Event()
        self._wake.set()  # for what was asked for while it started
        self._ready.set()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._carry_out, self.system)
            if run.warehouse is not None:
                tasks.start_soon(self._arrivals, run)
                tasks.start_soon(self._look, run)
            if self.until is not None and not self.until_stopped:
                tasks.start_soon(self._until, run, over)
            with anyio.move_on_after(None if self.until_stopped else self.seconds):
                await over.wait()
            tasks.cancel_scope.cancel()

    def _pass(self, change: Callable[[System], Any], command: Command | None = None) -> None:
        """Have `change` (plain or async) called in the run's loop, with its system, after those passed before.

        What is passed while the run starts is done once it has. From another thread
        only `call_soon_threadsafe` may touch a loop.
        """
        command = command or Command("")
        if not self.running:
            command.missed("nothing runs")
            return
        self._changes.append((change, command))
        loop, wake = self._loop, self._wake
        if loop is not None and wake is not None:
            with suppress(RuntimeError):  # the loop has closed in this very moment
                loop.call_soon_threadsafe(wake.set)

    async def _carry_out(self, system: System) -> None:
        """Call what was passed, one after the other. One that fails is reported and stops nothing."""
        assert self._wake is not None
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._changes:
                change, command = self._changes.popleft()
                try:
                    result = change(system)
                    if inspect.isawaitable(result):
                        await result
                    command.done(system.now())
                except PalletoError as error:
                    command.failed(str(error))
                except Exception as error:
                    self.reported.append(describe(error))
                    command.failed(describe(error))

    async def _until(self, run: RunState, over: anyio.Event) -> None:
        assert self.until is not None
        await self.until(run)
        over.set()

    async def _prepare(self, cloud: Any, stack: Any) -> None:
        """Purge what a run before has left in LocalStack's queue, also what is still hidden; then the user's part."""
        if self.fresh and cloud.place.name == "localstack":
            await cloud.monitor.sqs.purge_queue(QueueUrl=stack.queue_url)
        if self.prepare is not None:
            await self.prepare(cloud, stack)

    async def _arrivals(self, run: RunState) -> None:
        """Let the sample files arrive, at the rate of the moment.

        They are put even where a place has them from a run before, as LocalStack may: only so they are announced.
        """
        from palleto.cloud import endless_samples, samples

        assert run.warehouse is not None
        cloud, bucket = run.warehouse.cloud, run.warehouse.bucket
        endless = self.until_stopped and self.files > 0 and cloud.place.name != "aws"
        keys: deque[str] = deque()
        for sample in endless_samples() if endless else samples(self.files):
            while endless and self._waiting >= (self.files if self.rate is None else BACKLOG):
                self._looked = anyio.Event()
                await self._looked.wait()
            await cloud.monitor.s3.put_object(Bucket=bucket, Key=sample.key, Body=sample.data)
            self.trace.note("sent", None, events=[sample.key])
            self._waiting += 1
            keys.append(sample.key)
            if endless and len(keys) > FILES:
                await self._remove(run.warehouse, keys.popleft())
            await self._between()
        self.arrived = True
        run.uploaded.set()

    async def _between(self) -> None:
        """Wait until the next file is due. Another rate counts at once."""
        while self.rate is not None:
            self._rated = anyio.Event()
            with anyio.move_on_after(1 / self.rate) as due:
                await self._rated.wait()
            if due.cancelled_caught:
                return

    async def _remove(self, warehouse: Any, key: str) -> None:
        """Remove a file that is done long since, and its result where nobody else has the folder."""
        await warehouse.cloud.monitor.s3.delete_object(Bucket=warehouse.bucket, Key=key)
        if self.output is None:
            result_path(warehouse.output, key).unlink(missing_ok=True)

    async def _look(self, run: RunState) -> None:
        """Note how many messages the queue holds, every half second."""
        assert run.warehouse is not None
        warehouse = run.warehouse
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        while True:
            answer = await warehouse.cloud.monitor.sqs.get_queue_attributes(
                QueueUrl=warehouse.queue_url, AttributeNames=names
            )
            visible, in_flight = (int(answer["Attributes"][name]) for name in names)
            dead = await messages_in(warehouse, warehouse.stack.dead_letter_url)
            self._waiting = visible + in_flight
            if self._looked is not None:
                self._looked.set()
            self.trace.note("queue", None, visible=visible, in_flight=in_flight, dead_lettered=dead)
            await anyio.sleep(LOOK)


class Record(Recorder):
    """The recorder of an experiment's run: it tells `begin` of the run, before its first process starts.

    pipeline: the function that made it. code: what that was made of as the run began; empty for a repetition.
    """

    def __init__(
        self, pipeline: Callable[..., Supervisor], begin: Callable[[System], None], *, keep: bool | int
    ) -> None:
        super().__init__(keep=keep)
        self.pipeline = pipeline
        self.code: Code = {}
        self._begin = begin

    @property
    def events(self) -> Trace:
        self.tell()
        return super().events

    def tell(self) -> None:
        """Tell the `readers` of this run."""
        for reader in readers:
            reader(self)

    def attached(self, system: System) -> None:
        super().attached(system)
        self._begin(system)


@atexit.register
def _stop_all() -> None:
    """Leave no run behind when the kernel ends."""
    for experiment in list(_live):
        experiment.stop(timeout=5.0)
