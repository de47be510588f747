"""One run: its processes and their names, what is told of it, whether it is idle, and how it ends."""

from __future__ import annotations

import inspect
import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import anyio
from anyio.abc import TaskGroup

from palleto.clock import now_of
from palleto.core import Message, Reason, Terms
from palleto.errors import NameTakenError, NotFoundError, PalletoError, RestartError, ReturnError, one_line
from palleto.runtime.actor import acting_as
from palleto.runtime.drain import drain
from palleto.runtime.lost import Lost
from palleto.runtime.observer import Observer
from palleto.runtime.order import Order, OrderedTurns
from palleto.runtime.process import Process, describe, is_crash
from palleto.runtime.pump import Pump
from palleto.runtime.timers import Timers

the_system: ContextVar[System] = ContextVar("palleto.system")
"""The run that the caller is part of."""


def title_of(process: Process) -> str:
    """A stage by its class and its name, if that does not tell the class; others by their name."""
    label, kind = process.label, type(process).__name__
    return label if not hasattr(process, "core") or kind.lower() in label.lower() else f"{kind} {label}"


class System:
    """The processes of one run. Made by `running`; found from inside the run with `System.current()`.

    seed:       None serves stages in the order in which they became ready; a number serves them in an order of chance
                that is the same for the same number. A stage's own messages keep their order either way.
    order:      a function that decides, on virtual time, in the place of a seed. Whenever no task can run it gets the
                stages in whose mailbox a message waits, who has waited longest first. It returns the one that takes its
                next message, that one only; or None: time goes on until a wait is over. It is asked until the end of
                the run's block. All stages have a task of their own then.
    observer:   what hears of everything that happens, or None.
    on_lost:    a list of functions `(process, events)`, for you to add to. Each is called in the run, when events (1 or
                more) were lost: their stage crashed or was stopped with them in hand, its buffer was full, a partition
                key or selector raised over them, a callback returned them in something that is no list, or they were
                sent to a stage that has ended. `events` is a `Lost`, a list that says in `events.why` which of these it
                was. Whoever gave the events out can give them out again.
    on_refused: a list of functions `(message)`. Each is called when a message of the user's own, sent with `cast`, will
                not be handled: its stage has ended, has crashed over it, or is not there.
    timers:     the messages that stages have put off with `after`: how many, and when the next is due.
    pump:       what gives turns to stages. `max_turns` is its: how many they may take at one moment of virtual time.
    expected:   who is about to do something by itself, and how many things: tasks, and who reads an async iterable; its
                timers are beside them.
    on_terms:   None, or a function `(terms)` that returns the terms on which a stage subscribes instead of its own, so
                that what an experiment sets also holds for stages that start later.
    """

    def __init__(
        self,
        tasks: TaskGroup,
        *,
        observer: Observer | None = None,
        seed: int | None = None,
        order: Order | None = None,
        say: Callable[[str], None],
        report: Callable[[str], None],
        max_turns: int | None,
    ) -> None:
        self.tasks = tasks
        self.observer = observer
        self.names: dict[str, Process] = {}
        self.processes: dict[str, Process] = {}
        self.clock = now_of()
        self.started = self.clock()
        self.timers = Timers(self)
        self.acknowledger: Any = None  # the Acknowledger that observes this run, if one does
        self._awaited: dict[str, list[tuple[Any, Message]]] = {}
        self.failure: Exception | None = None
        self.interrupt: BaseException | None = None  # Ctrl-C in the middle of a callback
        self._logged: BaseException | None = None  # the last crash whose traceback was logged
        self.body = anyio.CancelScope()
        self.on_lost: list[Callable[[Process, list[Any]], None]] = []
        self.on_refused: list[Callable[[Any], None]] = []
        self.on_terms: Callable[[Terms], Terms] | None = None
        self.say: Callable[[str], None] = lambda line: say(one_line(line))
        self.report: Callable[[str], None] = lambda line: report(one_line(line))
        self.random = random.Random(0 if seed is None else seed)
        self.order = None if order is None else OrderedTurns(order, self.fail)
        self.pump = Pump(self, shuffles=seed is not None, max_turns=max_turns)
        self._paused: anyio.Event | None = None
        self.idling: anyio.Event | None = None
        self.quieted = False
        self.expected: Counter[Process] = Counter()
        self.drained: set[Process] = set()  # in a drain: those that nothing comes to any more
        self.owners: dict[Process, Process] = {}  # of the tasks that run: the stages that started them
        self._ids = 0

    def __repr__(self) -> str:
        return f"<System {len(self.processes)} processes, {self.now():.3f} s>"

    @staticmethod
    def current() -> System:
        """The run that the caller is part of. Raises NotFoundError outside of any."""
        try:
            return the_system.get()
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
            for stage, message in self._awaited.pop(name, ()):
                stage.post(message)
        self._ids += 1
        process_id = f"#{self._ids}"
        self.processes[process_id] = process
        return process_id

    def when_up(self, name: str, stage: Any, message: Message) -> None:
        """Put `message` into the mailbox of `stage` as soon as a process of that name begins."""
        self._awaited.setdefault(name, []).append((stage, message))

    def initialise(self, process: Process) -> None:
        """Call the `init` of a process that begins, in its name."""
        if self.observer is not None:
            self.observer.started(process)
        with acting_as(process):
            result: Any = process.init()  # type: ignore[func-returns-value]  # it may be a user's coroutine
            if inspect.iscoroutine(result):
                result.close()
                raise ReturnError(
                    f"expected {type(process).__name__}.init to be a plain function, got an `async def`: "
                    "what awaits goes into a callback or a task"
                )
        if self.quieted:
            process.drain()

    def leave(self, process: Process, reason: Reason, *, started: bool = True) -> Reason:
        """Let an ended process go. A crash is reported, but not of one that could not start: its starter is told.

        Returns the reason, or what the observer raised over it: a crash, too.
        """
        del self.processes[process.id]
        self.drained.discard(process)
        self.owners.pop(process, None)
        self.expected.pop(process, None)
        if process.name is not None:
            del self.names[process.name]
        self.timers.leave(process)
        self.look_idle()
        try:
            if self.observer is not None:
                self.observer.ended(process, reason)
        except Exception as error:
            reason = error
        if started and is_crash(reason):
            line = f"{title_of(process)} crashed: {describe(reason)}"
            self.report(line)
            self.log(process, line, reason)
        return reason

    def log(self, process: Process | None, line: str, reason: Reason) -> None:
        """Log a crash as an error, with its traceback: to the logger `palleto.<stage>`, by name or else by class.

        A crash that takes others down with it has its traceback logged once. A supervisor that is out of restarts, and
        what somebody killed, are no crash of the user's code.
        """
        if isinstance(reason, BaseException) and not isinstance(reason, RestartError):
            name = "" if process is None else f".{process.name or type(process).__name__}"
            told = reason is self._logged
            self._logged = reason
            logging.getLogger(f"palleto{name}").error("%s", one_line(line), exc_info=None if told else reason)

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
            if error is not reason:
                error.__cause__ = reason
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """End the run with this error: the first counts, and Ctrl-C before all others."""
        if isinstance(error, Exception):
            self.failure = self.failure or error
        else:
            self.interrupt = self.interrupt or error
        self.body.cancel()

    def lose(self, process: Process, events: Sequence[Any], why: str) -> None:
        """Say that these events are lost, to the observer and to `on_lost`; nothing, if there are none.

        why: one line, which the list that they get has as its `why`.
        """
        if events:
            lost = Lost(events, why)
            try:
                if self.observer is not None:
                    self.observer.lost(process, lost)
            finally:
                for listener in self.on_lost:
                    self.tell(listener, process, lost)

    def refuse(self, message: Any) -> None:
        """Say to `on_refused` that a message of the user's own will not be handled."""
        for listener in self.on_refused:
            self.tell(listener, message)

    def tell(self, listener: Callable[..., None], *told: Any) -> None:
        """Call one of the user's own that hears of the run. What it raises is reported."""
        try:
            listener(*told)
        except Exception as error:  # the stage that is ending must still end as it should
            self.report(line := f"{listener} failed with {error!r}")
            self.log(None, line, error)

    # ---- its end, and its pauses

    async def close(self) -> None:
        """End every process that still runs, the last first, and then the pump."""
        while self.processes:
            await next(reversed(self.processes.values())).end("shutdown")
        self.timers.close()
        self.pump.close()

    def pause(self) -> None:
        """Let no stage take another message until `resume`. What runs goes on, and so do tasks."""
        if self._paused is None:
            self._paused = anyio.Event()
            self.pump.holds.append(self._paused)

    def resume(self) -> None:
        """Undo `pause`."""
        if self._paused is not None:
            self._paused.set()
            self.pump.holds.remove(self._paused)
            self._paused = None

    # ---- idleness

    def look_idle(self) -> None:
        """Wake who waits for the run to be idle, if it is."""
        if self.idling is not None and self.is_idle():
            self.idling.set()
            self.idling = None

    def is_idle(self) -> bool:
        """Whether no message waits and no callback runs."""
        return not self.pump.ready and not any(process.is_busy() for process in self.processes.values())

    async def idle(self) -> None:
        """Wait until no message waits and no callback runs.

        For whoever looks at a run from outside of its stages, a test for example: all that can happen by itself has
        happened. Tasks may still run, and find work.
        """
        while not self.is_idle():
            await self.next_idle()

    async def next_idle(self) -> None:
        """Wait until the run comes to be idle, from now on."""
        self.idling = self.idling or anyio.Event()
        await self.idling.wait()

    def expects(self, process: Process, things: int) -> None:
        """So many more things (below 0: fewer) will happen by themselves in a process, or for it: see `expected`."""
        left = self.expected[process] + things
        if left > 0:
            self.expected[process] = left
        else:
            del self.expected[process]

    def quiet(self) -> None:
        """Stop the sources: producers hear of no more demand, and tasks that look for events are killed.

        What starts from now on, is such a source that has stopped, too. See `palleto.runtime.drain`.
        """
        if self.observer is not None:
            self.observer.ending()
        self.quieted = True
        for process in list(self.processes.values()):
            process.drain()

    async def drain(self, timeout: float | None = None) -> None:
        """Stop the sources, then wait until all that is in hand is done. `palleto.runtime.drain` has the rules.

        For whoever ends a run and wants to lose nothing, before the end of `running`'s block. The processes still run
        afterwards. A stage that holds events back gives them out in its `handle_drain`.

        timeout: seconds of run time, 0 or more; None: as long as it takes. Raises DrainError when they are over: it
        says what is still not done, by name, and what each is at.
        """
        self.quiet()
        await drain(self, timeout)


def whereis(name: str) -> Any:
    """The running process of that name, in the caller's run. Raises NotFoundError if there is none."""
    return System.current().whereis(name)
