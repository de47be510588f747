"""Demand-driven data pipelines: GenStage's model in Python, on anyio.

Each package stands on a floor, and imports only from those below it. Begin at the ground:

    core        the rules of demand: read it first, in one sitting
    clock       real, faster and virtual time
    files       gzip in, counts and results out
    runtime     the core on anyio: runs, stages, supervisors, tasks
    trace       what happened: trace events, the recorder, the law of the ledger
    cloud       the door to SQS, S3 and CloudFormation, on five places
    replay      what a trace answers
    program     a step as a command
    experiment  runs as objects
    lab         what notebooks show
    commands    the `palleto` command
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from palleto.clock import run
from palleto.core import (
    BroadcastDispatcher,
    Buffer,
    CancelMode,
    DemandDispatcher,
    Dispatcher,
    Keep,
    PartitionDispatcher,
    Reason,
    Subscription,
    Terms,
)
from palleto.errors import (
    BadFile,
    BadInput,
    BadMessage,
    CloudError,
    DemandError,
    DrainError,
    EndlessError,
    NameTakenError,
    NotFoundError,
    PalletoError,
    RestartError,
    ReturnError,
    SettingError,
    StandstillError,
)
from palleto.runtime import (
    Acknowledger,
    Acknowledges,
    Batcher,
    Child,
    Consumer,
    ConsumerSupervisor,
    Delivery,
    Lost,
    Observer,
    Process,
    Producer,
    ProducerConsumer,
    Reply,
    Restart,
    Stage,
    Strategy,
    Supervisor,
    System,
    Task,
    TaskSupervisor,
    Timer,
    actor,
    async_info,
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
    "Acknowledger",
    "Acknowledges",
    "BadFile",
    "BadInput",
    "BadMessage",
    "Batcher",
    "BroadcastDispatcher",
    "Buffer",
    "CancelMode",
    "Child",
    "CloudError",
    "Consumer",
    "ConsumerSupervisor",
    "Delivery",
    "DemandDispatcher",
    "DemandError",
    "Dispatcher",
    "DrainError",
    "EndlessError",
    "Keep",
    "LawError",
    "Lost",
    "NameTakenError",
    "NotFoundError",
    "Observer",
    "PalletoError",
    "PartitionDispatcher",
    "Process",
    "Producer",
    "ProducerConsumer",
    "Reason",
    "Recorder",
    "Reply",
    "Restart",
    "RestartError",
    "ReturnError",
    "SettingError",
    "Stage",
    "StandstillError",
    "Strategy",
    "Subscription",
    "Supervisor",
    "System",
    "Task",
    "TaskSupervisor",
    "Terms",
    "Timer",
    "Trace",
    "TraceEvent",
    "actor",
    "async_info",
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
