"""The core on anyio: one run, its processes, their mailboxes, and what users say to them."""

from palleto.runtime.background import background
from palleto.runtime.consumer_supervisor import ConsumerSupervisor
from palleto.runtime.eager import Eager, asyncio_loop, eager
from palleto.runtime.express import CLEAR, NO_EXPRESS, express
from palleto.runtime.kinds import Consumer, Producer, ProducerConsumer
from palleto.runtime.process import Process, describe
from palleto.runtime.side_by_side import side_by_side
from palleto.runtime.stage import Stage
from palleto.runtime.streams import stream
from palleto.runtime.supervise import Child, Supervisor, child
from palleto.runtime.system import System, actor, running, whereis
from palleto.runtime.talk import call, cast, say
from palleto.runtime.tasks import Task, TaskSupervisor

__all__ = [
    "CLEAR",
    "NO_EXPRESS",
    "Child",
    "Consumer",
    "ConsumerSupervisor",
    "Eager",
    "Process",
    "Producer",
    "ProducerConsumer",
    "Stage",
    "Supervisor",
    "System",
    "Task",
    "TaskSupervisor",
    "actor",
    "asyncio_loop",
    "background",
    "call",
    "cast",
    "child",
    "describe",
    "eager",
    "express",
    "running",
    "say",
    "side_by_side",
    "stream",
    "whereis",
]
