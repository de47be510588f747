"""A consumer that starts one supervised child for each event, at most `max_demand` at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Literal

import anyio

from palleto.core import Reason, Subscription
from palleto.errors import NotFoundError, ReturnError, SettingError
from palleto.runtime.kinds import Consumer, In
from palleto.runtime.process import Home, Parent, Process, begin, describe, is_crash, refuse_name
from palleto.runtime.stage import Stage, do
from palleto.runtime.supervisor import Budget, Supervisor, out_of_restarts, restarts
from palleto.runtime.system import title_of
from palleto.runtime.tasks import Task, TaskSupervisor


@dataclass(frozen=True, slots=True, eq=False)
class Work(Generic[In]):
    """An event that a child is for, and by which subscription it came; None: by `start_child`."""

    event: In
    subscription: Subscription | None


class ConsumerSupervisor(Consumer[In]):
    """GenStage's ConsumerSupervisor: subclass it, subscribe in `init`, and write `async def run(self, event)`.

    restart:      of a child that crashes: "temporary" (the default): never; "transient": a new child is made for its
                  event, at once. There is no "permanent", as in GenStage: a child would never be done with its event.
    max_restarts, max_seconds: so many restarts of its children (0 or more; 3) in so many seconds (above 0; 5); one more
                  ends the stage with a RestartError.
    shutdown:     seconds (0 or more) that a child may take to finish when this stage ends, before it is cancelled;
                  "kill": none. By default a child's own `patience`: 0 of a task, 5 of a stage.

    `max_demand` is the most children at a time; more is asked for when `max_demand - min_demand` of them have ended.
    An event whose child cannot be made or started is reported and done with: the stage goes on. The event of a child
    that crashed for good, was stopped or could not start is lost, and told so once. So is that of each child that is
    not through when the stage ends; it waits until all have ended. Raises SettingError, when it starts, for other words
    and numbers than these.
    Beside a stage's own names, an attribute must not be called `run`, `child_of`, `child_exited`, `children`,
    `start_child`, `stop_child` or `count_children`.
    """

    restart: Literal["temporary", "transient"] = "temporary"
    max_restarts: int = 3
    max_seconds: float = 5.0
    shutdown: float | Literal["kill"] | None = None

    async def run(self, event: In) -> None:
        """Do what there is to do for one event."""
        raise NotImplementedError(f"expected {type(self).__name__} to have an `async def run`")

    def child_of(self, event: In) -> Process | None:
        """Make the child for an event: a task of `run`. Override it to start any other process.

        None: there is nothing to do for this event (GenStage's `:ignore`). It is called again at each restart.
        """
        return Task(self.run, (event,), "temporary", busy=True)

    # ---- its children

    @property
    def children(self) -> list[Process]:
        """The children that run, oldest first: a new list."""
        return list(self.__children)

    @children.setter
    def children(self, value: object) -> None:
        refuse_name(self, "children")

    def count_children(self) -> dict[str, int]:
        """How many there are, by GenStage's words.

        "specs": 1; "active": that run; "workers" and "supervisors": of either kind. One that waits for its restart is
        not active, and counted among the workers.
        """
        active = len(self.__children)
        supervisors = sum(
            isinstance(child, Supervisor | TaskSupervisor | ConsumerSupervisor) for child in self.children
        )
        workers = active - supervisors + len(self.__restarting)
        return {"specs": 1, "active": active, "workers": workers, "supervisors": supervisors}

    def start_child(self, event: In) -> Process | None:
        """Start a child for an event that came from no producer; it does not count towards the demand of any.

        Returns what `child_of` has made. Raises what it or the child's start raises, NotFoundError if this stage has
        ended.
        """
        if not self.running or self.__ending:
            raise NotFoundError(f"expected {self.label} to run, to start a child under it; it has ended")
        return self.__begin(Work(event, None))

    async def stop_child(self, child: Process) -> None:
        """Stop a child, as `shutdown` says; its event, if it is not through, is lost and done with.

        Raises NotFoundError if it is not this stage's, or has ended.
        """
        if child not in self.__children:
            raise NotFoundError(f"expected a child of {self}, got: {child}")
        await self.__stop_child(child)

    # ---- from here on its own

    def start(self, system: Home, parent: Parent) -> None:
        kind = type(self).__name__
        if self.restart not in ("temporary", "transient"):
            raise SettingError(f"expected {kind}.restart to be temporary or transient, got: {self.restart!r}")
        number = isinstance(self.shutdown, int | float) and self.shutdown >= 0
        if not (number or self.shutdown in (None, "kill")):
            raise SettingError(f"expected {kind}.shutdown to be seconds (0 or more) or 'kill', got: {self.shutdown!r}")
        self.__budget = Budget(self.max_restarts, self.max_seconds)
        self.__children: dict[Process, Work[In]] = {}
        self.__restarting: list[Work[In]] = []
        self.__batch: list[Work[In]] = []  # in hand: the machine tells what is lost of it
        self.__finished: dict[Subscription, int] = {}
        self.__ending = False
        super().start(system, parent)

    def handle_subscribe(self, kind: str, subscription: Subscription) -> Literal["manual"]:
        self.__finished[subscription] = 0
        self.ask(subscription, subscription.terms.max_demand)
        return "manual"

    def handle_events(self, events: list[In]) -> None:
        subscription = self.core.current[0]
        failed: list[tuple[In, Exception]] = []
        done: list[In] = []
        for event in events:
            work = Work(event, subscription)
            self.__batch.append(work)
            try:
                if self.__begin(work) is None:
                    done.append(event)
            except Exception as error:
                failed.append((event, error))
        self.__batch = []
        for event, reason in failed:
            self.__failed(event, reason)
            self.system.lose(self, [event], f"its child could not start: {describe(reason)}")
        self.__handled(done)
        self.__done(subscription, len(done) + len(failed))

    def child_exited(self, child: Process, reason: Reason) -> None:
        """A child ended: its event is done with, or another child is made for it."""
        work = self.__children.pop(child, None)
        if work is None:  # a supervisor that could not start its own children, and was counted as failed
            return
        if is_crash(reason) and restarts(self.restart, reason) and not self.__ending:
            self.__restarting.append(work)
            do(self, partial(self.__restart, work, child.label, reason))
            return
        if reason == "normal":
            self.__handled([work.event])
        else:
            self.__lose(work, f"its child has ended: {describe(reason)}")
        self.__done(work.subscription, 1)

    async def terminate(self, reason: Reason) -> None:
        self.__ending = True
        with anyio.CancelScope(shield=True):  # as any supervisor, it does not end before its children
            async with anyio.create_task_group() as tasks:
                for child in self.children:
                    tasks.start_soon(self.__stop_child, child)
        while self.__restarting:
            self.__lose(self.__restarting.pop(0), "its child crashed, and was not started again")

    def __begin(self, work: Work[In]) -> Process | None:
        """Make and start the child for an event."""
        process: Any = self.child_of(work.event)
        if process is None:
            return None
        if not isinstance(process, Process) or process.running:
            raise ReturnError(f"expected child_of to return a process that has not begun or None, got: {process!r:.80}")
        begin(process, self.system, self)
        self.__children[process] = work
        return process

    def __restart(self, work: Work[In], label: str, reason: Reason) -> None:
        """Make another child for the event of one that crashed, or could not start."""
        if not self.__budget.spend(self.system.now()):
            raise out_of_restarts(self.__budget, self, label, reason)
        try:
            process = self.__begin(work)
        except Exception as error:  # as in GenStage, it is tried again, out of the same budget
            self.__failed(work.event, error)
            do(self, partial(self.__restart, work, label, error))
            return
        self.__restarting.remove(work)
        if process is None:
            self.__handled([work.event])
            self.__done(work.subscription, 1)
        elif self.system.observer is not None:
            self.system.observer.restarted(process, self, reason)

    def __done(self, subscription: Subscription | None, count: int) -> None:
        """So many events of a subscription are done with: ask for more once `max_demand - min_demand` are."""
        if subscription is None or not count or self.__ending:
            return
        if subscription not in self.core.windows:  # it has ended
            self.__finished.pop(subscription, None)
            return
        self.__finished[subscription] += count
        finished = self.__finished[subscription]
        if finished >= subscription.terms.max_demand - subscription.terms.least:
            self.__finished[subscription] = 0
            self.ask(subscription, finished)

    def __handled(self, events: list[In]) -> None:
        if events and self.system.observer is not None:
            self.system.observer.handled(self, events)

    def __failed(self, event: In, error: Exception) -> None:
        line = f"{title_of(self)} failed to start a child for {event!r:.80}: {describe(error)}"
        self.system.report(line)
        self.system.log(self, line, error)

    def __lose(self, work: Work[In], why: str) -> None:
        if work not in self.__batch:
            self.system.lose(self, [work.event], why)

    async def __stop_child(self, child: Process) -> None:
        if self.shutdown is not None and isinstance(child, Stage | Task):
            child.patience = 0.0 if self.shutdown == "kill" else self.shutdown
        await child.end()
