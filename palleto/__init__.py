"""Demand-driven data pipelines: GenStage's model in Python, on anyio.

Read the modules in this order: messages, demand, dispatch, buffer, outlet, inlet, core (all plain and synchronous);
then process, mailbox, system, talk, runner, tasked, stage, kinds, restart, child, supervise, tasks and streams, which
run them; then trace, source, whereabouts, turn, law, kept, narrator, tape and recorder, which hear of it; then clock
and cloud. express, eager and trio_eager, and bystander, witness, witness_between and typist for runs with a recorder,
are for speed only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from palleto.clock import run
from palleto.core import BroadcastDispatcher, DemandDispatcher, Dispatcher, PartitionDispatcher, Subscription
from palleto.errors import (
    BadFile,
    BadInput,
    BadMessage,
    CloudError,
    DemandError,
    NameTakenError,
    NotFoundError,
    PalletoError,
    RestartError,
    ReturnError,
    SettingError,
    StandstillError,
)
from palleto.runtime import (
    Child,
    Consumer,
    ConsumerSupervisor,
    Process,
    Producer,
    ProducerConsumer,
    Stage,
    Supervisor,
    System,
    Task,
    TaskSupervisor,
    actor,
    call,
    cast,
    child,
    running,
    say,
    stream,
    whereis,
)
from palleto.trace import LawError, Recorder, Trace, TraceEvent, load

if TYPE_CHECKING:
    from palleto.replay import Passport

__all__ = [
    "BadFile",
    "BadInput",
    "BadMessage",
    "BroadcastDispatcher",
    "Child",
    "CloudError",
    "Consumer",
    "ConsumerSupervisor",
    "DemandDispatcher",
    "DemandError",
    "Dispatcher",
    "LawError",
    "NameTakenError",
    "NotFoundError",
    "PalletoError",
    "PartitionDispatcher",
    "Process",
    "Producer",
    "ProducerConsumer",
    "Recorder",
    "RestartError",
    "ReturnError",
    "SettingError",
    "Stage",
    "StandstillError",
    "Subscription",
    "Supervisor",
    "System",
    "Task",
    "TaskSupervisor",
    "Trace",
    "TraceEvent",
    "actor",
    "call",
    "cast",
    "child",
    "load",
    "run",
    "running",
    "say",
    "stream",
    "whereis",
]


def _message(trace: Trace, name: str) -> Passport:
    """The whole life of one message: by its id in the queue (the beginning is enough), or by an event's id.

    Raises SettingError if nothing in the trace is called so, or if several are.
    """
    from palleto.replay import Passport  # when it is asked for: 10 ms of the import

    return Passport.of(trace, name)


Trace.message = _message  # here, as a trace knows nobody above it, and `replay` is above it
