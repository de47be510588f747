"""One run: its processes and their names, the ready queue, the tasks, and the recorder that may listen.

Stages whose callbacks are all plain functions run to completion from one ready queue: no task switch and no event
object for a message. The pump below is the one task that drives them all.
"""

from __future__ import annotations

import random
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from palleto.core import Reason
from palleto.errors import NameTakenError, NotFoundError, PalletoError
from palleto.runtime.eager import asyncio_loop
from palleto.runtime.mailbox import Mailbox, give_turns

if TYPE_CHECKING:
    from palleto.runtime.process import Process
    from palleto.runtime.runner import Runner
    from palleto.trace.recorder import Recorder

P = TypeVar("P", bound="Process")

_system: ContextVar[System] = ContextVar("palleto.runtime.system")
_actor: ContextVar[Process | System | None] = ContextVar("palleto.actor", default=None)


class Quits(Protocol):
    """Whoever is told when a process that it started has ended: a supervisor, or the run itself."""

    def child_exited(self, child: Process, reason: Reason) -> None:
        """`child` has ended."""


def _print_error(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class System:
    """The processes of one run. Made by `running`; found from inside the run with `System.current()`.

    seed: None serves stages in the order in which they became ready; a number serves them in an order of chance that
          is the same for the same number. A stage's own messages keep their order either way.
    """

    def __init__(
        self,
        tasks: TaskGroup,
        *,
        recorder: Recorder | None = None,
        seed: int | None = None,
        say: Callable[[str], None] = print,
        report: Callable[[str], None] = _print_error,
    ) -> None:
        self.tasks = tasks
        self.recorder = recorder
        self.names: dict[str, Process] = {}
        self.processes: dict[str, Process] = {}
        loop = asyncio_loop()  # asked itself, as `anyio.current_time` costs 0.6 us more: there is one a trace event
        self._clock: Callable[[], float] = anyio.current_time if loop is None else loop.time
        self.started = self._clock()
        self.failure: PalletoError | None = None
        self.body = anyio.CancelScope()
        self.on_lost: list[Callable[[Process, list[Any]], None]] = []
        self.on_refused: list[Callable[[Any], None]] = []
        self.say = say
        self.report = report
        self.random = random.Random(0 if seed is None else seed)
        self.shuffles = seed is not None
        self.acting: Runner | None = None  # whose turn it is
        self.ready: deque[Mailbox] = deque()
        self.asleep: anyio.Event | None = None
        self.idling: anyio.Event | None = None
        self.gate: anyio.Event | None = None
        self._ids = 0
        # Shielded: a stage whose run is cancelled still needs turns to end as it should.
        self._pumping = anyio.CancelScope(shield=True)

    def __repr__(self) -> str:
        return f"<System {len(self.processes)} processes, {self.now():.3f} s>"

    @staticmethod
    def current() -> System:
        """The run that the caller is part of. Raises NotFoundError outside of any."""
        try:
            return _system.get()
        except LookupError:
            raise NotFoundError("expected to be inside a run; start one with `async with running(...)`") from None

    def now(self) -> float:
        """Seconds of run time since the start."""
        return self._clock() - self.started

    # ---- processes and their names

    def enter(self, process: Process) -> str:
        """Take a process in: its name is its own while it runs, and its id is never used again."""
        name = process.name
        if name is not None:
            if name in self.names:
                raise NameTakenError(f"expected a name that is free, got: {name!r}, which {self.names[name]} has")
            self.names[name] = process
        self._ids += 1
        process_id = f"#{self._ids}"
        self.processes[process_id] = process
        return process_id

    def leave(self, process: Process) -> None:
        """Let an ended process go."""
        del self.processes[process.id]
        if process.name is not None:
            del self.names[process.name]
        self.look_idle()

    def whereis(self, name: str) -> Process:
        """The running process of that name. Raises NotFoundError if there is none."""
        try:
            return self.names[name]
        except KeyError:
            known = ", ".join(sorted(self.names)) or "none"
            raise NotFoundError(f"expected the name of a running process ({known}), got: {name!r}") from None

    def child_exited(self, child: Process, reason: Reason) -> None:
        """The top process ended. If it failed, the run fails."""
        if isinstance(reason, BaseException):
            error = reason if isinstance(reason, PalletoError) else PalletoError(f"{child} crashed: {reason!r}")
            self.failure = self.failure or error
            self.body.cancel()

    def lose(self, process: Process, events: list[Any]) -> None:
        """Say that a crash or a full buffer lost these events: whoever gave them out can give them out again."""
        if events:
            if self.recorder is not None:
                self.recorder.note("lost", process, events=events)
            for listener in self.on_lost:
                self._tell(listener, process, events)

    def refuse(self, message: Any) -> None:
        """Say that a message of the user's own was cast to a stage that has ended, or that crashed over it."""
        for listener in self.on_refused:
            self._tell(listener, message)

    def _tell(self, listener: Callable[..., None], *told: Any) -> None:
        try:
            listener(*told)
        except Exception as error:  # the stage that is ending must still end as it should
            self.report(f"{listener} failed with {error!r}")

    # ---- the ready queue

    def schedule(self, mailbox: Mailbox) -> None:
        """Give a stage a turn."""
        self.ready.append(mailbox)
        self.wake()

    def wake(self) -> None:
        """Let the pump go on."""
        if self.asleep is not None:
            self.asleep.set()
            self.asleep = None

    async def pump(self) -> None:
        """Give turns until `close`."""
        with self._pumping:
            await self._pump()

    async def close(self) -> None:
        """End every process that still runs, the last first, and then the pump."""
        while self.processes:
            await next(reversed(self.processes.values())).end("shutdown")
        self._pumping.cancel()

    async def _pump(self) -> None:
        _actor.set(self)  # whoever acts in this task is `acting`: an attribute is 50 ns a turn cheaper
        while True:
            while self.ready:
                await self.pass_gate()
                if give_turns(self):
                    self.acting = None
                    await checkpoint()
            self.acting = None
            self.look_idle()
            self.asleep = anyio.Event()
            await self.asleep.wait()

    def pause(self) -> None:
        """Let no stage take another message until `resume`. What runs goes on, and so do tasks."""
        if self.gate is None:
            self.gate = anyio.Event()

    def resume(self) -> None:
        """Undo `pause`."""
        if self.gate is not None:
            self.gate.set()
            self.gate = None

    async def pass_gate(self) -> None:
        """Wait while the run is paused."""
        while self.gate is not None:
            await self.gate.wait()

    # ---- idleness

    def look_idle(self) -> None:
        """Wake who waits for the run to be idle, if it is."""
        if self.idling is not None and self.is_idle():
            self.idling.set()
            self.idling = None

    def is_idle(self) -> bool:
        """Whether no message waits and no callback runs."""
        return not self.ready and not any(process.busy for process in self.processes.values())

    async def idle(self) -> None:
        """Wait until no message waits and no callback runs."""
        while not self.is_idle():
            self.idling = self.idling or anyio.Event()
            await self.idling.wait()

    def quiet(self) -> None:
        """Stop the sources: producers hear of no more demand, and tasks that look for events are killed."""
        if self.recorder is not None:
            self.recorder.ending()
        for process in list(self.processes.values()):
            process.drain()

    async def drain(self) -> None:
        """Stop the sources, then wait until all that is in hand is done. The processes still run afterwards."""
        self.quiet()
        while tasks := [process for process in self.processes.values() if process.killed]:
            await tasks[0].wait()
        await self.idle()


@asynccontextmanager
async def running(
    top: P, *, recorder: Recorder | None = None, seed: int | None = None, **output: Callable[[str], None]
) -> AsyncIterator[P]:
    """Run `top` (a supervisor, a stage) and all it starts inside the block; stop them, last first, at its end.

    recorder: what hears of everything that happens. seed: see `System`. say, report: take the lines of the lesson and
    those about crashes, in place of standard output and standard error.
    Raises what `top` failed with, for example RestartError from a supervisor that is out of restarts.
    """
    error: Exception | None = None
    async with anyio.create_task_group() as tasks:
        system = System(tasks, recorder=recorder, seed=seed, **output)
        token = _system.set(system)
        tasks.start_soon(system.pump, name="palleto pump")
        try:
            if recorder is not None:
                recorder.attach(system)
            top.start(system, system)
            with system.body:
                yield top
        except Exception as caught:
            # Raised after the task group has closed, so that it arrives as itself and not in an ExceptionGroup.
            error = caught
        finally:
            with anyio.CancelScope(shield=True):
                if recorder is not None:
                    recorder.ending()
                system.resume()  # or nobody would take the message to stop
                await top.end("shutdown")
                await system.close()
            _system.reset(token)
    if system.failure is not None:
        raise system.failure
    if error is not None:
        raise error


def whereis(name: str) -> Any:
    """The running process of that name, in the caller's run. Raises NotFoundError if there is none."""
    return System.current().whereis(name)


def actor() -> Process | None:
    """The process that the caller acts for: a stage in its callback, a task; None elsewhere."""
    acting = _actor.get()
    return acting.acting if isinstance(acting, System) else acting
