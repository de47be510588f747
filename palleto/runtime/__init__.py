"""The core on anyio: one run, its processes, and what happens between them.

Read in this order:

process              the life of whatever runs: it begins, has a name, ends once
observer             who is told of all that happens
mailbox              what a stage was told and has not taken yet
port                 what a running stage's machine acts through
system               one run: names, turns, the pump
stage                callbacks and life of a stage
kinds                producer, producer-consumer, consumer
supervisor           what starts processes, and starts them again
tasks                `async` functions under a supervisor
consumer_supervisor  a child for each event
calls                cast, call, say
stream               from stages to plain Python
background, side_by_side   small helpers for tasks beside a block
"""

from palleto.runtime.background import background
from palleto.runtime.calls import Request, call, cast, say
from palleto.runtime.consumer_supervisor import ConsumerSupervisor
from palleto.runtime.kinds import Consumer, Producer, ProducerConsumer
from palleto.runtime.observer import Observer
from palleto.runtime.process import Process, describe, is_crash
from palleto.runtime.side_by_side import side_by_side
from palleto.runtime.stage import Stage
from palleto.runtime.stream import stream
from palleto.runtime.supervisor import Child, Restart, Strategy, Supervisor, child
from palleto.runtime.system import System, actor, running, whereis
from palleto.runtime.tasks import Task, TaskSupervisor

__all__ = [
    "Child",
    "Consumer",
    "ConsumerSupervisor",
    "Observer",
    "Process",
    "Producer",
    "ProducerConsumer",
    "Request",
    "Restart",
    "Stage",
    "Strategy",
    "Supervisor",
    "System",
    "Task",
    "TaskSupervisor",
    "actor",
    "background",
    "call",
    "cast",
    "child",
    "describe",
    "is_crash",
    "running",
    "say",
    "side_by_side",
    "stream",
    "whereis",
]
