"""A consumer that starts one supervised child for each event, at most `max_demand` at a time."""

from __future__ import annotations

import anyio

from palleto.core import Reason, Subscription
from palleto.runtime.kinds import Consumer, In
from palleto.runtime.process import Home, Parent, Process, begin
from palleto.runtime.supervisor import Restart
from palleto.runtime.tasks import Task


class ConsumerSupervisor(Consumer[In]):
    """GenStage's ConsumerSupervisor: subclass it, subscribe in `init`, and write `async def run(self, event)`.

    restart: of a child that crashes; "temporary" (the default): never, its event is done with; "transient": again and
             again, as TaskSupervisor does it.

    `max_demand` is the most children at a time; more is asked for when `max_demand - min_demand` of them have ended.
    Stopping the stage stops its children; the events of those that were not through are lost, and told so.
    Beside a stage's own names, an attribute must not be called `run`, `child_of`, `child_exited` or `children`.
    """

    restart: Restart = "temporary"

    async def run(self, event: In) -> None:
        """Do what there is to do for one event."""
        raise NotImplementedError(f"expected {type(self).__name__} to have an `async def run`")

    def child_of(self, event: In) -> Process:
        """Make the child for an event: a task of `run`. Override it to start any other process."""
        return Task(self.run, (event,), self.restart, busy=True)

    def start(self, system: Home, parent: Parent) -> None:
        self.children: dict[str, tuple[Process, Subscription, In]] = {}
        self._finished: dict[Subscription, int] = {}
        super().start(system, parent)

    def handle_subscribe(self, kind: str, subscription: Subscription) -> str:
        self._finished[subscription] = 0
        self.ask(subscription, subscription.terms.max_demand)
        return "manual"

    def handle_events(self, events: list[In]) -> None:
        subscription = self.core.current[0]
        for event in events:
            process = self.child_of(event)
            begin(process, self.system, self)
            self.children[process.id] = (process, subscription, event)

    def child_exited(self, child: Process, reason: Reason) -> None:
        """A child ended: ask for more once `max_demand - min_demand` have."""
        _, subscription, event = self.children.pop(child.id)
        if reason == "shutdown":  # it was stopped before it was through
            self.system.lose(self, [event])
        self._finished[subscription] += 1
        batch = subscription.terms.max_demand - subscription.terms.least
        if self._finished[subscription] >= batch and subscription in self.core.windows:
            self.ask(subscription, self._finished[subscription])
            self._finished[subscription] = 0

    async def terminate(self, reason: Reason) -> None:
        async with anyio.create_task_group() as tasks:
            for process, _, _ in self.children.values():
                tasks.start_soon(process.end)
