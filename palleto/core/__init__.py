"""The rules of demand, as plain synchronous Python: no clock, no task, no await, no I/O.

Each stage has a machine. A message comes in; what follows leaves through a port, at once and in order. Read in this
order, in one sitting:

    messages           what stages say to each other
    demand             how many events a consumer asks for, and when
    port               what a machine acts through
    dispatch           who gets which events
    buffer             what nobody has asked for yet
    machine            what the machines have in common
    producer           remembers demand
    consumer           handles first, then asks
    producer_consumer  handles only what somebody below wants
"""

from palleto.core.buffer import Buffer, Keep
from palleto.core.consumer import ConsumerCore
from palleto.core.demand import CancelMode, Terms, Window, whole
from palleto.core.dispatch import BroadcastDispatcher, DemandDispatcher, Dispatcher, PartitionDispatcher
from palleto.core.machine import Core, Ledger
from palleto.core.messages import (
    ASK,
    CALL,
    CANCEL,
    CAST,
    DOWN,
    EMIT,
    EVENTS,
    NORMAL,
    SUBSCRIBE,
    Events,
    Message,
    Reason,
    Subscription,
)
from palleto.core.port import Callback, ListPort, Port, Then
from palleto.core.producer import FULL, ProducerCore, Producing
from palleto.core.producer_consumer import ProducerConsumerCore

__all__ = [
    "ASK",
    "CALL",
    "CANCEL",
    "CAST",
    "DOWN",
    "EMIT",
    "EVENTS",
    "FULL",
    "NORMAL",
    "SUBSCRIBE",
    "BroadcastDispatcher",
    "Buffer",
    "Callback",
    "CancelMode",
    "ConsumerCore",
    "Core",
    "DemandDispatcher",
    "Dispatcher",
    "Events",
    "Keep",
    "Ledger",
    "ListPort",
    "Message",
    "PartitionDispatcher",
    "Port",
    "ProducerConsumerCore",
    "ProducerCore",
    "Producing",
    "Reason",
    "Subscription",
    "Terms",
    "Then",
    "Window",
    "whole",
]
