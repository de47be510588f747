"""The express: what `Ask` and `Events` lead to where nothing is out of the ordinary, decided and done in one go.

The clear form is core.py's: a message in, a list of effects out, a result in, more effects out. At a demand of 1 those
lists and effects are three quarters of the cost of an event. So a stage that nobody records first offers such a message
to a function made here. It may

- return CLEAR, and have changed nothing: the clear form takes the message;
- return None, and have done what the clear form's effects say, in their order, with the core in the state they leave;
- return a Rest: what is left to do, in the clear form.

If a callback raises, the core is in the state in which the clear form would have called it. tests/test_express.py holds
the two forms equal, whatever the messages and their order.

It posts straight into mailboxes, and a tuple for Events, whose making takes 120 ns more: the subscription, the events,
and what the tape keeps of them in a recorded run, else None.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from palleto.core import (
    Ask,
    Batch,
    Call,
    ConsumerCore,
    Core,
    DemandDispatcher,
    Drop,
    Effect,
    Events,
    ProducerConsumerCore,
    ProducerCore,
    Send,
    Subscription,
)


class Rest(NamedTuple):
    """What is left: to give the core the `result` of `call`, if there is one, and then to carry out `effects`."""

    effects: deque[Effect]
    call: Call | None = None
    result: Any = None


CLEAR: Final = Rest(deque())
"""Not for the express."""

Callback = Callable[[Any], Any]
Asked = Callable[[Ask], Rest | None]
Came = Callable[[Subscription, Sequence[Any], Any], Rest | None]
Parcel = tuple[Subscription, Sequence[Any], Any]
"""Events as the express posts them."""


class Express(NamedTuple):
    """What takes an Ask, and what takes Events."""

    asked: Asked = lambda message: CLEAR
    came: Came = lambda subscription, events, ids: CLEAR

    def offer(self, message: Any) -> Rest | None:
        """Let the one that takes this message, if any, have it."""
        if isinstance(message, Events):
            return self.came(message.subscription, message.events, None)
        if isinstance(message, tuple):
            return self.came(*message)
        return self.asked(message) if isinstance(message, Ask) else CLEAR


NO_EXPRESS: Final = Express()


def express(core: Core, stage: Any, callbacks: dict[str, Callable[..., Any]]) -> Express:
    """The express functions of a stage. `stage` has `source`; addresses have a `_mailbox`, with `post(message)`."""
    if type(core) is ConsumerCore:
        return Express(came=_consumer(core, stage, callbacks["handle_events"]))
    if type(core) is ProducerCore and type(core.outlet.dispatcher) is DemandDispatcher:
        return Express(asked=_producer(core, core.outlet.dispatcher, callbacks["handle_demand"]))
    if type(core) is ProducerConsumerCore:
        return _between(core, _handle(core, stage, callbacks["handle_events"]))
    return NO_EXPRESS


def _producer(
    core: ProducerCore, dispatcher: DemandDispatcher, handle_demand: Callback
) -> Callable[[Ask], Rest | None]:
    """Nobody else is owed anything, and `handle_demand` gives all that is wanted, at once."""
    outlet, outstanding = core.outlet, dispatcher.outstanding
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
        outstanding[subscription] = dispatcher.demand = outlet.remembered = 0
        subscription.consumer._mailbox.post((subscription, events.copy(), None))
        return None

    return asked


def _consumer(core: ConsumerCore, stage: Any, handle_events: Callback) -> Came:
    """One batch is handled, and answered with an Ask where it is time."""
    windows, hand = core.inlet.windows, core.hand

    def came(subscription: Subscription, events: Sequence[Any], ids: None) -> Rest | None:
        window, count = windows.get(subscription), len(events)
        if window is None or window.manual or count > window.span:
            return CLEAR
        ask, left = 0, window.outstanding - count
        if left <= window.least:
            ask, left = window.most - left, window.most
        window.outstanding = left
        stage.source = subscription
        try:
            result = handle_events(events)
        except BaseException:
            hand.append(events)
            raise
        if result is not None:
            hand.append(events)
            after: list[Effect] = [Send(subscription.producer, Ask(subscription, ask))] if ask else []
            return Rest(deque(after), Call("handle_events", (events,), subscription), result)
        if ask:
            again = window.again
            if again is None or again.count != ask:
                again = window.again = Ask(subscription, ask)
            subscription.producer._mailbox.post(again)
        return None

    return came


Handle = Callable[..., Rest | None]
"""`came` of a producer-consumer; of a batch that has waited, with what to ask for after it."""


def _between(core: ProducerConsumerCore, came: Handle) -> Express:
    """Nothing is buffered: while somebody below wants events, batches are handled."""
    waiting, buffered = core.waiting, core.outlet.buffer.events
    dispatcher: Any = core.outlet.dispatcher  # only a DemandDispatcher has a `heap`, which may be empty
    outstanding = dispatcher.outstanding
    heap: Any = dispatcher.heap if type(dispatcher) is DemandDispatcher else "never empty"

    def asked(message: Ask) -> Rest | None:
        subscription, count = message.subscription, message.count
        before = outstanding.get(subscription)
        if buffered or before is None or count.__class__ is not int or count < 1:
            return CLEAR
        if not heap and before == dispatcher.demand:
            dispatcher.sole = subscription
            outstanding[subscription] = dispatcher.demand = before + count
        else:
            for to, share in dispatcher.ask(subscription, count):  # held for it
                to.consumer._mailbox.post((to, share, None))
        while waiting:
            item = waiting[0]
            if not isinstance(item, tuple):  # an end: rare
                return Rest(deque(core.settle([])))
            if dispatcher.demand <= 0:
                break
            waiting.popleft()
            above, events, ask = item
            rest = came(above, events, None, ask)
            if rest is not None:
                return rest
        return None

    return Express(asked, came)


def _handle(core: ProducerConsumerCore, stage: Any, handle_events: Callback) -> Handle:
    """A batch is handled, sent on, and asked for again; or it waits until somebody below wants events."""
    windows, waiting, ending, outlet = core.inlet.windows, core.waiting, core.ending, core.outlet
    dispatcher: Any = outlet.dispatcher
    outstanding, buffered = dispatcher.outstanding, outlet.buffer.events

    def came(subscription: Subscription, events: Sequence[Any], ids: None, ask: int = -1) -> Rest | None:
        window = windows.get(subscription)
        if ask < 0:  # it comes from the mailbox
            count = len(events)
            if window is None or buffered or window.manual or count > window.span:
                return CLEAR
            ask, left = 0, window.outstanding - count
            if left <= window.least:
                ask, left = window.most - left, window.most
            window.outstanding = left
            if waiting or dispatcher.demand <= 0:
                waiting.append((subscription, events, ask))
                return Rest(deque(core.settle([]))) if dispatcher.demand > 0 else None
        rest: Sequence[Any] = ()
        stage.source = subscription
        try:
            result = handle_events(events)
            if result.__class__ is not list:
                core.current = Batch(events, ask)
                return Rest(deque(), Call("handle_events", (events,), subscription), result)
            to, demand = dispatcher.sole, dispatcher.demand - len(result)
            if to is not None and demand >= 0 and result:
                outstanding[to] = dispatcher.demand = demand
                to.consumer._mailbox.post((to, result.copy(), None))
            else:
                deliveries, rest = dispatcher.dispatch(result)
                for to, share in deliveries:
                    to.consumer._mailbox.post((to, share, None))
        except BaseException:
            core.current = Batch(events, ask)
            raise
        if ask and (window is None or (ending and subscription in ending)):
            ask = 0
        if rest:
            return _left_over(core, rest, [Send(subscription.producer, Ask(subscription, ask))] if ask else [])
        if ask:
            again = window.again  # type: ignore[union-attr]  # not None, or there is nothing to ask for
            if again is None or again.count != ask:
                again = window.again = Ask(subscription, ask)  # type: ignore[union-attr]
            subscription.producer._mailbox.post(again)
        return None

    return came


def _left_over(core: ProducerConsumerCore, events: Sequence[Any], after: list[Effect]) -> Rest:
    """More came of a batch than is wanted."""
    if lost := core.outlet.buffer.add(events):
        after.insert(0, Drop(lost))
    return Rest(deque(core.settle(after)))
