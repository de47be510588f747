"""The express: what `Ask` and `Events` lead to where nothing is out of the ordinary, decided and done in one go.

The clear form is core.py's: a message in, a list of effects out, a result in, more effects out. At a demand of 1 those
lists and effects are three quarters of the cost of an event. So a stage that nobody records first offers such a message
to a function made here. It may

- return CLEAR, and have changed nothing: the clear form takes the message;
- return None, and have done what the clear form's effects say, in their order, with the core in the state they leave;
- return a Rest: what is left to do, in the clear form.

If a callback raises, the core is in the state in which the clear form would have called it. tests/test_express.py holds
the two forms equal, whatever the messages and their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from palleto.core import ConsumerCore, ProducerConsumerCore, ProducerCore
from palleto.dispatch import DemandDispatcher
from palleto.machine import Core
from palleto.messages import Ask, Call, Drop, Effect, Events, Send


class Rest(NamedTuple):
    """What is left: to give the core the `result` of `call`, if there is one, and then to carry out `effects`."""

    effects: deque[Effect]
    call: Call | None = None
    result: Any = None


CLEAR: Final = Rest(deque())
"""Not for the express."""

Express = Callable[[Any], Rest | None]


def express(core: Core, stage: Any) -> dict[type, Express]:
    """The express functions of a stage, by the message they take: `stage` has the callbacks and `source`.

    The addresses in its subscriptions must have a method `post`.
    """
    if type(core) is ConsumerCore:
        return {Events: _consumer_events(core, stage)}
    if type(core) is ProducerCore and type(core.outlet.dispatcher) is DemandDispatcher:
        return {Ask: _producer_asked(core, core.outlet.dispatcher, stage)}
    if type(core) is ProducerConsumerCore:
        advance = _advance(core, stage)
        return {Ask: _between_asked(core, advance), Events: _between_events(core, advance)}
    return {}


def _producer_asked(core: ProducerCore, dispatcher: DemandDispatcher, stage: Any) -> Express:
    """Nobody else is owed anything, and `handle_demand` gives all that is wanted, at once."""
    outlet, outstanding, handle_demand = core.outlet, dispatcher.outstanding, stage.handle_demand
    buffered = outlet.buffer.events

    def asked(message: Ask) -> Rest | None:
        subscription, count = message.subscription, message.count
        if (
            dispatcher.demand
            or outlet.remembered
            or buffered
            or not core.forwarding
            or subscription not in outstanding
            or count.__class__ is not int
            or count < 1
        ):
            return CLEAR
        dispatcher.sole = subscription
        outstanding[subscription] = dispatcher.demand = outlet.remembered = count
        events = handle_demand(count)
        if events.__class__ is not list or len(events) != count:
            return Rest(deque(), Call("handle_demand", (count,)), events)
        dispatcher.sole = None
        outstanding[subscription] = dispatcher.demand = outlet.remembered = 0
        subscription.consumer.post(Events(subscription, events.copy()))
        return None

    return asked


def _consumer_events(core: ConsumerCore, stage: Any) -> Express:
    """One batch is handled, and answered with an Ask where it is time."""
    windows, hand, handle_events = core.inlet.windows, core.hand, stage.handle_events

    def came(message: Events) -> Rest | None:
        subscription, events = message.subscription, message.events
        window = windows.get(subscription)
        if window is None or window.manual or len(events) > window.span:
            return CLEAR
        ask, left = 0, window.outstanding - len(events)
        if left <= window.least:
            ask, left = window.most - left, window.most
        window.outstanding = left
        hand.append(events)
        stage.source = subscription
        result = handle_events(events)
        if result is not None:
            after: list[Effect] = [Send(subscription.producer, Ask(subscription, ask))] if ask else []
            return Rest(deque(after), Call("handle_events", (events,), subscription), result)
        hand.popleft()
        if ask:
            again = window.again
            if again is None or again.count != ask:
                again = window.again = Ask(subscription, ask)
            subscription.producer.post(again)
        return None

    return came


def _between_asked(core: ProducerConsumerCore, advance: Callable[[], Rest | None]) -> Express:
    """Nothing is buffered: if a batch waits, it may be handled now."""
    dispatcher, buffered, waiting = core.outlet.dispatcher, core.outlet.buffer.events, core.waiting

    def asked(message: Ask) -> Rest | None:
        subscription, count = message.subscription, message.count
        if buffered or subscription not in dispatcher.outstanding or count.__class__ is not int or count < 1:
            return CLEAR
        for to, share in dispatcher.ask(subscription, count):  # held for it
            to.consumer.post(Events(to, share))
        return advance() if waiting else None

    return asked


def _between_events(core: ProducerConsumerCore, advance: Callable[[], Rest | None]) -> Express:
    """Nothing is buffered: if somebody below wants events, the batch is handled now."""
    windows, waiting, buffered = core.inlet.windows, core.waiting, core.outlet.buffer.events

    def came(message: Events) -> Rest | None:
        window = windows.get(message.subscription)
        if window is None or buffered:
            return CLEAR
        for batch in window.receive(message.events):
            waiting.append((message.subscription, batch))
        return advance()

    return came


def _advance(core: ProducerConsumerCore, stage: Any) -> Callable[[], Rest | None]:
    """Rule 3 of core.py: batch after batch is handled while somebody below wants events, and what came of it sent."""
    outlet, dispatcher, waiting, handle_events = core.outlet, core.outlet.dispatcher, core.waiting, stage.handle_events
    windows, ending = core.inlet.windows, core.ending

    def advance() -> Rest | None:
        while waiting:
            item = waiting[0]
            if not isinstance(item, tuple):
                return Rest(deque(core.settle([])))
            if dispatcher.demand <= 0:
                return None
            subscription, batch = waiting.popleft()
            core.current = batch
            stage.source = subscription
            result = handle_events(batch.events)
            if result.__class__ is not list:
                return Rest(deque(), Call("handle_events", (batch.events,), subscription), result)
            deliveries, rest = dispatcher.dispatch(result)
            core.current = None
            for to, share in deliveries:
                to.consumer.post(Events(to, share))
            after: list[Effect] = []
            if rest and (lost := outlet.buffer.add(rest)):
                after.append(Drop(lost))
            if batch.ask and subscription in windows and subscription not in ending:
                after.append(Send(subscription.producer, Ask(subscription, batch.ask)))
            if rest:
                return Rest(deque(core.settle(after)))
            for effect in after:
                effect.to.post(effect.message)
        return None

    return advance
