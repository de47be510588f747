"""One run: its processes and their names, the ready queue, the tasks, and the observer that may listen.

Stages whose callbacks are all plain functions take their messages in turns, from one ready queue: no task switch and no
event object for a message. The pump below is the one task that gives them all.
"""

from __future__ import annotations

import random
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from palleto.clock import now_of
from palleto.core import Reason
from palleto.errors import NameTakenError, NotFoundError, PalletoError
from palleto.runtime.mailbox import Mailbox
from palleto.runtime.observer import Observer
from palleto.runtime.process import Process, begin, describe, is_crash

P = TypeVar("P", bound=Process)

TURNS = 200
"""Turns of stages that the pump gives before it lets the event loop look at timers, sockets and signals."""

_system: ContextVar[System] = ContextVar("palleto.system")
_actor: ContextVar[Process | System | None] = ContextVar("palleto.actor", default=None)


def _print_error(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class System:
    """The processes of one run. Made by `running`; found from inside the run with `System.current()`.

    seed:       None serves stages in the order in which they became ready; a number serves them in an order of chance
                that is the same for the same number. A stage's own messages keep their order either way.
    observer:   what hears of everything that happens, or None.
    on_lost:    a list of functions `(process, events)`, for you to add to. Each is called in the run, when events (1 or
                more) were lost: their stage crashed or was stopped with them in hand, its buffer was full, or they were
                sent to a stage that has ended. Whoever gave the events out can give them out again.
    on_refused: a list of functions `(message)`. Each is called when a message of the user's own, sent with `cast`, will
                not be handled: its stage has ended, has crashed over it, or is not there.
    """

    def __init__(
        self,
        tasks: TaskGroup,
        *,
        observer: Observer | None = None,
        seed: int | None = None,
        say: Callable[[str], None] = print,
        report: Callable[[str], None] = _print_error,
    ) -> None:
        self.tasks = tasks
        self.observer = observer
        self.names: dict[str, Process] = {}
        self.processes: dict[str, Process] = {}
        self.clock = now_of()
        self.started = self.clock()
        self.failure: PalletoError | None = None
        self.interrupt: BaseException | None = None  # Ctrl-C in the middle of a callback
        self.body = anyio.CancelScope()
        self.on_lost: list[Callable[[Process, list[Any]], None]] = []
        self.on_refused: list[Callable[[Any], None]] = []
        self.say = say
        self.report = report
        self.random = random.Random(0 if seed is None else seed)
        self.shuffles = seed is not None
        self.acting: Mailbox | None = None  # whose turn it is
        self.ready: deque[Mailbox] = deque()
        self.holds: list[anyio.Event] = []  # what stages wait for before they take their next messages
        self.asleep: anyio.Event | None = None
        self.idling: anyio.Event | None = None
        self._paused: anyio.Event | None = None
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
        return self.clock() - self.started

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

    def initialise(self, process: Process) -> None:
        """Call the `init` of a process that begins, in its name."""
        if self.observer is not None:
            self.observer.started(process)
        acting = _actor.set(process)
        try:
            process.init()
        finally:
            _actor.reset(acting)

    def leave(self, process: Process, reason: Reason, *, started: bool = True) -> None:
        """Let an ended process go. A crash is reported, but not of one that could not start: its starter is told."""
        del self.processes[process.id]
        if process.name is not None:
            del self.names[process.name]
        self.look_idle()
        if self.observer is not None:
            self.observer.ended(process, reason)
        if started and is_crash(reason):
            self.report(f"{process.label} crashed: {describe(reason)}")

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
        """Say that these events are lost, to the observer and to `on_lost`; nothing, if there are none."""
        if events:
            if self.observer is not None:
                self.observer.lost(process, events)
            for listener in self.on_lost:
                self._tell(listener, process, events)

    def refuse(self, message: Any) -> None:
        """Say to `on_refused` that a message of the user's own will not be handled."""
        for listener in self.on_refused:
            self._tell(listener, message)

    def _tell(self, listener: Callable[..., None], *told: Any) -> None:
        try:
            listener(*told)
        except Exception as error:  # the stage that is ending must still end as it should
            self.report(f"{listener} failed with {error!r}")

    # ---- the ready queue

    def wake(self) -> None:
        """Let the pump go on, if it sleeps and somebody is ready."""
        if self.asleep is not None and self.ready:
            self.asleep.set()
            self.asleep = None

    async def pump(self) -> None:
        """Give turns until `close`."""
        _actor.set(self)  # whoever acts in this task is `acting`
        with self._pumping:
            while True:
                while self.ready:
                    await self.pass_holds()
                    await self._give_turns()
                    self.acting = None
                    await checkpoint()
                self.look_idle()
                self.asleep = anyio.Event()
                await self.asleep.wait()

    async def _give_turns(self) -> None:
        """Empty mailboxes, in the order in which they became ready, until TURNS were given or none is left."""
        ready, holds, observer, shuffles = self.ready, self.holds, self.observer, self.shuffles
        message = None
        if observer is not None:
            observer.turns()
        for _ in range(TURNS):
            if not ready:
                return
            if shuffles:
                ready.rotate(-self.random.randrange(len(ready)))
            self.acting = mailbox = ready.popleft()
            messages, on = mailbox.messages, mailbox.on
            try:
                while messages:
                    kind, about, what = message = messages.popleft()
                    if observer is not None:
                        observer.took(mailbox.stage, message)
                    on[kind](about, what)
                    if observer is not None:
                        observer.settled(mailbox.stage)
                    if holds:
                        await self.pass_holds()
                mailbox.idle = True
            except Exception as error:  # a crash, or Stopped
                mailbox.leave(error, message)
            except (KeyboardInterrupt, SystemExit) as error:  # the others still need turns, to end as they should
                self.interrupt = self.interrupt or error
                self.body.cancel()
                mailbox.leave(error, message)

    async def pass_holds(self) -> None:
        """Wait while a task that was started has not come to its first `await`, and while the run is paused.

        So it is on the BEAM: a process that a stage starts gets its first turn before the stage takes its next message.
        """
        while self.holds:
            held = self.holds[-1]
            if not held.is_set():
                await held.wait()
            if held in self.holds:
                self.holds.remove(held)

    async def close(self) -> None:
        """End every process that still runs, the last first, and then the pump."""
        while self.processes:
            await next(reversed(self.processes.values())).end("shutdown")
        self._pumping.cancel()

    def pause(self) -> None:
        """Let no stage take another message until `resume`. What runs goes on, and so do tasks."""
        if self._paused is None:
            self._paused = anyio.Event()
            self.holds.append(self._paused)

    def resume(self) -> None:
        """Undo `pause`."""
        if self._paused is not None:
            self._paused.set()
            self.holds.remove(self._paused)
            self._paused = None

    # ---- idleness

    def look_idle(self) -> None:
        """Wake who waits for the run to be idle, if it is."""
        if self.idling is not None and self.is_idle():
            self.idling.set()
            self.idling = None

    def is_idle(self) -> bool:
        """Whether no message waits and no callback runs."""
        return not self.ready and not any(process.is_busy() for process in self.processes.values())

    async def idle(self) -> None:
        """Wait until no message waits and no callback runs.

        For whoever looks at a run from outside of its stages, a test for example: all that can happen by itself has
        happened. Tasks may still run, and find work.
        """
        while not self.is_idle():
            self.idling = self.idling or anyio.Event()
            await self.idling.wait()

    def quiet(self) -> None:
        """Stop the sources: producers hear of no more demand, and tasks that look for events are killed."""
        if self.observer is not None:
            self.observer.ending()
        for process in list(self.processes.values()):
            process.drain()

    async def drain(self) -> None:
        """Stop the sources, then wait until all that is in hand is done.

        For whoever ends a run and wants to lose nothing, before the end of `running`'s block. It waits as long as it
        takes: put it into `anyio.move_on_after`. The processes still run afterwards.
        """
        self.quiet()
        while ending := [process for process in self.processes.values() if process.is_ending()]:
            await ending[0].wait()
        await self.idle()


@asynccontextmanager
async def running(
    top: P,
    *,
    recorder: Observer | None = None,
    seed: int | None = None,
    say: Callable[[str], None] = print,
    report: Callable[[str], None] = _print_error,
) -> AsyncIterator[P]:
    """Run `top` (a supervisor, a stage) and all it starts inside the block; stop them, last first, at its end.

    recorder: what hears of everything that happens. seed: see `System`.
    say, report: take the lines of the lesson and those about crashes; they print to standard output and standard error.
    Raises what `top` failed with, for example RestartError from a supervisor that is out of restarts.
    """
    error: Exception | None = None
    async with anyio.create_task_group() as tasks:
        system = System(tasks, observer=recorder, seed=seed, say=say, report=report)
        token = _system.set(system)
        tasks.start_soon(system.pump, name="palleto pump")
        try:
            if recorder is not None:
                recorder.attached(system)
            begin(top, system, system)
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
                if top.running:
                    await top.end("shutdown")
                await system.close()
            _system.reset(token)
    if system.interrupt is not None:
        raise system.interrupt
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
    if isinstance(acting, System):
        return None if acting.acting is None else acting.acting.stage
    return acting


def act_as(process: Process) -> None:
    """Let the current task act for a process, from now on."""
    _actor.set(process)
