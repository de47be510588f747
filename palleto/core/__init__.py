"""The rules of demand, as plain synchronous Python: no clock, no task, no await, no I/O.

Read in this order: messages, demand, dispatch, buffer, outlet, inlet, machine, machines.
"""

from palleto.core.buffer import Buffer, Keep
from palleto.core.demand import Batch, CancelMode, Terms, Window, whole
from palleto.core.dispatch import BroadcastDispatcher, DemandDispatcher, Dispatcher, PartitionDispatcher
from palleto.core.inlet import NORMAL
from palleto.core.machine import Core
from palleto.core.machines import ConsumerCore, Ledger, ProducerConsumerCore, ProducerCore
from palleto.core.messages import (
    Answer,
    Ask,
    Call,
    Cancel,
    Cast,
    Down,
    Drop,
    Effect,
    Events,
    Message,
    Reason,
    Request,
    Send,
    Stop,
    Subscribe,
    Subscription,
)

__all__ = [
    "NORMAL",
    "Answer",
    "Ask",
    "Batch",
    "BroadcastDispatcher",
    "Buffer",
    "Call",
    "Cancel",
    "CancelMode",
    "Cast",
    "ConsumerCore",
    "Core",
    "DemandDispatcher",
    "Dispatcher",
    "Down",
    "Drop",
    "Effect",
    "Events",
    "Keep",
    "Ledger",
    "Message",
    "PartitionDispatcher",
    "ProducerConsumerCore",
    "ProducerCore",
    "Reason",
    "Request",
    "Send",
    "Stop",
    "Subscribe",
    "Subscription",
    "Terms",
    "Window",
    "whole",
]
