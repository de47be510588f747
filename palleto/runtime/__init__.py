"""The core on anyio: one run, its processes, and what happens between them.

Read in this order:

process              the life of whatever runs: it begins, has a name, ends once
observer             who is told of all that happens
mailbox              what a stage was told and has not taken yet
lost                 events that were given up, and the log of them
request              a question that somebody waits to have answered
port                 what a running stage's machine acts through
timers               messages that come later
actor                for whom the code acts that runs now
pump                 who takes the next message
order                the same, where somebody decides it
drain                how a run ends and loses nothing
system               one run: its processes, their names, what is told of it
standstill           who waits for whom, where nothing moves
running              a run from its begin to its end
stage                callbacks and life of a stage
rate                 so many events an interval
kinds                producer, producer-consumer, consumer
batcher              batches by size or time
supervisor           what starts processes, and starts them again
tasks                `async` functions under a supervisor
consumer_supervisor  a child for each event
acknowledgement      what became of an event, told to whom it came from
calls                cast, call, say
stream               from stages to plain Python
background, side_by_side   small helpers for tasks beside a block
"""

from palleto.runtime.acknowledgement import Acknowledger, Acknowledges, Delivery
from palleto.runtime.actor import actor
from palleto.runtime.background import background
from palleto.runtime.batcher import Batcher
from palleto.runtime.calls import async_info, call, cast, say
from palleto.runtime.consumer_supervisor import ConsumerSupervisor
from palleto.runtime.kinds import Consumer, Producer, ProducerConsumer
from palleto.runtime.lost import Lost
from palleto.runtime.observer import Observer
from palleto.runtime.order import Order
from palleto.runtime.process import Process, describe, is_crash, parent_of
from palleto.runtime.request import Reply, Request
from palleto.runtime.running import running
from palleto.runtime.side_by_side import side_by_side
from palleto.runtime.stage import Stage
from palleto.runtime.stream import stream
from palleto.runtime.supervisor import Child, Restart, Strategy, Supervisor, child
from palleto.runtime.system import System, whereis
from palleto.runtime.tasks import Task, TaskSupervisor
from palleto.runtime.timers import Timer

__all__ = [
    "Acknowledger",
    "Acknowledges",
    "Batcher",
    "Child",
    "Consumer",
    "ConsumerSupervisor",
    "Delivery",
    "Lost",
    "Observer",
    "Order",
    "Process",
    "Producer",
    "ProducerConsumer",
    "Reply",
    "Request",
    "Restart",
    "Stage",
    "Strategy",
    "Supervisor",
    "System",
    "Task",
    "TaskSupervisor",
    "Timer",
    "actor",
    "async_info",
    "background",
    "call",
    "cast",
    "child",
    "describe",
    "is_crash",
    "parent_of",
    "running",
    "say",
    "side_by_side",
    "stream",
    "whereis",
]
