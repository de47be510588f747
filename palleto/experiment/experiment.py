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
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio

from palleto import clock
from palleto.errors import PalletoError, SettingError
from palleto.experiment import changes
from palleto.program import Ending, Options, Performance, Run, messages_in
from palleto.runtime import Supervisor, System
from palleto.trace import Recorder, TraceEvent

LOOK = 0.5
"""Seconds of run time between two looks at the queue."""

_live: set[Experiment] = set()


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
    fresh:     empty LocalStack's queue first: it lasts, and a run before may have left messages. Elsewhere it does
               nothing: an embedded or simulated queue is new for each run, and any other is not ours to empty.

    `trace` is the recorder, `said` the printed lines, `error` the one line that the run failed with, or None.
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
        fresh: bool = False,
        **options: Any,
    ) -> None:
        if speed <= 0:
            raise SettingError(f"expected speed to be above 0, got: {speed!r}")
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
        self.fresh = fresh
        self.options = options
        self.listeners: list[Callable[[TraceEvent], None]] = []
        self._made = 0
        self._reset()

    def __repr__(self) -> str:
        state = "paused" if self.paused else "running" if self.running else "not running"
        now = self.trace.events[-1].t if self.trace.events else 0.0
        return f"<Experiment {state} at {now:.1f} s, {len(self.trace.events)} trace events{self._trouble()}>"

    def _trouble(self) -> str:
        return f", failed: {self.error}" if self.error else ""

    def _reset(self) -> None:
        self.trace = Recorder()
        self.said: list[str] = []
        self.reported: list[str] = []
        self.summary: list[str] = []
        self.error: str | None = None
        self.paused = False
        self.system: System | None = None
        self.performance: Performance | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._over: anyio.Event | None = None
        self._wake: asyncio.Event | None = None
        self._changes: deque[Callable[[System], Any]] = deque()
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

    def start(self) -> Experiment:
        """Start a fresh run and return at once. What ran before, here or in another experiment, is stopped."""
        for other in list(_live):
            other.stop()
        self._reset()
        self.trace.listeners += self.listeners
        self._thread = threading.Thread(target=self._run, name="palleto experiment", daemon=True)
        _live.add(self)
        self._thread.start()
        return self

    def stop(self, timeout: float = 15.0) -> None:
        """End the run as a first Ctrl-C does, and wait until it has (at most `timeout` real seconds)."""
        if self.running:
            self._ready.wait(timeout)
            self.resume()
            self._pass(lambda system: self._over.set() if self._over is not None else None)
        self.join(timeout)
        _live.discard(self)

    def join(self, timeout: float | None = None) -> None:
        """Wait until the run has ended, at most `timeout` real seconds."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def wait_ready(self, timeout: float = 30.0) -> bool:
        """Wait until the pipeline is up (or has failed to come up)."""
        return self._ready.wait(timeout)

    # ---- the handles: all may be called from any thread

    def pause(self) -> None:
        """Let time stand, and let no stage take another message."""
        if self.running and not self.paused:
            self.paused = True
            self._pass(self._pause)

    def _pause(self, system: System) -> None:
        system.pause()
        self._set_factor(0.0)

    def resume(self) -> None:
        """Undo `pause`."""
        if self.paused:
            self.paused = False
            self._pass(self._resume)

    def _resume(self, system: System) -> None:
        self._set_factor(self.speed)
        system.resume()

    def set_speed(self, factor: float) -> None:
        """Let time go `factor` (above 0) times faster than real time from now on."""
        if factor <= 0:
            raise SettingError(f"expected speed to be above 0, got: {factor!r}")
        self.speed = factor
        if not self.paused:
            self._pass(lambda system: self._set_factor(factor))

    def _set_factor(self, factor: float) -> None:
        loop: Any = self._loop
        if not self.virtual:
            loop.set_factor(factor)

    def resize(self, max_demand: int) -> None:
        """Give every consumer and producer-consumer the demand 0/`max_demand`, 1 or more."""
        if max_demand < 1:
            raise SettingError(f"expected max_demand to be 1 or more, got: {max_demand!r}")
        self._pass(lambda system: changes.resize(system, max_demand))

    @property
    def stages(self) -> list[str]:
        """The labels of the stages that run."""
        return [] if self.system is None else [stage.label for stage in changes.stages_of(self.system)]

    def kill_stage(self, label: str) -> None:
        """Kill the stage of that label, in the middle of whatever it does; its supervisor starts it again."""
        self._pass(lambda system: changes.kill_stage(system, label))

    def kill_loop(self) -> None:
        """Cancel the server loops that run. Nobody starts them again: only new demand does."""
        self._pass(changes.kill_loops)

    def crash_loop(self) -> None:
        """Let the server loops that run crash. One that is supervised as "transient" runs again, from its run 0."""
        self._pass(changes.crash_loops)

    def drop(self, content: bytes = b"this is not gzip", name: str = "bad") -> None:
        """Put a file into the bucket, by default one that is not gzip."""
        self._made += 1
        key = f"packrat/data/{name}-{self._made}.gz"

        async def change(system: System) -> None:
            assert self.performance is not None
            warehouse = self.performance.warehouse
            await warehouse.cloud.monitor.s3.put_object(Bucket=warehouse.bucket, Key=key, Body=content)
            self.trace.note("sent", None, events=[key])

        self._pass(change)

    @property
    def copies(self) -> int:
        """How many children like the last one the top supervisor has (consumers, or pipelines); 0 when it has ended."""
        system = self.system
        return len(changes.copies_of(system)[1]) if self.running and system is not None else 0

    def set_copies(self, count: int) -> None:
        """Start or stop consumers (or pipelines) like the last one, until there are `count` of them, 1 or more."""
        if count < 1:
            raise SettingError(f"expected 1 or more, got: {count!r}")
        self._pass(lambda system: changes.set_copies(system, count))

    # ---- in the run's thread

    def _run(self) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="palleto-lab-") as folder:
                options = Options(
                    files=0,
                    output=self.output or Path(folder),
                    drain_timeout=5.0,
                    virtual=self.virtual,
                    **self.options,
                )
                performance = Performance(
                    self.pipeline,
                    self._ending,
                    options,
                    recorder=self.trace,
                    simulation=self.simulation,
                    faults=self.faults,
                    prepare=self._empty if self.fresh else None,
                )
                performance.say = self.said.append
                performance.report = self.reported.append
                self.performance = performance
                self.summary = clock.run(performance, time="virtual" if self.virtual else self.speed)
        except PalletoError as error:
            self.error = str(error)
        except BaseException as error:  # shown in the dashboard: a thread's error is seen by nobody else
            self.error = f"{type(error).__name__}: {error}"
        finally:
            self._loop = None
            self._ready.set()
            _live.discard(self)

    async def _ending(self, run: Run) -> None:
        """Runs beside the pipeline, in its loop, and returns when the run should end."""
        # The run's own word that all files are up comes at once, as the options name none: here `_arrivals` says it.
        run = Run(run.recorder, run.warehouse, run.end)
        self._loop = asyncio.get_running_loop()
        self.system = System.current()
        over = self._over = anyio.Event()
        self._wake = asyncio.Event()
        self._ready.set()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._carry_out, self.system)
            if run.warehouse is not None:
                tasks.start_soon(self._arrivals, run)
                tasks.start_soon(self._look, run)
            if self.until is not None:
                tasks.start_soon(self._until, run, over)
            with anyio.move_on_after(self.seconds):
                await over.wait()
            tasks.cancel_scope.cancel()

    def _pass(self, change: Callable[[System], Any]) -> None:
        """Have `change` (plain or async) called in the run's loop, with its system, after those passed before.

        Nothing happens if there is no run any more. From another thread only `call_soon_threadsafe` may touch a loop.
        """
        loop, wake = self._loop, self._wake
        if loop is not None and wake is not None and self.running:
            self._changes.append(change)
            with suppress(RuntimeError):  # the loop has closed in this very moment
                loop.call_soon_threadsafe(wake.set)

    async def _carry_out(self, system: System) -> None:
        """Call what was passed, one after the other. One that fails is reported and stops nothing."""
        assert self._wake is not None
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._changes:
                try:
                    result = self._changes.popleft()(system)
                    if inspect.isawaitable(result):
                        await result
                except Exception as error:
                    self.reported.append(f"{type(error).__name__}: {error}")

    async def _until(self, run: Run, over: anyio.Event) -> None:
        assert self.until is not None
        await self.until(run)
        over.set()

    async def _empty(self, cloud: Any, stack: Any) -> None:
        """Purge what a run before has left in LocalStack's queue, also what is still hidden."""
        if cloud.place.name == "localstack":
            await cloud.monitor.sqs.purge_queue(QueueUrl=stack.queue_url)

    async def _arrivals(self, run: Run) -> None:
        """Let the sample files arrive, at the rate of the moment.

        They are put even where a place has them from a run before, as LocalStack may: only so they are announced.
        """
        from palleto.cloud import samples

        assert run.warehouse is not None
        s3 = run.warehouse.cloud.monitor.s3
        for sample in samples(self.files):
            await s3.put_object(Bucket=run.warehouse.bucket, Key=sample.key, Body=sample.data)
            self.trace.note("sent", None, events=[sample.key])
            if self.rate is not None:
                await anyio.sleep(1 / self.rate)
        run.uploaded.set()

    async def _look(self, run: Run) -> None:
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
            self.trace.note("queue", None, visible=visible, in_flight=in_flight, dead_lettered=dead)
            await anyio.sleep(LOOK)


@atexit.register
def _stop_all() -> None:
    """Leave no run behind when the kernel ends."""
    for experiment in list(_live):
        experiment.stop(timeout=5.0)
