"""Demand-driven data pipelines: GenStage's model in Python, on anyio.

Read the modules in this order: messages, demand, dispatch, buffer, outlet, inlet, core (all plain and synchronous);
then process, mailbox, system, talk, runner, tasked, stage, kinds, restart, child, supervise, tasks and streams, which
run them; then trace, source, whereabouts, turn, law, kept, narrator, tape and recorder, which hear of it; then clock
and cloud. express, eager and trio_eager, and bystander, witness, witness_between and typist for runs with a recorder,
are for speed only.
"""

from __future__ import annotations

from palleto.clock import run
from palleto.consumer_supervisor import ConsumerSupervisor
from palleto.dispatch import BroadcastDispatcher, DemandDispatcher, Dispatcher, PartitionDispatcher
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
from palleto.kinds import Consumer, Producer, ProducerConsumer
from palleto.law import LawError
from palleto.messages import Subscription
from palleto.process import Process
from palleto.recorder import Recorder
from palleto.stage import Stage
from palleto.streams import stream
from palleto.supervise import Child, Supervisor, child
from palleto.system import System, actor, running, whereis
from palleto.talk import call, cast, say
from palleto.tasks import Task, TaskSupervisor
from palleto.trace import Trace, TraceEvent, load

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
